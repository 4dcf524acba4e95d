import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { chooseHunks, chooseWith } from "../../../src/cli/dialogue/choose-hunks.js";
import { editHunk } from "../../../src/cli/dialogue/edit-hunk.js";
import { makePalette } from "../../../src/cli/render/colour.js";
import type { Change } from "../../../src/model/change.js";
import type { Terminal } from "../../../src/model/terminal.js";
import { changesBetween, dir, fifo, file, type Spec, type World } from "../apply/plan-world.js";
import { sourceOf } from "../render/change-of.js";

const { signal } = new AbortController();

function textsIn(world: World, contents: Readonly<Record<string, string>>): Record<string, string> {
  const texts: Record<string, string> = { ...contents };
  for (const [path, spec] of Object.entries(world)) if (typeof spec === "string") texts[path] = spec;
  return texts;
}

interface Scene {
  readonly before: World;
  readonly after: World;
  readonly answers: readonly string[];
  readonly edits?: readonly string[];
  readonly contents?: { readonly before: Record<string, string>; readonly after: Record<string, string> };
  readonly more?: Partial<Change>;
  readonly rows?: number;
}

/** Plays a dialogue; answers beyond the script are those of somebody who left. */
async function play(scene: Scene) {
  const { before, after, contents, more = {}, rows = 24 } = scene;
  const changes = changesBetween(before, after, more);
  const answers = [...scene.answers];
  const edits = [...(scene.edits ?? [])];
  const shown: string[] = [];
  const offered: string[] = [];
  const { chosen, overrides, refused } = await chooseWith(changes, {
    source: sourceOf(textsIn(before, contents?.before ?? {}), textsIn(after, contents?.after ?? {})),
    palette: makePalette(false),
    signal,
    rows,
    talk: {
      say: (text) => void shown.push(text),
      ask: async (question, keys) => {
        offered.push(question);
        const word = answers.shift();
        const found = keys.find((key) => key === word || (word !== undefined && key.startsWith(word)));
        return word === "" ? (keys[0] ?? null) : (found ?? null);
      },
      edit: async () => {
        const text = edits.shift();
        return text === undefined ? { problem: "no editor" } : { text };
      },
    },
  });
  const bytes = Object.fromEntries(
    [...overrides].map(([path, content]) => [path, Buffer.from(content).toString("latin1")]),
  );
  return {
    chosen,
    refused: [...refused].sort(),
    paths: chosen.map(({ path }) => path),
    bytes,
    shown: shown.join(""),
    offered,
    left: answers,
  };
}

const numbers = (...changed: number[]): string =>
  Array.from({ length: 30 }, (_, at) => (changed.includes(at) ? `new ${at}\n` : `${at}\n`)).join("");
const three = { before: { f: numbers() }, after: { f: numbers(2, 15, 28) } };

describe("choosing hunks of a file", () => {
  it.each([
    ["all of them, one by one", ["y", "y", "y"], [2, 15, 28]],
    ["the first", ["y", "n", "n"], [2]],
    ["the last two", ["n", "y", "y"], [15, 28]],
    ["all that follow", ["n", "a"], [15, 28]],
    ["none that follow", ["y", "d"], [2]],
    ["those before the end of all questions", ["y", "q"], [2]],
    ["those before somebody left", ["y"], [2]],
    ["what is decided later", ["j", "j", "y", "y", "n"], [2, 28]],
    ["what was passed over, going back", ["j", "k", "y", "n", "n"], [2]],
    ["after help and Enter", ["?", "", "y", "d"], [2]],
    ["none", ["n", "n", "n"], []],
    ["none at once", ["d"], []],
  ] as [string, string[], number[]][])("applies %s", async (_, answers, changed) => {
    const { paths, bytes, left } = await play({ ...three, answers });
    expect(left).toEqual([]);
    if (changed.length === 0) expect({ paths, bytes }).toEqual({ paths: [], bytes: {} });
    else if (changed.length === 3) expect({ paths, bytes }).toEqual({ paths: ["f"], bytes: {} });
    else expect({ paths, bytes }).toEqual({ paths: ["f"], bytes: { f: numbers(...changed) } });
  });

  it("asks as git does, with what is possible", async () => {
    const { offered } = await play({ ...three, answers: ["y", "y", "y"] });
    expect(offered).toEqual([
      "(1/3) Apply this hunk [y,n,q,a,d,j,e,?]? ",
      "(2/3) Apply this hunk [y,n,q,a,d,j,e,?]? ",
      "(3/3) Apply this hunk [y,n,q,a,d,e,?]? ",
    ]);
  });

  it("splits a hunk", async () => {
    const scene = { before: { f: "1\n2\n3\n" }, after: { f: "one\n2\nthree\n" } };
    const { bytes, offered } = await play({ ...scene, answers: ["s", "n", "y"] });
    expect(bytes).toEqual({ f: "1\n2\nthree\n" });
    expect(offered[0]).toBe("(1/1) Apply this hunk [y,n,q,a,d,s,e,?]? ");
    expect(offered[1]).toBe("(1/2) Apply this hunk [y,n,q,a,d,j,e,?]? ");
  });

  it("keeps bytes and line ends exactly", async () => {
    const scene = { before: { f: "\xff\r\nm\r\n1" }, after: { f: "\xfe\r\nm\r\n2" } };
    expect((await play({ ...scene, answers: ["s", "n", "y"] })).bytes).toEqual({ f: "\xff\r\nm\r\n2" });
  });

  it("takes an edited hunk, and asks again when it does not fit", async () => {
    const scene = { before: { f: "1\n2\n" }, after: { f: "1\ntwo\n" } };
    const good = " 1\n-2\n+zwei\n";
    expect((await play({ ...scene, answers: ["e"], edits: [good] })).bytes).toEqual({ f: "1\nzwei\n" });
    const again = await play({ ...scene, answers: ["e", "y"], edits: [" 7\n-2\n", good] });
    expect(again.bytes).toEqual({ f: "1\nzwei\n" });
    expect(again.shown).toContain(
      "the hunk is as it was: its lines with a space or - in front are not those of the file",
    );
    const given = await play({ ...scene, answers: ["e", "n", "y"], edits: ["# nothing\n"] });
    expect({ paths: given.paths, bytes: given.bytes }).toEqual({ paths: ["f"], bytes: {} });
    const without = await play({ ...scene, answers: ["e", "n"] });
    expect(without).toMatchObject({ paths: [], left: [] });
    expect(without.shown).toContain("no editor");
  });

  it("takes an edit that leaves nothing as nothing chosen, and one that makes the whole as the whole", async () => {
    const scene = { before: { f: "1\n2\n" }, after: { f: "1\ntwo\n" } };
    expect(await play({ ...scene, answers: ["e"], edits: [" 1\n 2\n"] })).toMatchObject({ paths: [], bytes: {} });
    expect(await play({ ...scene, answers: ["e"], edits: [" 1\n-2\n+two\n"] })).toMatchObject({
      paths: ["f"],
      bytes: {},
    });
  });

  it("asks for a new mode by itself", async () => {
    const before = { f: file("1\n", 0o644) };
    const after = { f: file("2\n", 0o755) };
    const contents = { before: { f: "1\n" }, after: { f: "2\n" } };
    const scene = { before, after, contents };
    const both = await play({ ...scene, answers: ["y", "y"] });
    expect(both.offered[0]).toContain("(1/2) Apply the new mode [y,n,q,a,d,j,?]?");
    expect(both.shown).toContain("0644 2 B → 0755 2 B");
    expect(both.chosen[0]?.after).toEqual(after.f);
    const content = await play({ ...scene, answers: ["n", "y"] });
    expect(content.chosen[0]).toMatchObject({ kind: "modified", after: { mode: 0o644, sha256: after.f.sha256 } });
    const mode = await play({ ...scene, answers: ["y", "n"] });
    expect(mode.chosen[0]).toMatchObject({ kind: "mode", after: { ...before.f, mode: 0o755 } });
    expect((await play({ ...scene, answers: ["d"] })).chosen).toEqual([]);
  });

  it("leaves a file alone that is not what was looked at any more", async () => {
    const scene = { before: { f: file("1\n") }, after: { f: file("2\n") } };
    const inside = await play({ ...scene, answers: ["y"], contents: { before: { f: "1\n" }, after: { f: "evil\n" } } });
    expect(inside).toMatchObject({ paths: [], offered: [] });
    expect(inside.shown).toContain("it changed in the session just now");
    const outside = await play({ ...scene, answers: ["y"], contents: { before: { f: "x\n" }, after: { f: "2\n" } } });
    expect(outside.shown).toContain("it changed on the host just now");
  });

  it("says when a hunk is longer than the screen", async () => {
    const { shown } = await play({ before: {}, after: { f: numbers() }, answers: ["n"], rows: 24 });
    expect(shown).toMatch(/\(30 lines; some are out of sight above\)\n$/);
  });
});

describe("choosing what has no hunks", () => {
  it.each([
    ["a deletion", { x: "1\n" }, {}, "Apply deletion", ""],
    ["a mode", { x: file("1", 0o644) }, { x: file("1", 0o755) }, "Apply the new mode", ""],
    ["a new link", {}, { x: { to: "../out\u001b" } }, "Apply this new link", "+→ $'../out\\x1b'"],
    ["another link", { x: { to: "a" } }, { x: { to: "b" } }, "Apply this link", "-→ a\n+→ b"],
    ["an empty file", {}, { x: "" }, "Apply this new file", ""],
    ["an empty folder", {}, { x: null }, "Apply this new folder", ""],
    ["a folder's mode", { x: dir(0o755) }, { x: dir(0o700) }, "Apply the new mode", ""],
    ["a file that became a link", { x: "1\n" }, { x: { to: "b" } }, "Apply this change of type", "+→ b"],
    ["a pipe", {}, { x: fifo }, "Apply this new special file", ""],
    ["a file with NUL bytes", { x: "1\0" }, { x: "2\0" }, "Apply this file", "content not shown, binary"],
    [
      "a huge file",
      { x: "1" },
      { x: { ...file(""), size: 2_000_000 } },
      "Apply this file",
      "content not shown, larger than",
    ],
  ] as [string, Record<string, Spec>, Record<string, Spec>, string, string][])(
    "asks for %s as a whole",
    async (_, before, after, question, shown) => {
      const yes = await play({ before, after, answers: ["y"] });
      expect(yes).toMatchObject({ paths: ["x"], bytes: {}, offered: [`(1/1) ${question} [y,n,q,a,d,?]? `] });
      expect(yes.shown).toContain(shown);
      expect(yes.chosen).toEqual(changesBetween(before, after));
      expect((await play({ before, after, answers: ["n"] })).paths).toEqual([]);
    },
  );

  it("lets new folders come with what they hold, and folders go when all they held goes", async () => {
    const added = { before: {}, after: { d: null, "d/e": null, "d/e/f": "1\n" } };
    expect(await play({ ...added, answers: ["y"] })).toMatchObject({ paths: ["d/e/f"], left: [] });
    const deleted = { before: { d: null, "d/a": "1", "d/s": null, "d/s/b": "2" }, after: {} };
    expect((await play({ ...deleted, answers: ["y", "y"] })).paths.sort()).toEqual(["d", "d/a", "d/s", "d/s/b"]);
    expect((await play({ ...deleted, answers: ["n", "y"] })).paths.sort()).toEqual(["d/s", "d/s/b"]);
    expect((await play({ ...deleted, answers: ["y", "q"] })).paths).toEqual(["d/a"]);
  });

  it("does not ask for what a folder held that becomes a file", async () => {
    const scene = { before: { d: null, "d/a": "1", "d/b": "2" }, after: { d: "file\n" } };
    expect(await play({ ...scene, answers: ["y"] })).toMatchObject({ paths: ["d"], left: [] });
    expect((await play({ ...scene, answers: ["n", "y", "n"] })).paths).toEqual(["d/a"]);
  });
});

describe("what was refused", () => {
  it("is all that was shown and not chosen, the questions that nobody answered among it", async () => {
    const scene = {
      before: { a: "1", b: "2", d: "3", e: null, "e/x": "4" },
      after: { d: null, "d/in": "5\n", e: "6" },
    };
    expect((await play({ ...scene, answers: ["n", "y", "n", "y", "y"] })).refused).toEqual(["a", "d"]);
    expect((await play({ ...scene, answers: ["y", "q"] })).refused).toEqual(["b", "d", "d/in", "e", "e/x"]);
  });
});

describe("what a person sees", () => {
  it("is all the reasons, and no character that a terminal would obey", async () => {
    const evil = "\u001b]0;x\u0007\u202e\u009b";
    const { shown, offered } = await play({
      before: { [`f${evil}`]: "1\n" },
      after: { [`f${evil}`]: `2\r${Buffer.from(evil).toString("latin1")}\n` },
      answers: ["?", "n"],
      more: { risk: { level: "high", reasons: ["runs when the project is built", `names ${evil}`] }, conflict: true },
    });
    expect(shown).toContain("runs when the project is built");
    expect(shown).toContain("changed on the host since the session began");
    expect(shown).toContain("e  edit it");
    expect(`${shown}${offered.join("")}`.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

describe("at a terminal", () => {
  it("asks on stderr line by line, and takes the end of input for leaving", async () => {
    const stdin = new PassThrough();
    const stderr = new PassThrough();
    let written = "";
    stderr.on("data", (chunk: Buffer) => {
      written += chunk.toString();
      if (/\(1\/3\)[^\n]*\? $/.test(written)) setImmediate(() => stdin.write("y\n"));
      if (/\(2\/3\)[^\n]*\? $/.test(written)) setImmediate(() => stdin.end());
    });
    const changes = changesBetween(three.before, three.after);
    const terminal = { stdin, stderr, stdout: new PassThrough() } as unknown as Terminal;
    const { chosen, overrides } = await chooseHunks(terminal, {
      changes,
      source: sourceOf(three.before, three.after),
      palette: makePalette(false),
      editor: undefined,
      signal,
    });
    expect(chosen.map(({ path }) => path)).toEqual(["f"]);
    expect(Buffer.from(overrides.get("f") ?? "").toString()).toBe(numbers(2));
  });
});

describe("the editor", () => {
  async function editWith(script: string, hunk: string) {
    const folder = mkdtempSync(join(tmpdir(), "airlock-editor-"));
    try {
      const editor = join(folder, "my editor");
      writeFileSync(editor, `#!/bin/sh\n${script}\n`);
      chmodSync(editor, 0o755);
      const log = join(folder, "log");
      const result = await editHunk(hunk, `LOG='${log}' '${editor}' --wait`, signal);
      const read = (): string => readFileSync(log, "utf8");
      return { result, log: read };
    } finally {
      setImmediate(() => rmSync(folder, { recursive: true, force: true }));
    }
  }

  it("gets the words of the setting, and the hunk in a file that nobody else can read, far from the file's ends", async () => {
    const { result, log } = await editWith(
      'stat -c "%a" "$2" > "$LOG"; cat "$2" >> "$LOG"; echo "$1" >> "$LOG"; sed -i s/new/mine/ "$2"',
      "@@ -1 +1 @@\n-1\n+new\n",
    );
    const lines = log().split("\n");
    expect(lines[0]).toBe("600");
    expect(lines.at(-2)).toBe("--wait");
    const body = lines.slice(1, -2);
    for (const line of [...body.slice(0, 5), ...body.slice(-5)]) expect(line).toMatch(/^#/);
    expect("text" in result && result.text.split("\n").filter((line) => !/^[#@]|^$/.test(line))).toEqual([
      "-1",
      "+mine",
    ]);
  });

  it("is not believed when it fails", async () => {
    expect((await editWith("exit 3", "-1\n")).result).toEqual({ problem: "the editor ended with code 3" });
  });

  it.each([
    ["control characters", "+a\u001b[2Jb\n", /control or invisible/],
    ["Windows lines", "+a\r\n", /control or invisible/],
    ["bidirectional characters", `+${Buffer.from("a\u202eb").toString("latin1")}\n`, /control or invisible/],
    ["bytes that are not UTF-8", "+\xff\n", /not UTF-8/],
  ])("never gets %s", async (_, hunk, problem) => {
    const { result, log } = await editWith('touch "$LOG"', hunk);
    expect(result).toEqual({ problem: expect.stringMatching(problem) });
    expect(log).toThrow();
  });

  it("gets tabs and letters of any script", async () => {
    const text = Buffer.from("+\tgr\u00fc\u00dfe \u65e5\u672c\n").toString("latin1");
    const { result } = await editWith(":", text);
    expect("text" in result && result.text).toContain(text);
  });

  it("must be named", async () => {
    expect(await editHunk("+1\n", undefined, signal)).toEqual({ problem: expect.stringContaining("EDITOR") });
  });
});
