import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countChanges } from "../../../src/changes/collect.js";
import { makePalette } from "../../../src/cli/render/colour.js";
import type { ContentSource } from "../../../src/cli/render/content-source.js";
import { renderDiffText } from "../../../src/cli/render/diff-text.js";
import { formatSummary } from "../../../src/cli/render/summary.js";
import type { Change } from "../../../src/model/change.js";
import { changeOf, fileState, sourceOf, textOf } from "./change-of.js";

async function render(
  changes: Change[],
  source: ContentSource = sourceOf({}, {}),
  coloured = false,
  warnings: string[] = [],
) {
  const palette = makePalette(coloured);
  const { signal } = new AbortController();
  return await textOf(renderDiffText({ changes, totals: countChanges(changes), warnings, source, palette, signal }));
}

const high = { level: "high", reasons: ["runs when the project is built"] } as const;

describe("the text of a change set", () => {
  it("puts deletions and high risk first, with reasons, and then every body in the same order", async () => {
    const changes = [
      changeOf("a.txt", { before: fileState(2), after: fileState(4) }),
      changeOf("gone.txt", { kind: "deleted", before: fileState(1500) }),
      changeOf("Makefile", { kind: "added", risk: high, after: fileState(4) }),
    ];
    const source = sourceOf({ "a.txt": "1\n" }, { "a.txt": "1\n2\n", Makefile: "all:\n" });
    expect(await render(changes, source)).toBe(`1 added, 1 modified, 1 deleted; 1 of high risk

Deletions and high risk:
  deleted  gone.txt (1.5 KiB)
! added    Makefile
             runs when the project is built
(contents of deleted files are not shown: the host still has them, and --patch shows them)

added Makefile  0644 4 B
  runs when the project is built
@@ -0,0 +1 @@
+all:

modified a.txt  0644 2 B → 0644 4 B
@@ -1 +1,2 @@
 1
+2
`);
  });

  it("wraps long reasons at the terminal's width without cutting any, and leaves them whole for programs", async () => {
    const reason = `runs on a build server, with its secrets: ${"jobs.build.steps[2].run, ".repeat(6)}and 12 more`;
    const changes = [
      changeOf("a.yml", {
        risk: { level: "high", reasons: [reason, "x".repeat(100)] },
        before: fileState(2),
        conflict: true,
      }),
    ];
    const palette = makePalette(false);
    const input = { changes, totals: countChanges(changes), warnings: [], source: sourceOf({}, {}), palette };
    const { signal } = new AbortController();
    const narrow = await textOf(renderDiffText({ ...input, columns: 80, signal }));
    const longer = narrow.split("\n").filter((line) => line.length > 80);
    expect(longer.map((line) => line.trim())).toEqual([
      "x".repeat(100),
      "x".repeat(100),
      expect.stringMatching(/^content not shown/),
    ]);
    const joined = narrow.replace(/\n {2,13}(?! )/g, " ");
    expect(joined.split(reason)).toHaveLength(3);
    expect(narrow).toContain("\n             conflict: it changed");
    expect((await textOf(renderDiffText({ ...input, signal }))).split(`\n             ${reason}\n`)).toHaveLength(2);
  });

  it("says that nothing changed", async () => {
    expect(await render([])).toBe("nothing changed\n");
  });

  it("colours what goes and comes", async () => {
    const text = await render(
      [changeOf("f", { before: fileState(2), after: fileState(2) })],
      sourceOf({ f: "a\n" }, { f: "b\n" }),
      true,
    );
    expect(text).toContain("\u001b[31m-a\u001b[39m\n\u001b[32m+b\u001b[39m\n");
  });

  it("marks a missing line feed, a conflict, modes, links and folders", async () => {
    const text = await render(
      [
        changeOf("f", { conflict: true }),
        changeOf("m", { kind: "mode", after: fileState(1, 0o755) }),
        changeOf("l", {
          type: "symlink",
          before: { type: "symlink", mode: 0o777, size: 1, target: "old" },
          after: { type: "symlink", mode: 0o777, size: 1, target: "new\u001b[2J" },
        }),
        changeOf("d", { kind: "added", type: "dir", after: { type: "dir", mode: 0o755, size: 0 } }),
      ],
      sourceOf({ f: "a" }, { f: "b" }),
    );
    expect(text).toContain("-a\n\\ no line feed at the end of the file\n+b\n\\ no line feed");
    expect(text).toContain("conflict: it changed on the host");
    expect(text).toContain("mode m  0644 1 B → 0755 1 B");
    expect(text).toContain("-→ old\n+→ $'new\\x1b[2J'\n");
    expect(text).toContain("added d/  folder 0755");
  });

  it.each([
    [
      "binary by its head",
      changeOf("f", { binary: true, before: fileState(3), after: fileState(4, 0o644, "ab12") }),
      "binary",
    ],
    ["large", changeOf("f", { after: fileState(2 * 1024 * 1024, 0o644, "ab12") }), "larger than 1.0 MiB"],
    ["unreadable", changeOf("f", { after: fileState(4, 0o644, "ab12") }), "unreadable"],
  ])("says so where a body is not shown, with sizes and hashes: %s", async (_, change, why) => {
    const text = await render([change]);
    expect(text).toMatch(new RegExp(`content not shown, ${why}: .*bytes, sha256 not computed\\) → .*sha256 ab12\\)`));
  });

  it("does not print a body with NUL that the head did not show", async () => {
    const text = await render([changeOf("f", {})], sourceOf({ f: "a" }, { f: "b\u0000" }));
    expect(text).toContain("content not shown, binary");
  });

  it("never lets a control or bidirectional character through, whatever names, reasons and contents hold", async () => {
    const wild = fc.string({ unit: "binary", maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(wild, wild, wild, async (path, reason, content) => {
        const latin = Buffer.from(content.replaceAll("\0", ""), "utf8").toString("latin1");
        const risk = { level: "high" as const, reasons: [reason] };
        const target = { type: "symlink" as const, mode: 0o777, size: 1, target: content };
        const changes = [
          changeOf(path, { risk, before: null, after: fileState(latin.length) }),
          changeOf(`${path}x`, { risk, kind: "deleted" }),
          changeOf("l", { type: "symlink", before: target, after: target }),
        ];
        const text = await render(changes, sourceOf({}, { [path]: latin }), false, [reason]);
        expect(text).not.toMatch(/[\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]|(?![\n\t])\p{Cc}/u);
      }),
    );
  });

  it("shows bytes that are not UTF-8, and carriage returns", async () => {
    const change = changeOf("f", { before: null, kind: "added", after: fileState(4) });
    expect(await render([change], sourceOf({}, { f: "\xff\r\n\u001b" }))).toContain("+\\xff\\r\n+\\x1b\n");
  });

  it("stops when told to", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    const input = {
      totals: countChanges([]),
      warnings: [],
      source: sourceOf({}, {}),
      palette: makePalette(false),
      signal,
    };
    await expect(textOf(renderDiffText({ changes: [changeOf("f")], ...input }))).rejects.toThrow("enough");
  });
});

describe("the summary", () => {
  const place = { env: {}, stderr: {} };

  it("names what must not be missed and counts what it leaves out", () => {
    const changes = [
      ...Array.from({ length: 17 }, (_, at) => changeOf(`run${at}`, { risk: high })),
      ...Array.from({ length: 16 }, (_, at) => changeOf(`gone\n${at}`, { kind: "deleted" })),
    ];
    const text = formatSummary({ changes, totals: countChanges(changes), warnings: ["many\u001b"] }, place);
    expect(text.split("\n")[0]).toBe("17 modified, 16 deleted; 17 of high risk");
    expect(text).toContain("! many\\x1b");
    expect(text).toContain("! modified run0: runs when the project is built");
    expect(text).toContain("and 2 more of high risk");
    expect(text).toContain("deleted $'gone\\n0'");
    expect(text).toContain("and 1 more deleted");
  });

  it("names the rest as far as there is room, and counts it", () => {
    const changes = [
      changeOf("gone", { kind: "deleted" }),
      ...Array.from({ length: 20 }, (_, at) => changeOf(`new${at}`, { kind: "added" })),
    ];
    const text = formatSummary({ changes, totals: countChanges(changes) }, place);
    expect(text).toContain("  added new13\n  and 6 more, of no high risk");
    expect(text).not.toContain("new14");
    expect(formatSummary({ changes: [changeOf("one")], totals: countChanges([changeOf("one")]) }, place)).toBe(
      "1 modified\n  modified one",
    );
  });
});
