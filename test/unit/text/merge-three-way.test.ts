import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeThreeWay } from "../../../src/text/merge-three-way.js";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

function merged(base: string, ours: string, theirs: string): string | null {
  const result = mergeThreeWay(bytes(base), bytes(ours), bytes(theirs));
  return "bytes" in result ? Buffer.from(result.bytes).toString("latin1") : null;
}

describe("merging three ways", () => {
  it.each([
    ["changes far apart", "1\n2\n3\n4\n", "A\n2\n3\n4\n", "1\n2\n3\nB\n", "A\n2\n3\nB\n"],
    ["the same change on both sides", "1\n2\n3\n", "1\nX\n3\n", "1\nX\n3\n", "1\nX\n3\n"],
    ["the same change, and another", "1\n2\n3\n4\n5\n", "1\nX\n3\n4\n5\n", "1\nX\n3\n4\nY\n", "1\nX\n3\n4\nY\n"],
    ["a deletion and a change", "1\n2\n3\n4\n", "2\n3\n4\n", "1\n2\n3\nX\n", "2\n3\nX\n"],
    ["additions at both ends", "1\n2\n", "0\n1\n2\n", "1\n2\n3\n", "0\n1\n2\n3\n"],
    [
      "Windows lines and bytes that are no UTF-8",
      "\xff\r\n2\r\n3\r\n",
      "\xfe\r\n2\r\n3\r\n",
      "\xff\r\n2\r\n4\r\n",
      "\xfe\r\n2\r\n4\r\n",
    ],
    ["a last line without line feed", "1\n2\n3", "0\n2\n3", "1\n2\nC", "0\n2\nC"],
    ["nothing in common with the base, alike", "1\n", "2\n", "2\n", "2\n"],
  ])("takes %s", (_, base, ours, theirs, result) => {
    expect(merged(base, ours, theirs)).toBe(result);
    expect(merged(base, theirs, ours)).toBe(result);
  });

  it.each([
    ["one line changed in two ways", "1\n2\n3\n", "1\nX\n3\n", "1\nY\n3\n"],
    ["a changed line that the other side deleted", "1\n2\n3\n", "1\n3\n", "1\nX\n3\n"],
    ["two additions at one place", "1\n2\n", "1\nX\n2\n", "1\nY\n2\n"],
    ["lines side by side", "1\n2\n3\n4\n", "1\nX\n3\n4\n", "1\n2\nY\n4\n"],
    ["an addition right after a change", "1\n2\n3\n", "1\nX\n3\n", "1\n2\nY\n3\n"],
    ["two texts where there was none", "", "X\n", "Y\n"],
    ["a line feed taken away where a line was added", "1\n2\n", "1\n2", "1\n2\n3\n"],
    ["contents with a NUL byte", "1\n\0\n3\n4\n", "X\n\0\n3\n4\n", "1\n\0\n3\nY\n"],
  ])("leaves %s to a person", (_, base, ours, theirs) => {
    expect(merged(base, ours, theirs)).toBeNull();
    expect(merged(base, theirs, ours)).toBeNull();
  });

  it("tells what both sides made of a stretch", () => {
    expect(mergeThreeWay(bytes("1\n2\n3\n"), bytes("1\nX\n3\n"), bytes("1\nY\nZ\n3\n"))).toEqual({
      conflicts: [{ baseLine: 2, base: ["2\n"], ours: ["X\n"], theirs: ["Y\n", "Z\n"] }],
    });
  });
});

const line = fc.constantFrom("a\n", "b\n", "c\r\n", "\n", "\xff\n");
const texts = fc
  .tuple(fc.array(line, { maxLength: 12 }), fc.constantFrom("", "end"))
  .map(([lines, end]) => lines.join("") + end);

describe("for any texts", () => {
  it("a side that changed nothing gives way, and two that agree agree", () => {
    fc.assert(
      fc.property(texts, texts, (base, other) => {
        expect(merged(base, base, other)).toBe(other);
        expect(merged(base, other, base)).toBe(other);
        expect(merged(base, other, other)).toBe(other);
      }),
    );
  });

  it("it does not matter which side is which, and no two lines become one", () => {
    fc.assert(
      fc.property(texts, texts, texts, (base, ours, theirs) => {
        const result = merged(base, ours, theirs);
        expect(merged(base, theirs, ours)).toBe(result);
        const known = new Set([base, ours, theirs].flatMap((text) => text.split("\n")));
        for (const each of result?.split("\n") ?? []) expect(known).toContain(each);
      }),
      { numRuns: 2000 },
    );
  });
});

/** Numbered lines, some changed, removed or added to by a side: so that there is only one shortest diff. */
const edits = (side: string, common: string) =>
  fc.array(
    fc
      .tuple(fc.nat(19), fc.constantFrom("change", "remove", "add", "alike"))
      .map(([at, act]) => ({ at, act, side, common })),
    { maxLength: 4 },
  );

function edit(changes: readonly { at: number; act: string; side: string; common: string }[]): string {
  const lines = Array.from({ length: 20 }, (_, at) => `line ${at}\n`);
  for (const { at, act, side, common } of changes) {
    if (act === "remove") lines[at] = "";
    else if (act === "add") lines[at] = `${lines[at]}new ${at} of ${side}\n`;
    else lines[at] = `changed ${at} ${act === "alike" ? common : side}\n`;
  }
  return lines.join("");
}

const hasGit = spawnSync("git", ["--version"]).status === 0;

describe.skipIf(!hasGit)("git merge-file", () => {
  it("comes to the same result, or sees a conflict as well", () => {
    const folder = mkdtempSync(join(tmpdir(), "airlock-merge-"));
    try {
      const base = edit([]);
      const at = (name: string): string => join(folder, name);
      const environment = { env: { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: folder }, cwd: folder };
      fc.assert(
        fc.property(edits("ours", "both"), edits("theirs", "both"), (left, right) => {
          const [ours, theirs] = [edit(left), edit(right)];
          for (const [name, text] of Object.entries({ base, ours, theirs })) writeFileSync(at(name), text);
          const git = spawnSync("git", ["merge-file", "-p", "--quiet", at("ours"), at("base"), at("theirs")], {
            ...environment,
            encoding: "latin1",
          });
          expect(merged(base, ours, theirs)).toBe(git.status === 0 ? git.stdout : null);
        }),
        { numRuns: 200 },
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
