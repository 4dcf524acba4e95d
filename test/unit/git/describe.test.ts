import { readFileSync, rmSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { git, TwoSides } from "./two-sides.js";

const branchesOf = ({ branches }: { branches: readonly { name: string; kind: string }[] }) =>
  branches.map(({ name, kind }) => `${kind} ${name}`);

describe("what a session did to git", () => {
  it("names the commits made inside, with author, date and subject, newest first", async () => {
    using sides = new TwoSides();
    sides.commit(sides.work, "second", { "a.txt": "two\n" });
    const tip = sides.commit(sides.work, "third: \u001b[31mred\u202e", { "b.txt": "b\n" });
    const report = await sides.describe();
    expect(branchesOf(report)).toEqual(["moved main"]);
    const [main] = report.branches;
    expect(main).toMatchObject({ after: tip, lost: 0, more: 0, complete: true });
    expect(main?.commits.map(({ subject }) => subject)).toEqual(["third: \u001b[31mred\u202e", "second"]);
    expect(main?.commits[0]).toMatchObject({ id: tip, author: "Ann Author <ann@example.org>" });
    expect(main?.commits[0]?.date).toMatch(/^2023-11-1\dT\d\d:\d\d:\d\d\.000Z$/);
    expect(report.risks).toEqual([]);
    expect(report.paths).toBe(sides.changes().filter(({ path }) => path.startsWith(".git")).length);
  });

  it("says of a rewritten history how many commits of the host are not in it", async () => {
    using sides = new TwoSides((host) => {
      for (const each of ["one", "two", "three", "four"]) emptyCommit(host, each);
    });
    git(sides.work, "reset", "-q", "--hard", "HEAD~2");
    sides.commit(sides.work, "instead", { "x.txt": "x" });
    const report = await sides.describe();
    expect(report.branches[0]).toMatchObject({ kind: "rewritten", lost: 2 });
    expect(report.branches[0]?.commits.map(({ subject }) => subject)).toEqual(["instead"]);
    expect(report.risks).toEqual(["history of branch main is rewritten: 2 commits of the host not in it"]);
  });

  it("tells two histories that parted because the host went on from one that was rewritten", async () => {
    using sides = new TwoSides();
    sides.commit(sides.work, "inside");
    sides.commit(sides.host, "meanwhile");
    sides.conflicts.add(".git/refs/heads/main");
    const { branches, risks } = await sides.describe();
    expect(branches[0]).toMatchObject({ kind: "rewritten", lost: 1, conflict: true, commits: [{ subject: "inside" }] });
    expect(risks).toEqual(["branch main moved on the host too since the session began, and the two have parted"]);
  });

  it("takes an amended commit for a rewritten history", async () => {
    using sides = new TwoSides();
    sides.commit(sides.work, "second");
    sides.begin();
    git(sides.work, "commit", "-q", "--amend", "--allow-empty", "-m", "better");
    expect((await sides.describe()).branches[0]).toMatchObject({ kind: "rewritten", lost: 1 });
  });

  it("takes a branch that was moved back without a new commit for rewritten", async () => {
    using sides = new TwoSides((host) => ["one", "two"].forEach((each) => void emptyCommit(host, each)));
    git(sides.work, "update-ref", "refs/heads/main", "HEAD~1");
    expect((await sides.describe()).branches[0]).toMatchObject({ kind: "rewritten", lost: 1, commits: [] });
  });

  it("takes it for rewritten also when nobody can be asked about the host's history", async () => {
    using sides = new TwoSides((host) => ["one", "two"].forEach((each) => void emptyCommit(host, each)));
    git(sides.work, "update-ref", "refs/heads/main", "HEAD~1");
    const { branches, risks } = await sides.describe({ withGit: false });
    expect(branches[0]).toMatchObject({ kind: "rewritten", lost: null });
    expect(risks[0]).toContain("may be rewritten");
  });

  it("knows a fast-forward to a commit that the host has elsewhere", async () => {
    using sides = new TwoSides((host) => {
      emptyCommit(host, "one");
      git(host, "switch", "-q", "-c", "feature");
      for (const each of ["two", "three"]) emptyCommit(host, each);
      git(host, "switch", "-q", "main");
    });
    git(sides.work, "merge", "-q", "--ff-only", "feature~1");
    const report = await sides.describe();
    expect(report.branches).toHaveLength(1);
    expect(report.branches[0]).toMatchObject({ name: "main", kind: "moved", lost: 0, commits: [] });
  });

  it("goes through merges and finds each new commit once", async () => {
    using sides = new TwoSides();
    git(sides.work, "switch", "-q", "-c", "topic");
    sides.commit(sides.work, "on topic", { "t.txt": "t" });
    git(sides.work, "switch", "-q", "main");
    sides.commit(sides.work, "on main", { "m.txt": "m" });
    git(sides.work, "merge", "-q", "-m", "merge topic", "topic");
    const report = await sides.describe();
    expect(branchesOf(report)).toEqual(["moved main", "added topic"]);
    expect(report.branches[0]?.commits.map(({ subject }) => subject)).toEqual(["merge topic", "on main", "on topic"]);
  });

  it("reads packed refs and deleted branches on both sides", async () => {
    using sides = new TwoSides((host) => {
      emptyCommit(host, "one");
      for (const each of ["kept", "gone", "packed-later"]) git(host, "branch", each);
      git(host, "pack-refs", "--all");
    });
    git(sides.work, "branch", "-D", "gone");
    git(sides.work, "tag", "v1");
    git(sides.work, "branch", "new/deep");
    git(sides.work, "pack-refs", "--all");
    const report = await sides.describe();
    expect(branchesOf(report)).toEqual(["deleted gone", "added new/deep"]);
    expect(report.refs).toMatchObject([{ name: "refs/tags/v1", kind: "added" }]);
    expect(report.risks).toContain("branch gone is deleted");
  });

  it("reads the commits of packs, deltas among them, after gc", async () => {
    using sides = new TwoSides((host) => {
      for (let each = 0; each < 5; each += 1) emptyCommit(host, `host ${each}`);
    });
    const long = "the same long text in every message\n".repeat(40);
    for (let each = 0; each < 30; each += 1) sides.commit(sides.work, `inside ${each}\n\n${long}${each}`);
    git(sides.work, "gc", "-q", "--aggressive", "--prune=now");
    const report = await sides.describe();
    expect(report.branches[0]).toMatchObject({ kind: "moved", lost: 0, complete: true });
    expect(report.branches[0]?.commits).toHaveLength(30);
    expect(report.counts.packs).toBeGreaterThan(1);
    expect((await sides.describe({ withGit: false })).branches[0]?.commits).toHaveLength(30);
  });

  it("reads a SHA-256 repository", async () => {
    using sides = new TwoSides((host) => {
      rmSync(join(host, ".git"), { recursive: true });
      git(host, "init", "-q", "--object-format=sha256");
      emptyCommit(host, "one");
    });
    sides.commit(sides.work, "two");
    const report = await sides.describe();
    expect(report.branches[0]?.after).toHaveLength(64);
    expect(report.branches[0]).toMatchObject({ kind: "moved", commits: [{ subject: "two" }] });
  });

  it("names configuration keys that changed, with what they make git do", async () => {
    using sides = new TwoSides();
    for (const [key, value] of [
      ["core.fsmonitor", "./evil.sh"],
      ["alias.st", "!curl evil"],
      ["filter.lfs2.smudge", "sh -c evil"],
      ["include.path", "../evil"],
      ["user.name", "Somebody"],
      ["remote.origin.url", "ext::sh -c evil"],
    ])
      git(sides.work, "config", key ?? "", value ?? "");
    const { config, risks } = await sides.describe();
    expect(config.map(({ key, kind, effect }) => [key, kind, effect !== null])).toEqual([
      ["alias.st", "added", true],
      ["core.fsmonitor", "added", true],
      ["filter.lfs2.smudge", "added", true],
      ["include.path", "added", true],
      ["remote.origin.url", "added", true],
      ["user.name", "added", false],
    ]);
    expect(config.find(({ key }) => key === "alias.st")?.value).toBe("!curl evil");
    expect(risks).toHaveLength(5);
  });

  it("names hooks, attributes, alternates and what else leads git astray", async () => {
    using sides = new TwoSides();
    sides.write(sides.work, ".git/hooks/pre-commit", "#!/bin/sh\n", 0o755);
    sides.write(sides.work, ".git/hooks/x.sample", "#!/bin/sh\n", 0o755);
    for (const path of ["info/attributes", "objects/info/alternates", "info/grafts", "commondir", "modules/lib/config"])
      sides.write(sides.work, `.git/${path}`, "x\n");
    sides.write(sides.work, ".git/modules/lib/objects/aa/bb", "x");
    sides.write(sides.work, "vendor/.git/config", "[core]\n");
    sides.write(sides.work, ".GIT/config", "[core]\n");
    const { hooks, files, elsewhere, counts, risks } = await sides.describe();
    expect(hooks.map(({ path, effect }) => [path, effect !== null])).toEqual([
      [".git/hooks/pre-commit", true],
      [".git/hooks/x.sample", false],
    ]);
    expect(files.filter(({ effect }) => effect !== null).map(({ path }) => path)).toEqual([
      ".git/commondir",
      ".git/info/attributes",
      ".git/info/grafts",
      ".git/modules/lib/config",
      ".git/objects/info/alternates",
    ]);
    expect(counts.others).toBe(1);
    expect(elsewhere.map(({ path }) => path)).toEqual([".GIT", "vendor/.git"]);
    expect(risks).toHaveLength(8);
  });

  it("says when .git was replaced by a file or a link, or is gone", async () => {
    using sides = new TwoSides();
    rmSync(join(sides.work, ".git"), { recursive: true });
    expect((await sides.describe()).risks).toContain("the repository (.git) is deleted");
    sides.write(sides.work, ".git", "gitdir: ./x\n");
    expect((await sides.describe()).risks).toContain("`.git` is a file, which leads git to another place");
    unlinkSync(join(sides.work, ".git"));
    symlinkSync("/etc", join(sides.work, ".git"));
    expect((await sides.describe()).risks).toContain("`.git` is a link");
  });

  it("does not believe an object that is not what its name says", async () => {
    using sides = new TwoSides();
    const real = sides.commit(sides.work, "real");
    const fake = `${real.slice(0, 39)}${real.endsWith("0") ? "1" : "0"}`;
    const objects = join(sides.work, ".git/objects");
    const content = readFileSync(join(objects, real.slice(0, 2), real.slice(2)));
    sides.write(objects, `${fake.slice(0, 2)}/${fake.slice(2)}`, content);
    sides.write(sides.work, ".git/refs/heads/fake", `${fake}\n`);
    const { branches, notes } = await sides.describe();
    expect(branches.find(({ name }) => name === "fake")).toMatchObject({ commits: [], complete: false });
    expect(notes).toEqual([`commit ${fake} does not hold what its name says (on branch fake)`]);
  });

  it("tells a changed HEAD, also when it is detached", async () => {
    using sides = new TwoSides();
    git(sides.work, "switch", "-q", "-c", "work");
    expect((await sides.describe()).head).toEqual({ before: "refs/heads/main", after: "refs/heads/work" });
    git(sides.work, "switch", "-q", "--detach");
    expect((await sides.describe()).head?.after).toMatch(/^[0-9a-f]{40}$/);
  });
});

function emptyCommit(folder: string, subject: string): string {
  git(folder, "commit", "-q", "--allow-empty", "-m", subject);
  return git(folder, "rev-parse", "HEAD");
}
