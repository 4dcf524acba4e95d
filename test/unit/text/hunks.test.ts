import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyHunks, formatHunk, readEditedHunk, splitHunk } from "../../../src/text/hunks.js";
import { diffContents, type Hunk } from "../../../src/text/line-diff.js";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const text = (content: Uint8Array): string => Buffer.from(content).toString("latin1");

/** The smallest hunks between two contents. */
function smallest(before: string, after: string): Hunk[] {
  return diffContents(bytes(before), bytes(after)).flatMap(splitHunk);
}

function applied(before: string, hunks: readonly Hunk[]): string {
  return text(applyHunks(bytes(before), hunks));
}

const lines = fc
  .array(fc.constantFrom("a\n", "b\n", "c\r\n", "\n", "\xff\xfe\n", "-x\n", "+y\n", " z\n", "\\ q\n"), {
    maxLength: 30,
  })
  .chain((all) => fc.constantFrom("", "end", "\r", "\xff").map((tail) => all.join("") + tail));

/** Two texts of which the second was made from the first. */
const pairs = fc
  .tuple(lines, fc.array(fc.tuple(fc.nat(30), fc.nat(3), lines), { maxLength: 4 }))
  .map(([before, edits]) => {
    const all = before.split("\n");
    for (const [at, removed, added] of edits) all.splice(at, removed, ...added.split("\n").slice(0, 3));
    return [before, all.join("\n")] as const;
  });

describe("splitting", () => {
  it("gives a hunk for each unbroken stretch, which share the lines between them", () => {
    const hunks = smallest("1\n2\n3\n4\n5\n", "1\nTWO\n3\n4\n5\n6\n");
    expect(hunks.map(formatHunk)).toEqual([
      "@@ -1,5 +1,5 @@\n 1\n-2\n+TWO\n 3\n 4\n 5\n",
      "@@ -3,3 +3,4 @@\n 3\n 4\n 5\n+6\n",
    ]);
  });

  it("leaves a single stretch whole", () => {
    const [hunk] = diffContents(bytes("a\nb\nc\n"), bytes("a\nB\nC\nc\n"));
    expect(hunk && splitHunk(hunk)).toEqual([hunk]);
  });

  it("gives hunks of one stretch each, in order, whatever the texts", () => {
    fc.assert(
      fc.property(pairs, ([before, after]) => {
        for (const { lines: all, oldCount, newCount } of smallest(before, after)) {
          expect(all.map(({ sign }) => (sign === " " ? " " : "x")).join("")).toMatch(/^ *x+ *$/);
          expect(all.filter(({ sign }) => sign !== "+").length).toBe(oldCount);
          expect(all.filter(({ sign }) => sign !== "-").length).toBe(newCount);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("applying chosen hunks", () => {
  it.each([
    ["without a line feed at the end of either", "a\nb\nc", "A\nb\nC", [0], "A\nb\nc"],
    ["that take the last line feed away", "a\nm\nb\n", "A\nm\nb", [1], "a\nm\nb"],
    ["that give the last line feed", "a\nm\nb", "A\nm\nb\n", [1], "a\nm\nb\n"],
    ["of Windows lines", "a\r\nb\r\nc\r\n", "A\r\nb\r\nC\r\n", [1], "a\r\nb\r\nC\r\n"],
    ["of bytes that are no UTF-8", "\xff\nb\n\xfe", "\xfd\nb\n\xfc", [0], "\xfd\nb\n\xfe"],
    ["to a file that was empty", "", "a\nb", [0], "a\nb"],
    ["that empty a file", "a\nb", "", [0], ""],
    ["at the very beginning", "b\n", "a\nb\nc\n", [0], "a\nb\n"],
    ["at the very end", "b\n", "a\nb\nc\n", [1], "b\nc\n"],
  ])("%s", (_, before, after, picks, result) => {
    const hunks = smallest(before, after);
    expect(
      applied(
        before,
        hunks.filter((_hunk, at) => picks.includes(at)),
      ),
    ).toBe(result);
  });

  it("gives the new text for all of them, the old one for none, in any order", () => {
    fc.assert(
      fc.property(pairs, ([before, after]) => {
        const whole = diffContents(bytes(before), bytes(after));
        const parts = whole.flatMap(splitHunk);
        for (const hunks of [whole, parts, parts.toReversed()]) expect(applied(before, hunks)).toBe(after);
        expect(applied(before, [])).toBe(before);
      }),
      { numRuns: 1000 },
    );
  });

  it("leaves the others applicable where they are now: some and then the rest are all", () => {
    fc.assert(
      fc.property(pairs, fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }), ([before, after], picks) => {
        const hunks = smallest(before, after);
        const isFirst = (at: number): boolean => picks[at % picks.length] === true;
        const half = applied(
          before,
          hunks.filter((_, at) => isFirst(at)),
        );
        let moved = 0;
        const rest: Hunk[] = [];
        for (const [at, hunk] of hunks.entries()) {
          if (isFirst(at)) moved += hunk.newCount - hunk.oldCount;
          else rest.push({ ...hunk, oldStart: hunk.oldStart + moved });
        }
        expect(applied(half, rest)).toBe(after);
        expect(applied(half, diffContents(bytes(half), bytes(after)))).toBe(after);
      }),
      { numRuns: 1000 },
    );
  });

  it("refuses a hunk of another text", () => {
    const [hunk] = smallest("a\nb\n", "a\nB\n");
    expect(() => applied("x\ny\n", hunk === undefined ? [] : [hunk])).toThrow(/does not belong/);
  });
});

describe("an edited hunk", () => {
  const before = "1\n2\n3\n4\n";
  const [hunk] = diffContents(bytes(before), bytes("1\ntwo\nthree\n4\n"));
  if (hunk === undefined) throw new Error("no hunk");

  function edited(written: string, of = before, from = hunk): string {
    if (from === undefined) throw new Error("no hunk");
    const result = readEditedHunk(bytes(of), from, written);
    return "problem" in result ? result.problem : applied(of, [result.hunk]);
  }

  it.each([
    ["as it was", formatHunk(hunk), "1\ntwo\nthree\n4\n"],
    ["with an addition left out", " 1\n-2\n-3\n+two\n 4\n", "1\ntwo\n4\n"],
    ["with a deletion taken back", " 1\n 2\n-3\n+three\n 4\n", "1\n2\nthree\n4\n"],
    ["with other additions", "+0\n 1\n-2\n-3\n+zwei\n+drei\n 4\n+5\n", "0\n1\nzwei\ndrei\n4\n5\n"],
    ["without a line feed at its own end", " 1\n-2\n-3\n+two\n 4", "1\ntwo\n4\n"],
    ["with comments", "# about\n@@ -1,4 +1,4 @@ x\n 1\n 2\n 3\n 4\n+5\n#end\n", "1\n2\n3\n4\n5\n"],
    ["with the last line feed taken away", " 1\n 2\n 3\n-4\n+4\n\\ No newline at end of file\n", "1\n2\n3\n4"],
  ])("%s", (_, written, result) => expect(edited(written)).toBe(result));

  it.each([
    ["with a line of the file changed", " 1\n-2\n-3\n 5\n", /not those of the file/],
    ["with a line of the file missing", " 1\n-2\n 4\n", /not those of the file/],
    ["with another line in front", " 0\n 1\n-2\n-3\n 4\n", /not those of the file/],
    ["empty", "# nothing\n", /nothing is left/],
    ["with a line of no kind", " 1\nwhat\n", /begins with "w"/],
    ["with a mark and no line", "\\ No newline\n", /begins with the mark/],
    ["with no line feed in the middle", " 1\n 2\n 3\n+x\n\\ No newline at end of file\n 4\n", /only be the last/],
  ])("is refused %s", (_, written, problem) => expect(edited(written)).toMatch(problem));

  it("keeps an empty line whose space an editor took away", () => {
    const of = "a\n\nb\n";
    const [from] = diffContents(bytes(of), bytes("a\n\nB\n"));
    expect(edited(" a\n\n-b\n+B!\n", of, from)).toBe("a\n\nB!\n");
  });

  it("cannot end a file before its end", () => {
    const of = `${"x\n".repeat(20)}y\n`;
    const [from] = diffContents(bytes(of), bytes(`z\n${of}`));
    expect(edited("+z\n x\n x\n-x\n+x\n\\ No newline\n", of, from)).toMatch(/only be the last/);
  });

  it("comes back as it was from its own text, whatever the texts", () => {
    fc.assert(
      fc.property(pairs, ([old, now]) => {
        for (const each of smallest(old, now)) {
          const result = readEditedHunk(bytes(old), each, formatHunk(each));
          expect(result).toEqual({ hunk: each });
        }
      }),
      { numRuns: 500 },
    );
  });
});
