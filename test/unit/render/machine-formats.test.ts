import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodePath } from "../../../src/base/byte-path.js";
import { countChanges } from "../../../src/changes/collect.js";
import { makePalette } from "../../../src/cli/render/colour.js";
import { renderDiffJson } from "../../../src/cli/render/diff-json.js";
import { renderNames } from "../../../src/cli/render/name-only.js";
import { formatTotals, renderStat } from "../../../src/cli/render/stat.js";
import type { Change } from "../../../src/model/change.js";
import { scratch } from "../changes/layer-between.js";
import { changeOf, fileState, sourceOf, textOf } from "./change-of.js";

const hostile = ["new\nline", "\u001b[2J", "\u202ex", "\udcff\udcfe", "a\"b'c\\d", " x ", "-rf", "n".repeat(4000)];

describe("JSON", () => {
  const base = { path: "/p", kind: "overlay", time: "2026-01-01T00:00:00.000Z" };

  async function parse(changes: Change[]) {
    const input = { session: "s", base, changes, totals: countChanges(changes), hidden: [{ path: ".env", rule: "r" }] };
    return JSON.parse(await textOf(renderDiffJson(input)));
  }

  it("has the shape that the documentation promises", async () => {
    const target = { type: "symlink" as const, mode: 0o777, size: 1, target: "x" };
    const found = await parse([
      changeOf("f", { before: fileState(1, 0o4755, "aa"), after: fileState(2) }),
      changeOf("l", { kind: "type", type: "symlink", after: target, conflict: true }),
    ]);
    expect(found).toEqual({
      session: "s",
      base,
      changes: [
        {
          path: "f",
          kind: "modified",
          type: "file",
          before: { type: "file", mode: "4755", size: 1, sha256: "aa", target: null },
          after: { type: "file", mode: "0644", size: 2, sha256: null, target: null },
          binary: false,
          risk: { level: "none", reasons: [] },
          conflict: false,
          masked: false,
        },
        {
          path: "l",
          kind: "type",
          type: "symlink",
          before: { type: "file", mode: "0644", size: 1, sha256: null, target: null },
          after: { type: "symlink", mode: "0777", size: 1, sha256: null, target: "x" },
          binary: false,
          risk: { level: "none", reasons: [] },
          conflict: true,
          masked: false,
        },
      ],
      totals: { added: 0, modified: 1, deleted: 0, type: 1, mode: 0, highRisk: 0, conflicts: 1 },
      warnings: [],
      renames: [],
      hidden: [{ path: ".env", rule: "r" }],
      git: null,
    });
  });

  it("is valid when nothing changed", async () => {
    expect((await parse([])).changes).toEqual([]);
  });

  it("keeps every name, byte for byte, in pure text", async () => {
    const changes = hostile.map((path) => changeOf(path, { kind: "added" }));
    expect((await parse(changes)).changes.map(({ path }: Change) => path)).toEqual(hostile);
    const input = { session: "s", base, changes, totals: countChanges(changes), hidden: [] };
    const text = await textOf(renderDiffJson(input));
    expect(text).not.toContain("\u001b");
    expect(text).not.toContain("\ufffd");
  });

  it("comes in pieces, a change a line", async () => {
    let pieces = 0;
    const changes = Array.from({ length: 1000 }, (_, at) => changeOf(`f${at}`));
    for await (const piece of renderDiffJson({
      session: "s",
      base,
      changes,
      totals: countChanges(changes),
      hidden: [],
    })) {
      pieces += 1;
      expect(piece.length).toBeLessThan(1000);
    }
    expect(pieces).toBe(1002);
  });
});

describe("names", () => {
  it("are the exact bytes, ended by NUL, with -z", () => {
    const out = Buffer.concat([
      ...renderNames(
        hostile.map((path) => changeOf(path)),
        { nul: true },
      ),
    ]);
    const parts = out.toString("latin1").split("\0");
    expect(parts.pop()).toBe("");
    expect(parts.map((part) => decodePath(Buffer.from(part, "latin1")))).toEqual(hostile);
  });

  it("are a harmless line each without", async () => {
    const text = await textOf(
      renderNames(
        hostile.map((path) => changeOf(path)),
        { nul: false },
      ),
    );
    const lines = text.split("\n");
    expect(lines).toHaveLength(hostile.length + 1);
    expect(lines.slice(0, 4)).toEqual(["$'new\\nline'", "$'\\x1b[2J'", "$'\\u{202e}x'", "$'\\xff\\xfe'"]);
  });
});

describe("stat", () => {
  const stat = (changes: Change[], source = sourceOf({}, {}), columns = 80, coloured = false) =>
    textOf(
      renderStat({ changes, source, palette: makePalette(coloured), columns, signal: new AbortController().signal }),
    );

  it("has a line for each change and the sum", async () => {
    const changes = [
      changeOf("a.txt", { before: fileState(4), after: fileState(6) }),
      changeOf("long/name.txt", { kind: "added", after: fileState(6) }),
      changeOf("old", { kind: "deleted", before: fileState(2) }),
      changeOf("b.bin", { binary: true, before: fileState(5), after: fileState(9) }),
      changeOf("big", { after: fileState(5_000_000) }),
      changeOf("x.sh", { kind: "mode", after: fileState(1, 0o755) }),
      changeOf("d", { kind: "added", type: "dir", after: { type: "dir", mode: 0o755, size: 0 } }),
      changeOf("t", { kind: "type", after: { type: "symlink", mode: 0o777, size: 1, target: "x" } }),
      changeOf("e", { kind: "added", after: fileState(0) }),
      changeOf("un\nread", { after: fileState(1) }),
    ];
    const source = sourceOf({ "a.txt": "1\n2\n", old: "x\n" }, { "a.txt": "1\nX\nY\n", "long/name.txt": "1\n2\n3" });
    expect(await stat(changes, source)).toBe(` a.txt         | 3 ++-
 long/name.txt | 3 +++
 old (deleted) | 1 -
 b.bin         | Bin 5 -> 9 bytes
 big           | Bin 1 -> 5000000 bytes
 x.sh          | mode 0644 -> 0755
 d             | new folder
 t             | file -> symlink
 e             | 0
 $'un\\nread'   | unreadable
 10 paths changed, 5 insertions(+), 2 deletions(-)
`);
  });

  it("scales its bars to the terminal", async () => {
    const many = Array.from({ length: 500 }, (_, at) => `${at}\n`).join("");
    const changes = ["a", "b"].map((path) => changeOf(path, { kind: "added", after: fileState(3000) }));
    const text = await stat(changes, sourceOf({}, { a: many, b: "1\n" }), 60);
    expect(Math.max(...text.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(60);
    expect(text).toMatch(/b \| {3}1 \+\n/);
  });

  it("counts as git does", { timeout: 30_000 }, async () => {
    using folder = scratch();
    const random = (salt: number) => Array.from({ length: 300 }, (_, at) => `line ${(at * at * salt) % 17}\n`).join("");
    for (const [side, salt] of [
      ["a", 3],
      ["b", 5],
    ] as const) {
      mkdirSync(`${folder.path}/${side}`);
      writeFileSync(`${folder.path}/${side}/f`, `${random(salt)}end`);
    }
    const env = { PATH: process.env["PATH"], HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1" };
    let numbers = "";
    try {
      execFileSync("git", ["diff", "--no-index", "--numstat", "--minimal", "a", "b"], { cwd: folder.path, env });
    } catch (error) {
      numbers = String((error as { stdout: Buffer }).stdout);
    }
    const [added, removed] = numbers.split("\t");
    const read = (side: string) => readFileSync(`${folder.path}/${side}/f`, "latin1");
    const text = await stat(
      [changeOf("f", { before: fileState(9), after: fileState(9) })],
      sourceOf({ f: read("a") }, { f: read("b") }),
    );
    expect(text).toContain(`${added} insertions(+), ${removed} deletions(-)`);
  });
});

describe("totals", () => {
  it("name each kind that occurs", () => {
    const totals = { added: 1, modified: 2, deleted: 3, type: 4, mode: 5, highRisk: 6, conflicts: 1 };
    expect(formatTotals(totals)).toBe(
      "1 added, 2 modified, 3 deleted, 4 of another type, 5 of another mode; 6 of high risk, 1 conflict",
    );
    expect(formatTotals(countChanges([]))).toBe("nothing changed");
  });
});
