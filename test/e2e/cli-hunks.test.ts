import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { TerminalSession } from "../support/cli.js";
import { Lab } from "../support/lab.js";

const lines = (...changed: number[]): string =>
  Array.from({ length: 30 }, (_, at) => (changed.includes(at) ? `new ${at}\n` : `${at}\n`)).join("");

/** Waits for a question that was not answered yet, then answers it. */
class Answers {
  readonly #terminal: TerminalSession;
  #from = 0;

  constructor(terminal: TerminalSession) {
    this.#terminal = terminal;
  }

  async to(question: RegExp, answer: string): Promise<void> {
    await this.#terminal.waitFor(question, { from: this.#from });
    this.#from = this.#terminal.output.length;
    // What is typed before the question stands is dropped.
    await pause(400);
    this.#terminal.type(`${answer}\r`);
  }
}

async function session(lab: Lab, script: string): Promise<void> {
  const { code, stderr } = await lab.airlock(["run", "--on-exit", "keep", "--", "sh", "-ec", script]);
  if (code !== 0) throw new Error(`the session's script ended with ${code}: ${stderr}`);
}

const read = (lab: Lab, path: string): string => readFileSync(join(lab.project, path), "utf8");

describe("airlock apply --patch", () => {
  it("applies the hunks chosen, edited and split ones among them, and leaves the rest in the session", async () => {
    await using lab = new Lab();
    lab.write("f", lines());
    lab.write("g", "1\n2\n3\n");
    await session(
      lab,
      "sed -i 's/^2$/new 2/; s/^15$/new 15/; s/^28$/new 28/' f; printf 'one\\n2\\nthree\\n' > g; rm src/b.txt",
    );
    const editor = join(lab.userHome, "editor");
    writeFileSync(editor, '#!/bin/sh\nsed -i "s/^+new 28$/+mine 28/" "$1"\n', { mode: 0o755 });
    const terminal = lab.terminal(["apply", "--patch"], { env: { EDITOR: editor } });
    const answers = new Answers(terminal);
    await answers.to(/Apply deletion \[y,n,q,a,d,\?\]\?/, "n");
    await answers.to(/\(1\/3\) Apply this hunk \[y,n,q,a,d,j,e,\?\]\?/, "y");
    await answers.to(/\(2\/3\) Apply this hunk/, "n");
    await answers.to(/\(3\/3\) Apply this hunk/, "e");
    await answers.to(/\(1\/1\) Apply this hunk \[y,n,q,a,d,s,e,\?\]\?/, "s");
    await answers.to(/\(1\/2\) Apply this hunk/, "n");
    await answers.to(/\(2\/2\) Apply this hunk/, "y");
    await answers.to(/write 2 paths to the project\?/, "y");
    expect(await terminal.exit).toBe(0);
    expect(read(lab, "f")).toBe(lines(2).replace("28\n", "mine 28\n"));
    expect(read(lab, "g")).toBe("1\n2\nthree\n");
    expect(read(lab, "src/b.txt")).toBe("bee\n");
    const left = await lab.json<{ changes: { path: string; kind: string; conflict: boolean }[] }>(["diff", "--json"]);
    expect(left.changes.map(({ path, kind, conflict }) => [path, kind, conflict])).toEqual([
      ["f", "modified", false],
      ["g", "modified", false],
      ["src/b.txt", "deleted", false],
    ]);
    const rest = (await lab.airlock(["diff", "f", "g"])).stdout.toString();
    expect(rest.split("\n").filter((line) => /^[+-]/.test(line))).toEqual([
      "-15",
      "+new 15",
      "-mine 28",
      "+new 28",
      "-1",
      "+one",
    ]);
  });
});

describe("a rename", () => {
  it("is told in every form of the diff, and applied as what it is", async () => {
    await using lab = new Lab();
    await session(lab, "mkdir moved; mv src/a.txt moved/a.txt; mv src/b.txt c.txt");
    const { renames } = await lab.json<{ renames: unknown }>(["diff", "--json"]);
    expect(renames).toEqual([
      { from: "src/b.txt", to: "c.txt", similarity: 100 },
      { from: "src/a.txt", to: "moved/a.txt", similarity: 100 },
    ]);
    const text = (await lab.airlock(["diff"])).stdout.toString();
    expect(text).toContain("deleted  src/a.txt (14 B), renamed to moved/a.txt\n");
    expect(text).toContain("renamed from src/b.txt, the same content, not shown\n");
    expect((await lab.airlock(["diff", "--stat"])).stdout.toString()).toContain("c.txt (renamed from src/b.txt, 100%)");
    expect((await lab.airlock(["diff", "--patch"])).stdout.toString()).toContain("deleted file mode");
    await lab.json(["apply", "--yes", "--allow-risk", "--json"]);
    expect([read(lab, "moved/a.txt"), read(lab, "c.txt")]).toEqual(["one\ntwo\nthree\n", "bee\n"]);
  });
});
