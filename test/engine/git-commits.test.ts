import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GitLab, git } from "../support/git-lab.js";
import { docker } from "../support/lab.js";

describe("commits made in a session", () => {
  it("come over with their ids, authors and dates, to a branch of their own", async () => {
    await using lab = new GitLab();
    const id = await lab.session(
      "echo x > x.txt; git add -A; GIT_AUTHOR_DATE='2001-02-03T04:05:06 +0700' git commit -qm 'first inside'; git commit -q --allow-empty -m second",
    );
    const inside = await lab.inside(id, "git log --format='%H %an <%ae> %aI %cn %cI %s'");
    const refs = lab.refs();
    const brought = await lab.bring(id);
    expect(brought).toMatchObject({ branch: `airlock/${id}`, landed: true });
    expect(brought.commits.map(({ subject }) => subject)).toEqual(["second", "first inside"]);
    expect(brought.changes.map(({ kind, path }) => `${kind} ${path}`)).toEqual(["added x.txt"]);
    expect(git(lab.project, "log", "--format=%H %an <%ae> %aI %cn %cI %s", `airlock/${id}`)).toBe(inside);
    expect(lab.refs()).toBe(
      [`${brought.tip} refs/heads/airlock/${id}`, refs].sort((a, b) => (a.slice(41) < b.slice(41) ? -1 : 1)).join("\n"),
    );
    expect(git(lab.project, "status", "--porcelain")).toBe("");
    expect(git(lab.project, "fsck", "--strict")).not.toContain("error");
    const journal = readFileSync(join(lab.home, "sessions", id, "journal.jsonl"), "utf8");
    expect(journal).toMatch(/"commits\.begin".*"commits\.landed"/s);
  });

  it("come over again as they grow, and not when nothing is new", async () => {
    await using lab = new GitLab();
    const id = await lab.session("git commit -q --allow-empty -m one");
    await lab.bring(id);
    expect(await lab.refusal(id)).toMatch(/^E_GIT_REFUSED: there is no commit that the host does not have/);
    await lab.inside(id, "git commit -q --allow-empty -m two");
    const { commits, tip } = await lab.bring(id);
    expect(commits.map(({ subject }) => subject)).toEqual(["two"]);
    expect(git(lab.project, "rev-parse", `airlock/${id}`)).toBe(tip);
  });

  it("replace an earlier landing only by force, and never a branch that is checked out", async () => {
    await using lab = new GitLab();
    const id = await lab.session("git commit -q --allow-empty -m one");
    const first = await lab.bring(id);
    await lab.inside(id, "git commit -q --amend --allow-empty -m better");
    expect(await lab.refusal(id)).toMatch(
      /^E_GIT_REFUSED: airlock\/.* holds commits that are not among those that come/,
    );
    expect((await lab.bring(id, { force: true })).tip).not.toBe(first.tip);
    git(lab.project, "switch", "-q", `airlock/${id}`);
    await lab.inside(id, "git commit -q --allow-empty -m more");
    expect(await lab.refusal(id, { force: true })).toMatch(/is checked out/);
  });

  it("come from a named branch, from merges, after a rebase and after gc", async () => {
    await using lab = new GitLab();
    const id = await lab.session(`
      git switch -qc topic HEAD~1; echo t > t; git add -A; git commit -qm topic
      git switch -q main; echo m > m; git add -A; git commit -qm main; git merge -q -m merged topic
      git switch -qc rebased HEAD~2; echo r > r; git add -A; git commit -qm rebased; git rebase -q main; git gc -q --prune=now`);
    const brought = await lab.bring(id, { branch: "rebased" });
    expect(brought.commits.map(({ subject }) => subject).sort()).toEqual(["main", "merged", "rebased", "topic"]);
    expect(git(lab.project, "ls-tree", "--name-only", brought.branch).split("\n")).toEqual(
      expect.arrayContaining(["r", "m", "t", "three.txt"]),
    );
    expect(await lab.refusal(id, { branch: "missing" })).toMatch(/^E_GIT_REFUSED: there is no such commit or branch/);
    expect(await lab.refusal(id, { branch: "--all" })).toMatch(/^E_GIT_REFUSED|^E_USAGE/);
    expect(await lab.refusal(id, { branch: "a..b" })).toMatch(/^E_USAGE/);
  });

  it("are shown before they land, and stay where they are when declined", async () => {
    await using lab = new GitLab();
    const id = await lab.session(
      "mkdir -p .github/workflows; echo x > .github/workflows/ci.yml; git add -A; git commit -qm ci",
    );
    const refs = lab.refs();
    const objects = git(lab.project, "count-objects", "-v");
    let shown: readonly string[] = [];
    const brought = await lab.bring(id, {
      confirm: async ({ risks }) => {
        shown = risks;
        expect(lab.refs()).toBe(refs);
        return false;
      },
    });
    expect(brought.landed).toBe(false);
    expect(shown).toEqual([expect.stringMatching(/^\.github\/workflows\/ci\.yml runs on a build server/)]);
    expect(lab.refs()).toBe(refs);
    expect(git(lab.project, "count-objects", "-v")).toBe(objects);
  });

  it("come from a stopped session, and leave neither container nor folder behind", async () => {
    await using lab = new GitLab();
    const { code } = await lab.airlock([
      "run",
      "--name",
      "oneshot",
      "--on-exit",
      "keep",
      "--",
      "sh",
      "-c",
      "git -c user.name=A -c user.email=a@b commit -q --allow-empty -m run",
    ]);
    expect(code).toBe(0);
    const held = await lab.held("oneshot");
    expect((await lab.bring("oneshot")).commits).toMatchObject([{ subject: "run", author: "A <a@b>" }]);
    expect(await lab.held("oneshot")).toEqual(held.filter((each) => !each.startsWith("airlock-oneshot-1")));
    expect(() => readFileSync(join(lab.home, "sessions/oneshot/transfer"))).toThrow("ENOENT");
  });

  it("come to a host that moved on meanwhile, from where it was left", async () => {
    await using lab = new GitLab();
    const id = await lab.session("git commit -q --allow-empty -m inside");
    const host = lab.commit("host went on");
    const { tip } = await lab.bring(id);
    expect(git(lab.project, "merge-base", host, tip)).toBe(git(lab.project, "rev-parse", "main~1"));
  });

  it("leave nothing of a command that was killed on the way", async () => {
    await using lab = new GitLab();
    const id = await lab.session("git commit -q --allow-empty -m inside");
    const labels = [
      `airlock.home=${await lab.homeId()}`,
      `airlock.session=${id}`,
      "airlock.role=git",
      "airlock.test=1",
    ];
    const flags = labels.flatMap((label) => ["--label", label]);
    const { container } = JSON.parse(readFileSync(join(lab.home, "sessions", id, "session.json"), "utf8"));
    await docker(
      "create",
      ...flags,
      "--name",
      `airlock-${id}-git-dead`,
      await docker("inspect", "-f", "{{.Image}}", container),
    );
    await docker("pause", container);
    const folder = join(lab.home, "sessions", id, "transfer");
    mkdirSync(folder);
    writeFileSync(join(folder, "bundle"), "half");
    writeFileSync(`${folder}.lock`, "999999 no-boot/1");
    await lab.bring(id);
    expect((await lab.held(id)).filter((each) => each.includes("-git-"))).toEqual([]);
    expect(existsSync(folder) || existsSync(`${folder}.lock`)).toBe(false);
    expect(await lab.inside(id, "git log -1 --format=%s")).toBe("inside");
  });

  it("are asked for on the command line: high risk by itself, and never without an answer", async () => {
    await using lab = new GitLab();
    const id = await lab.session("git commit -q --allow-empty -m plain");
    const apply = (...args: string[]) => lab.airlock(["apply", "-s", id, "--commits", ...args]);
    const unasked = await apply();
    expect([unasked.code, unasked.stderr]).toEqual([13, expect.stringContaining("nobody to ask")]);
    const dry = await apply("--dry-run");
    expect([dry.code, dry.stderr]).toEqual([
      0,
      expect.stringMatching(/1 commit, 0 paths changed.*nothing was brought over/s),
    ]);
    expect(lab.refs()).not.toContain("airlock/");
    const yes = await apply("--yes");
    expect([yes.code, yes.stdout.toString()]).toEqual([
      0,
      expect.stringContaining(`brought 1 commit to airlock/${id}`),
    ]);
    await lab.inside(id, "echo x > Makefile; git add -A; git commit -qm risky");
    const risky = await apply("--yes");
    expect([risky.code, risky.stderr]).toEqual([13, expect.stringContaining("! Makefile ")]);
    const allowed = await apply("main", "--yes", "--allow-risk", "--json");
    expect(JSON.parse(allowed.stdout.toString())).toMatchObject({
      branch: `airlock/${id}`,
      landed: true,
      tip: git(lab.project, "rev-parse", `airlock/${id}`),
      commits: [{ subject: "risky", author: "The Agent <agent@example.org>" }],
    });
  });

  it("are asked for at a terminal, once for all of them, with what is of high risk named first", async () => {
    await using lab = new GitLab();
    const id = await lab.session("git commit -q --allow-empty -m plain");
    const ask = async (question: RegExp, answer: string, ...args: string[]): Promise<string> => {
      const terminal = lab.terminal(["apply", "-s", id, "--commits", ...args]);
      await terminal.waitFor(question);
      terminal.type(answer);
      expect(await terminal.exit).toBe(0);
      return terminal.output;
    };
    expect(await ask(/plain[\s\S]*bring them over\? \[y\/N\]/, "\r")).toContain("nothing was brought over");
    expect(lab.refs()).not.toContain("airlock/");
    expect(await ask(/bring them over\? \[y\/N\]/, "y\r")).toContain(`brought 1 commit to airlock/${id}`);
    const plain = git(lab.project, "rev-parse", `airlock/${id}`);
    await lab.inside(id, "echo x > Makefile; git add -A; git commit -qm risky");
    // High risk is asked for also where --yes was said.
    const risky = /! Makefile [\s\S]*with what is of high risk\? \[y\/N\]/;
    expect(await ask(risky, "n\r", "--yes")).toContain("nothing was brought over");
    expect(git(lab.project, "rev-parse", `airlock/${id}`)).toBe(plain);
    expect(await ask(risky, "y\r", "--yes")).toContain(`brought 1 commit to airlock/${id}`);
    expect(git(lab.project, "log", "-1", "--format=%s", `airlock/${id}`)).toBe("risky");
  });

  it("cannot come to a project that is no repository, and the message says why", async () => {
    await using lab = new GitLab();
    rmSync(join(lab.project, ".git"), { recursive: true });
    const id = await lab.session("git init -q; git add -A; git commit -qm all");
    const message = await lab.bring(id).catch((error: Error & { code?: string }) => `${error.code}: ${error.message}`);
    expect(message).toMatch(/^E_GIT_UNUSABLE: .* is no git repository of yours on the host/);
  });
});
