import { execFileSync } from "node:child_process";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GitLab, git } from "../support/git-lab.js";

interface Diff {
  readonly git: {
    readonly branches: readonly { name: string; kind: string; commits: readonly { subject: string }[] }[];
  };
}

describe("where a project's repository is", () => {
  it("may have no commit yet: the first ones come over whole", async () => {
    await using lab = new GitLab();
    rmSync(join(lab.project, ".git"), { recursive: true });
    git(lab.project, "init", "-q");
    const id = await lab.session("git add -A; git commit -qm all");
    const { commits, tip, changes } = await lab.bring(id);
    expect(commits.map(({ subject }) => subject)).toEqual(["all"]);
    expect(changes.length).toBeGreaterThan(3);
    expect(git(lab.project, "rev-parse", `airlock/${id}`)).toBe(tip);
  });

  it("may use SHA-256", async () => {
    await using lab = new GitLab();
    rmSync(join(lab.project, ".git"), { recursive: true });
    git(lab.project, "init", "-q", "--object-format=sha256");
    lab.commit("one");
    const id = await lab.session("git commit -q --allow-empty -m inside");
    expect((await lab.bring(id)).tip).toHaveLength(64);
    const other = await lab.session("rm -rf .git; git init -q; git commit -q --allow-empty -m other");
    expect(await lab.refusal(other)).toMatch(/^E_GIT_REFUSED: .*object ids of another kind|^E_GIT_REFUSED: /);
  });

  it("may be a work tree of another: nothing inside without that one, its commits with it", async () => {
    await using lab = new GitLab();
    const main = lab.beside("main");
    git(main, "init", "-q");
    git(main, "commit", "-q", "--allow-empty", "-m", "first");
    rmSync(lab.project, { recursive: true });
    git(main, "worktree", "add", "-q", "-b", "topic", lab.project);
    const alone = await lab.session("echo x > x");
    const message = await lab
      .bring(alone)
      .catch((error: Error & { hint?: string }) => `${error.message} ${error.hint}`);
    expect(message).toMatch(/git finds no repository in the session.*--path DIR:cow/);
    const id = await lab.session("echo x > x; git add -A; git commit -qm inside", "--path", `${main}/.git:cow`);
    const { tip, commits } = await lab.bring(id);
    expect(commits.map(({ subject }) => subject)).toEqual(["inside"]);
    expect(git(main, "rev-parse", `airlock/${id}`)).toBe(tip);
    expect(git(main, "rev-parse", "topic")).not.toBe(tip);
  });

  it("may be a submodule of another", async () => {
    await using lab = new GitLab();
    const parent = lab.beside("parent");
    git(parent, "init", "-q");
    git(parent, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", lab.project, "lib");
    git(parent, "commit", "-q", "-m", "with lib");
    const project = join(parent, "lib");
    const { code, stdout, stderr } = await lab.airlock(["start", "--project", project, "--path", `${parent}/.git:cow`]);
    expect(code, stderr).toBe(0);
    const id = stdout.toString().trim();
    await lab.inside(id, "git commit -q --allow-empty -m inside");
    const { tip } = await lab.bring(id);
    expect(git(project, "rev-parse", `airlock/${id}`)).toBe(tip);
  });

  it("may be uploaded to an engine that cannot see it", async () => {
    await using lab = new GitLab();
    const id = await lab.session(
      "echo x > x; git add -A; git commit -qm inside; git switch -qc other",
      "--workspace",
      "upload",
    );
    const { git: section } = await lab.json<Diff>(["diff", "-s", id, "--json"]);
    expect(section.branches.map(({ name, kind }) => `${kind} ${name}`)).toEqual(["moved main", "added other"]);
    expect((await lab.bring(id)).commits).toMatchObject([{ subject: "inside" }]);
  });

  it("stays its owner's when root brings commits over", async () => {
    await using lab = new GitLab();
    execFileSync("chmod", ["755", lab.root]);
    execFileSync("chown", ["-R", "1234:1234", lab.project]);
    const id = await lab.session("echo x > x; git add -A; git commit -qm inside");
    await lab.bring(id);
    const foreign = execFileSync("find", [lab.project, "!", "-uid", "1234"], { encoding: "utf8" });
    expect(foreign).toBe("");
    expect(statSync(join(lab.project, `.git/refs/heads/airlock/${id}`)).uid).toBe(1234);
  });
});

describe("what happened to a repository in a session", () => {
  it("is told of commits, merges, rebases, deleted branches, tags, stashes and gc", async () => {
    await using lab = new GitLab();
    git(lab.project, "branch", "old");
    const id = await lab.session(`
      git switch -qc topic HEAD~1; echo t > t; git add -A; git commit -qm topic
      git switch -q main; echo m > m; git add -A; git commit -qm mine; git merge -q -m merged topic
      git branch -D old; git tag v1; echo s > one.txt; git stash -q`);
    const before = await lab.airlock(["diff", "-s", id]);
    const text = before.stdout.toString();
    for (const each of [
      "branch main",
      "merged",
      "mine",
      "branch topic is new",
      "! branch old is deleted",
      "refs/tags/v1",
      "refs/stash",
    ])
      expect(text).toContain(each);
    expect(text).not.toContain(".git/objects/");
    await lab.inside(id, "git gc -q --prune=now");
    const after = await lab.json<Diff>(["diff", "-s", id, "--json"]);
    expect(
      after.git.branches.map(({ name, kind, commits }) => [name, kind, commits.map(({ subject }) => subject)]),
    ).toEqual([
      ["main", "moved", ["merged", "mine", "topic"]],
      ["old", "deleted", []],
      ["topic", "added", ["topic"]],
    ]);
    await lab.inside(id, "git reset -q --hard main~2; git commit -q --amend --allow-empty -m amended");
    expect((await lab.airlock(["diff", "-s", id])).stdout.toString()).toMatch(
      /! branch main .*rewritten, 1 commit of the host/,
    );
  });

  it("tells when the host went on from where the session left it", async () => {
    await using lab = new GitLab();
    const id = await lab.session("git commit -q --allow-empty -m inside");
    lab.commit("meanwhile");
    const { stdout } = await lab.airlock(["diff", "-s", id]);
    expect(stdout.toString()).toMatch(/! branch main .*moved on the host too, 1 commit of the host not in it/);
    expect((await lab.bring(id)).commits).toMatchObject([{ subject: "inside" }]);
  });

  it("keeps lines within 80 columns and a patch free of git's own data", async () => {
    await using lab = new GitLab();
    const long = "a subject that goes on and on ".repeat(10);
    const id = await lab.session(
      `echo x >> one.txt; git add -A; git commit -q -m '${long}' --author '${"Very Long ".repeat(9)} <a@b>'`,
    );
    const { stdout } = await lab.airlock(["diff", "-s", id]);
    const section = stdout.toString().split("\n\n")[0] ?? "";
    expect(section).toContain("a subject that goes on");
    for (const line of section.split("\n")) expect([...line].length).toBeLessThanOrEqual(80);
    const patch = await lab.airlock(["diff", "-s", id, "--patch"]);
    expect(patch.stderr).toMatch(/paths of git's own data are not in the patch/);
    writeFileSync(join(lab.root, "patch"), patch.stdout);
    git(lab.project, "apply", "--check", join(lab.root, "patch"));
  });
});
