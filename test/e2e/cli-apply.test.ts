import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { treeChecksum } from "../support/cli.js";
import { Lab } from "../support/lab.js";

interface Outcome {
  readonly applyId: string;
  readonly applied: string[];
  readonly skipped: { path: string; reason: string }[];
  readonly conflicts: { path: string; reason: string }[];
}

/** Runs a script in a kept session of the project. */
async function session(lab: Lab, script: string): Promise<void> {
  const { code, stderr } = await lab.airlock(["run", "--on-exit", "keep", "--", "sh", "-ec", script]);
  if (code !== 0) throw new Error(`the session's script ended with ${code}: ${stderr}`);
}

const read = (lab: Lab, path: string): string => readFileSync(join(lab.project, path), "utf8");
const has = (lab: Lab, path: string): boolean => existsSync(join(lab.project, path));
const applyAll = ["apply", "--yes", "--allow-risk", "--json"];

describe("airlock apply", () => {
  it("writes all that the session changed, and then nothing is left to show", async () => {
    await using lab = new Lab();
    await session(
      lab,
      "echo new > src/new.txt; echo changed >> src/a.txt; rm src/b.txt; mkdir -p deep/er/empty; ln -s src/a.txt link; chmod 700 src/a.txt",
    );
    const outcome = await lab.json<Outcome>(applyAll);
    expect(outcome).toMatchObject({ skipped: [], conflicts: [] });
    expect(outcome.applied.sort()).toEqual(
      ["deep", "deep/er", "deep/er/empty", "link", "src/a.txt", "src/b.txt", "src/new.txt"].sort(),
    );
    expect(read(lab, "src/new.txt")).toBe("new\n");
    expect(read(lab, "src/a.txt")).toBe("one\ntwo\nthree\nchanged\n");
    expect(statSync(join(lab.project, "src/a.txt")).mode & 0o777).toBe(0o700);
    expect(lstatSync(join(lab.project, "link")).isSymbolicLink()).toBe(true);
    expect([has(lab, "src/b.txt"), has(lab, "deep/er/empty")]).toEqual([false, true]);
    expect(await lab.json(["diff", "--json"])).toMatchObject({ changes: [] });
  });

  it("writes nothing with --dry-run, without consent, or when high risk was not allowed", async () => {
    await using lab = new Lab();
    await session(lab, "echo x > src/new.txt; printf 'all:\\n\\tcurl evil\\n' > Makefile");
    const before = treeChecksum(lab.project);
    const dry = await lab.airlock(["apply", "--dry-run"]);
    expect(dry).toMatchObject({ code: 0 });
    expect(dry.stderr).toMatch(/! add +Makefile/);
    expect((await lab.airlock(["apply"])).code).toBe(13);
    const risky = await lab.airlock(["apply", "--yes"]);
    expect(risky).toMatchObject({ code: 13 });
    expect(risky.stderr).toContain("Makefile");
    expect(treeChecksum(lab.project)).toBe(before);
    expect(await lab.json<Outcome>(["apply", "--yes", "--json", "src"])).toMatchObject({ applied: ["src/new.txt"] });
    expect(has(lab, "Makefile")).toBe(false);
  });

  it("applies the paths named, with the session named first or not at all, and refuses a path that did not change", async () => {
    await using lab = new Lab();
    await session(lab, "mkdir n; echo 1 > n/1; echo 2 > n/2; echo a >> src/a.txt");
    const { session: id } = await lab.json<{ session: string }>(["status", "--json"]);
    expect((await lab.json<Outcome>(["apply", id, "n/1", "--yes", "--json"])).applied.sort()).toEqual(["n", "n/1"]);
    expect((await lab.json<Outcome>(["apply", "src/a.txt", "--yes", "--json"])).applied).toEqual(["src/a.txt"]);
    expect(await lab.airlock(["apply", "src/b.txt", "--yes"])).toMatchObject({ code: 2 });
    expect(await lab.json<{ changes: { path: string }[] }>(["diff", "--json"])).toMatchObject({
      changes: [{ path: "n/2" }],
    });
  });

  it("asks for the high risk of what a chosen path takes along, too", async () => {
    await using lab = new Lab();
    await session(lab, "rm src/b.txt; mkdir src/b.txt; echo in > src/b.txt/in");
    const refused = await lab.airlock(["apply", "src/b.txt/in", "--yes"]);
    expect(refused).toMatchObject({ code: 13 });
    expect(refused.stderr).toContain("src/b.txt");
    expect(read(lab, "src/b.txt")).toBe("bee\n");
  });

  it("takes what a running session wrote so far, and later what it wrote after that", async () => {
    await using lab = new Lab();
    const id = await lab.start();
    await lab.exec(id, "echo 1 > src/a.txt");
    expect((await lab.json<Outcome>(applyAll)).applied).toEqual(["src/a.txt"]);
    await lab.exec(id, "echo 2 >> src/a.txt; cat src/a.txt");
    expect(await lab.json<Outcome>(applyAll)).toMatchObject({ applied: ["src/a.txt"], conflicts: [] });
    expect(read(lab, "src/a.txt")).toBe("1\n2\n");
  });

  it("never applies git's data, special files or set-id bits, and says so for each", async () => {
    await using lab = new Lab();
    await session(
      lab,
      "mkdir -p .git/hooks; echo evil > .git/hooks/pre-commit; mkfifo pipe; echo x > suid; chmod 4755 suid; echo y > ok",
    );
    const { applied, skipped } = await lab.json<Outcome>(applyAll);
    expect(applied.sort()).toEqual(["ok", "suid"]);
    expect(skipped.map(({ path }) => path)).toEqual(
      expect.arrayContaining([".git/hooks", ".git/hooks/pre-commit", "pipe", "suid"]),
    );
    expect(statSync(join(lab.project, "suid")).mode & 0o7777).toBe(0o755);
    expect([has(lab, ".git/hooks"), has(lab, "pipe")]).toEqual([false, false]);
  });
});

describe("conflicts", () => {
  async function conflicting(lab: Lab): Promise<void> {
    execFileSync("git", ["init", "-q", lab.project]);
    lab.write("src/a.txt", "one\ntwo\nthree\nfour\nfive\nsix\nseven\n");
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", lab.project, "-c", "user.name=t", "-c", "user.email=t@t", ...args], { stdio: "pipe" });
    git("add", ".");
    git("commit", "-q", "-m", "base");
    // The reflog counts in seconds.
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    await session(lab, "sed -i s/one/ONE/ src/a.txt; echo other > src/b.txt");
    lab.write("src/a.txt", "one\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n");
  }

  it("stop the apply unless it was said what to do", async () => {
    await using lab = new Lab();
    await conflicting(lab);
    const before = treeChecksum(lab.project);
    const stopped = await lab.airlock(["apply", "--yes"]);
    expect(stopped).toMatchObject({ code: 14 });
    expect(stopped.stderr).toContain("src/a.txt");
    expect(treeChecksum(lab.project)).toBe(before);
    const kept = await lab.json<Outcome>([...applyAll, "--on-conflict", "keep-host"]);
    expect(kept).toMatchObject({ applied: ["src/b.txt"], skipped: [{ path: "src/a.txt" }] });
    expect(read(lab, "src/a.txt")).toContain("SEVEN");
  });

  it("are merged where both changes have room, and taken or written beside where asked", async () => {
    await using lab = new Lab();
    await conflicting(lab);
    await lab.json<Outcome>([...applyAll, "--on-conflict", "merge"]);
    expect(read(lab, "src/a.txt")).toBe("ONE\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n");
    await lab.json(["undo", "--yes", "--json"]);
    expect(read(lab, "src/a.txt")).toBe("one\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n");
    await lab.json<Outcome>([...applyAll, "--on-conflict", "take-sandbox"]);
    expect(read(lab, "src/a.txt")).toBe("ONE\ntwo\nthree\nfour\nfive\nsix\nseven\n");
  });

  it("are asked about at a terminal, and what a merge leaves is asked about again", async () => {
    await using lab = new Lab();
    await conflicting(lab);
    lab.write("src/b.txt", "mine\n");
    const terminal = lab.terminal(["apply"]);
    await terminal.waitFor(/what now\? \[stop\]/);
    let from = terminal.output.length;
    terminal.type("merge\r");
    await terminal.waitFor(/1 conflict left[\s\S]*what now\? \[stop\]/, { from });
    from = terminal.output.length;
    terminal.type("keep-host\r");
    await terminal.waitFor(/write 1 path to the project\?/, { from });
    terminal.type("y\r");
    expect(await terminal.exit).toBe(0);
    expect(read(lab, "src/a.txt")).toBe("ONE\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n");
    expect(read(lab, "src/b.txt")).toBe("mine\n");
  });

  it("leave both versions with --on-conflict both", async () => {
    await using lab = new Lab();
    await conflicting(lab);
    const { applied } = await lab.json<Outcome>([...applyAll, "--on-conflict", "both"]);
    const beside = applied.find((path) => path.startsWith("src/a.txt.airlock-")) ?? "";
    expect(read(lab, beside)).toBe("ONE\ntwo\nthree\nfour\nfive\nsix\nseven\n");
    expect(read(lab, "src/a.txt")).toBe("one\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n");
  });
});

describe("what was applied", () => {
  it("is told by status, for people and for machines", async () => {
    await using lab = new Lab();
    await session(lab, "echo new > new.txt");
    const status = async (): Promise<string> => (await lab.airlock(["status"])).stdout.toString();
    expect(await status()).toMatch(/^applied {5}nothing$/m);
    const { applyId } = await lab.json<Outcome>(applyAll);
    expect(await status()).toMatch(new RegExp(`^applied {5}1 apply\\n  ${applyId}  \\S+  1 path, stands$`, "m"));
    await lab.json(["undo", "--yes", "--json"]);
    expect(await status()).toMatch(
      /^applied {5}nothing that stands\n {2}\S+ {2}\S+ {2}1 path, undone\n {2}\S+ {2}\S+ {2}undo of a1, stands$/m,
    );
    const { applies } = await lab.json<{ applies: object[] }>(["status", "--json"]);
    expect(applies).toMatchObject([
      { applyId, kind: "apply", phase: "committed", paths: 1, undone: true },
      { kind: "undo", undoes: "a1", undone: false },
    ]);
  });
});

describe("airlock diff", () => {
  it("takes a session first, and refuses a word that stands for nothing", async () => {
    await using lab = new Lab();
    lab.write("same.txt", "same\n");
    lab.write("gone.txt", "gone\n");
    await session(lab, "echo old > old.txt");
    const [first] = await lab.json<{ id: string }[]>(["ls", "--json"]);
    const id = first?.id ?? "";
    await session(lab, "echo new > new.txt; rm gone.txt; echo x > .git/one; echo x > .git/two");
    const names = async (...words: string[]): Promise<string[]> => {
      const { code, stdout } = await lab.airlock(["diff", "--name-only", ...words]);
      return [
        String(code),
        ...stdout
          .toString()
          .split("\n")
          .filter((line) => line !== ""),
      ];
    };
    expect(await names()).toEqual(["0", ".git/one", ".git/two", "gone.txt", "new.txt"]);
    expect(await names(id)).toEqual(["0", "old.txt"]);
    expect(await names(id, "old.txt")).toEqual(["0", "old.txt"]);
    expect(await names("new.txt")).toEqual(["0", "new.txt"]);
    expect(await names("same.txt")).toEqual(["0"]);
    const { stderr } = await lab.airlock(["diff", "new.txt"]);
    expect(stderr).toBe(
      "airlock: outside the paths given: 1 deletion or change of high risk and changes of git's own data\n",
    );
    const unknown = await lab.airlock(["diff", "fair-otter-0000"]);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain("fair-otter-0000 is neither a session nor a path of the project");
    expect((await lab.airlock(["diff", "--session", id, id])).code).toBe(2);
  });
});

describe("airlock undo", () => {
  it("puts everything back exactly, also after the discard, and can be undone", async () => {
    await using lab = new Lab();
    utimesSync(join(lab.project, "src/a.txt"), 1_500_000_000, 1_500_000_000);
    const before = execFileSync("find", [lab.project, "-printf", "%P %y %m %s %l\\n"]).toString();
    await session(lab, "echo more >> src/a.txt; rm -r src/b.txt README.md; mkdir README.md; echo in > README.md/file");
    const { applyId } = await lab.json<Outcome>(applyAll);
    const after = execFileSync("find", [lab.project, "-printf", "%P %y %m %s %l\\n"]).toString();
    expect(await lab.airlock(["discard"])).toMatchObject({ code: 0 });
    const undone = await lab.json<Outcome & { undid: string }>(["undo", "--yes", "--json"]);
    expect(undone.undid).toBe(applyId);
    expect(execFileSync("find", [lab.project, "-printf", "%P %y %m %s %l\\n"]).toString()).toBe(before);
    expect(statSync(join(lab.project, "src/a.txt")).mtimeMs).toBe(1_500_000_000_000);
    expect(await lab.airlock(["undo", "--yes"])).toMatchObject({ code: 10 });
    await lab.json(["undo", undone.applyId, "--yes", "--json"]);
    expect(execFileSync("find", [lab.project, "-printf", "%P %y %m %s %l\\n"]).toString()).toBe(after);
    const { applies } = await lab.json<{ applies: unknown[] }>(["applies", "--json"]);
    expect(applies).toMatchObject([
      { kind: "apply", undone: false },
      { kind: "undo", undone: true },
      { kind: "undo", undone: false },
    ]);
  });

  it("refuses where the host moved on, and then changes nothing", async () => {
    await using lab = new Lab();
    await session(lab, "echo more >> src/a.txt; echo x > src/new.txt");
    await lab.json<Outcome>(applyAll);
    writeFileSync(join(lab.project, "src/a.txt"), "mine\n");
    const before = treeChecksum(lab.project);
    const refused = await lab.airlock(["undo", "--yes"]);
    expect(refused).toMatchObject({ code: 14 });
    expect(refused.stderr).toContain("src/a.txt");
    expect(treeChecksum(lab.project)).toBe(before);
  });
});

describe("a killed apply", () => {
  it("is taken back by the next command, which says so", async () => {
    await using lab = new Lab();
    await session(lab, "for i in $(seq 3000); do echo $i > src/f$i; done; echo more >> src/a.txt; rm src/b.txt");
    const before = treeChecksum(lab.project);
    const child = lab.spawn(["apply", "--yes", "--allow-risk"]);
    // Killed as soon as something of it is to be seen in the project.
    while (treeChecksum(lab.project) === before && child.exitCode === null) await new Promise(setImmediate);
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
    const next = await lab.airlock(["ls"]);
    expect(next.code).toBe(0);
    const finished = has(lab, "src/f3000") && !has(lab, "src/b.txt");
    if (finished) expect(readFileSync(join(lab.project, "src/f3000"), "utf8")).toBe("3000\n");
    else
      expect([next.stderr, has(lab, "src/f1"), has(lab, "src/b.txt")]).toEqual([
        expect.stringContaining("interrupted"),
        false,
        true,
      ]);
    expect(execFileSync("find", [lab.project, "-name", ".airlock*"]).toString()).toBe("");
    const { conflicts } = await lab.json<Outcome>(applyAll);
    expect(conflicts).toEqual([]);
    expect(read(lab, "src/f3000")).toBe("3000\n");
  });
});

describe("the review at a terminal", () => {
  const script = "echo more >> src/a.txt; rm src/b.txt; printf 'x:\\n' > Makefile; echo new > src/new.txt";

  it("offers apply at the end of a run, asks for high risk by itself, and reports what was refused to the agent", async () => {
    await using lab = new Lab();
    const terminal = lab.terminal(["run", "--", "sh", "-c", script]);
    await terminal.waitFor(/apply, choose, hunks, diff, screen, discard or keep/);
    terminal.type("apply\r");
    await terminal.waitFor(/Makefile[\s\S]*apply it\?/);
    let from = terminal.output.length;
    terminal.type("n\r");
    await terminal.waitFor(/why not\?/, { from });
    terminal.type("no new build files\r");
    await terminal.waitFor(/write \d+ paths? to the project\?/);
    from = terminal.output.length;
    terminal.type("y\r");
    await terminal.waitFor(/applied 3 paths/, { from });
    await terminal.waitFor(/discard or keep\?/, { from });
    terminal.type("keep\r");
    expect(await terminal.exit).toBe(0);
    expect([has(lab, "Makefile"), has(lab, "src/new.txt"), has(lab, "src/b.txt")]).toEqual([false, true, false]);
    const { stdout } = await lab.airlock(["feedback"]);
    expect(stdout.toString()).toContain("- Makefile (added): no new build files");
  });

  it("lets paths be chosen one by one", async () => {
    await using lab = new Lab();
    await session(lab, "echo 1 > src/one.txt; echo 2 > src/two.txt");
    const terminal = lab.terminal(["review", "--plain"]);
    await terminal.waitFor(/keep\? /);
    terminal.type("choose\r");
    await terminal.waitFor(/src\/one\.txt[\s\S]*apply it\?/);
    let from = terminal.output.length;
    terminal.type("y\r");
    await terminal.waitFor(/src\/two\.txt[\s\S]*apply it\?/, { from });
    from = terminal.output.length;
    terminal.type("n\r");
    await terminal.waitFor(/why not\?/, { from });
    terminal.type("\r");
    await terminal.waitFor(/write 1 path to the project\?/, { from });
    from = terminal.output.length;
    terminal.type("y\r");
    await terminal.waitFor(/discard or keep\?/, { from });
    terminal.type("discard\r");
    expect(await terminal.exit).toBe(0);
    expect([has(lab, "src/one.txt"), has(lab, "src/two.txt")]).toEqual([true, false]);
  });

  it("lets hunks be chosen, and the rest stays in the session", async () => {
    await using lab = new Lab();
    lab.write("src/long.txt", Array.from({ length: 40 }, (_, at) => `line ${at}\n`).join(""));
    await session(lab, "sed -i -e 's/line 3$/LINE 3/' -e 's/line 30$/LINE 30/' src/long.txt");
    const terminal = lab.terminal(["apply", "--patch"]);
    await terminal.waitFor(/LINE 3\b[\s\S]*Apply this hunk/);
    let from = terminal.output.length;
    terminal.type("y\r");
    await terminal.waitFor(/LINE 30[\s\S]*Apply this hunk/, { from });
    from = terminal.output.length;
    terminal.type("n\r");
    await terminal.waitFor(/write 1 path to the project\?/, { from });
    terminal.type("y\r");
    expect(await terminal.exit).toBe(0);
    expect(read(lab, "src/long.txt")).toContain("LINE 3\n");
    expect(read(lab, "src/long.txt")).toContain("line 30\n");
    const { stdout } = await lab.airlock(["diff", "--patch"]);
    expect(stdout.toString()).toMatch(/^-line 30$/m);
    expect(stdout.toString()).not.toMatch(/^-line 3$/m);
    expect(await lab.json<Outcome>(applyAll)).toMatchObject({ applied: ["src/long.txt"], conflicts: [] });
  });

  it("only prints when it is piped, and shows no character of the sandbox unescaped", async () => {
    await using lab = new Lab();
    await session(lab, "touch \"$(printf 'evil\\033[2J\\nname')\"; printf '\\033]0;title\\007\\n' > src/esc.txt");
    const { code, stdout, stderr } = await lab.airlock(["review"]);
    expect(code).toBe(0);
    const all = `${stdout}${stderr}`;
    expect(all).toContain("evil\\x1b[2J\\nname");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    expect(all).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f]/);
  });
});
