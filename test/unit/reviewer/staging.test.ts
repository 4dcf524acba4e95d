import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rowsOf } from "../../../src/cli/reviewer/diff-rows.js";
import { selectStaged } from "../../../src/cli/reviewer/staging.js";
import { stagedLines } from "../../../src/cli/reviewer/toggles.js";
import { changed, docOf, press, stateOf, withDoc } from "./sample.js";

const numbered = (...replaced: number[]): string =>
  Array.from({ length: 30 }, (_, at) => (replaced.includes(at) ? `new ${at}\n` : `${at}\n`)).join("");
const contentOf = (state: ReturnType<typeof stateOf>): string | undefined => {
  const bytes = selectStaged(state.changes, state.staged).overrides.get("f");
  return bytes === undefined ? undefined : Buffer.from(bytes).toString();
};
const opened = () =>
  withDoc(press(stateOf([changed("f"), changed("g")]), "enter"), "f", numbered(), numbered(3, 4, 20));

describe("staging", () => {
  it("takes the hunk under the cursor, the other one, and then it is the whole file", () => {
    const first = press(opened(), " ");
    expect(contentOf(first)).toBe(numbered(3, 4));
    const both = press(first, "]", " ");
    expect(both.staged.get("f")).toBe("all");
    expect(contentOf(press(both, " "))).toBe(numbered(3, 4));
  });

  it("takes a single line: what is removed without it stays", () => {
    const state = opened();
    const at = state.diffRows.findIndex((row) => row.kind === "both" && state.doc?.lines[row.line]?.raw === "new 3\n");
    expect(contentOf(press({ ...state, diffAt: at }, "s"))).toBe(numbered().replace("3\n4\n", "3\n4\nnew 3\n"));
  });

  it("refuses what is not staged, but not the new folders of what is", () => {
    const folder = { ...changed("new", "added"), type: "dir" as const };
    const state = stateOf([folder, changed("new/f", "added"), changed("z")]);
    const { chosen, refused } = selectStaged(state.changes, new Map([["new/f", "all" as const]]));
    expect([chosen.map(({ path }) => path), [...refused]]).toEqual([["new/f"], ["z"]]);
  });

  it("takes no new permissions along with a part of the lines", () => {
    const state = opened();
    const executable = { ...changed("f"), after: { type: "file" as const, mode: 0o755, size: 4 } };
    const [part] = selectStaged([executable], press(state, " ").staged).chosen;
    expect(part?.after?.mode).toBe(0o644);
  });

  it("makes the old text of no lines and the new text of all of them, and shows each line once in both layouts", () => {
    const line = fc.constantFrom("a\n", "b\n", "c\n", "\n", "d");
    const text = fc.array(line, { maxLength: 20 }).map((lines) => lines.join(""));
    fc.assert(
      fc.property(text, text, (before, after) => {
        const doc = docOf("f", before, after);
        const of = (lines: readonly number[]) =>
          selectStaged([changed("f")], new Map([["f", { doc, lines: new Set(lines) }]])).overrides.get("f");
        expect(Buffer.from(of([]) ?? "-").toString()).toBe(before);
        expect(Buffer.from(of(doc.changed) ?? "-").toString()).toBe(after);
        expect(stagedLines("all", doc).size).toBe(doc.changed.length);
        for (const layout of ["unified", "split"] as const) {
          const shown = rowsOf(doc, layout).flatMap((row) =>
            row.kind === "heading"
              ? []
              : row.kind === "both"
                ? [row.line]
                : [...new Set([row.left, row.right])].filter((at) => at !== null),
          );
          expect(shown.sort((a, b) => a - b)).toEqual(doc.lines.map((_, at) => at));
        }
      }),
    );
  });
});
