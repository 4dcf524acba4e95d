import { describe, expect, it } from "vitest";
import { countChanges } from "../../../src/changes/collect.js";
import { findRenames } from "../../../src/changes/renames.js";
import { makePalette } from "../../../src/cli/render/colour.js";
import { renderDiffJson } from "../../../src/cli/render/diff-json.js";
import { renderDiffText } from "../../../src/cli/render/diff-text.js";
import { renderStat } from "../../../src/cli/render/stat.js";
import { formatSummary } from "../../../src/cli/render/summary.js";
import type { Change } from "../../../src/model/change.js";
import { changesBetween } from "../apply/plan-world.js";
import { sourceOf, textOf } from "./change-of.js";

const { signal } = new AbortController();
const before = { "old.txt": "1\n2\n3\n4\n", "same\u001b": "x\n" };
const after = { "new.txt": "1\n2\n3\nfour\n", "twin\u202e": "x\n" };
const source = sourceOf(before, after);
const palette = makePalette(false);

async function scene(more: Partial<Change> = {}) {
  const changes = changesBetween(before, after, more);
  return { changes, totals: countChanges(changes), warnings: [], renames: await findRenames(changes, source, signal) };
}

describe("a rename", () => {
  it("is shown by what differs, with both paths listed and escaped", async () => {
    const text = await textOf(renderDiffText({ ...(await scene()), source, palette, signal }));
    expect(text).toContain("  deleted  old.txt (8 B), renamed to new.txt\n");
    expect(text).toContain("  deleted  $'same\\x1b' (2 B), renamed to $'twin\\u{202e}'\n");
    expect(text).toContain(
      "added new.txt  0644 11 B\n  renamed from old.txt, 54% of it alike; what differs:\n@@ -1,4 +1,4 @@\n 1\n 2\n 3\n-4\n+four\n",
    );
    expect(text).toMatch(
      /added \$'twin\\u\{202e\}' {2}0644 2 B\n {2}renamed from \$'same\\x1b', the same content, not shown\n$/,
    );
  });

  it("is shown whole where it is of high risk", async () => {
    const risk = { level: "high", reasons: ["runs when the project is built"] } as const;
    const text = await textOf(renderDiffText({ ...(await scene({ risk })), source, palette, signal }));
    expect(text).toContain("  renamed from old.txt, 54% of it alike\n@@ -0,0 +1,4 @@\n+1\n+2\n+3\n+four\n");
    expect(text).toContain("  renamed from $'same\\x1b', the same content\n@@ -0,0 +1 @@\n+x\n");
  });

  it("is named in the stat, the summary and the JSON", async () => {
    const found = await scene();
    const stat = await textOf(renderStat({ ...found, source, palette, columns: 80, signal }));
    expect(stat).toMatch(/ old\.txt \(renamed to new\.txt\) +\| 4 ----\n/);
    expect(stat).toMatch(/ new\.txt \(renamed from old\.txt, 54%\) +\| 4 \+\+\+\+\n/);
    expect(formatSummary(found, { env: {}, stderr: {} })).toContain(
      "  deleted $'same\\x1b', renamed to $'twin\\u{202e}'",
    );
    const base = { path: "/p", kind: "overlay", time: "t" };
    const json = JSON.parse(await textOf(renderDiffJson({ ...found, session: "s", base, hidden: [] })));
    expect(json.renames).toEqual([
      { from: "old.txt", to: "new.txt", similarity: 54 },
      { from: "same\u001b", to: "twin\u202e", similarity: 100 },
    ]);
    expect(json.changes).toHaveLength(4);
  });
});
