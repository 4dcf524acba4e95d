import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findRenames, knownRenames } from "../../../src/changes/renames.js";
import type { Change } from "../../../src/model/change.js";
import { changesBetween, type World } from "../apply/plan-world.js";
import { sourceOf } from "../render/change-of.js";

const { signal } = new AbortController();
const lines = (...numbers: number[]): string => numbers.map((each) => `line ${each}\n`).join("");
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);

function textsIn(world: World): Record<string, string> {
  return Object.fromEntries(
    Object.entries(world).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

/** As `diff` has it: without the hashes that nothing needed. */
function withoutHashes(changes: readonly Change[]): Change[] {
  return changes.map((change) => {
    const plain = (state: Change["before"]) => {
      if (state === null) return null;
      const { sha256: _, ...rest } = state;
      return rest;
    };
    return { ...change, before: plain(change.before), after: plain(change.after) };
  });
}

async function renamesOf(before: World, after: World, more: Partial<Change> = {}): Promise<string[]> {
  const changes = changesBetween(before, after, more);
  const source = sourceOf(textsIn(before), textsIn(after));
  const [hashed, plain] = [
    await findRenames(changes, source, signal),
    await findRenames(withoutHashes(changes), source, signal),
  ];
  expect(plain).toEqual(hashed);
  return hashed.map(({ from, to, similarity }) => `${from} -> ${to} ${similarity}`);
}

describe("renames", () => {
  it.each([
    ["of equal content", { a: "1\n" }, { b: "1\n" }, ["a -> b 100"]],
    ["into a folder", { a: "1\n" }, { d: null, "d/a": "1\n" }, ["a -> d/a 100"]],
    [
      "of a whole folder, by name",
      { d: null, "d/x": "1", "d/y": "1" },
      { e: null, "e/y": "1", "e/x": "1" },
      ["d/x -> e/x 100", "d/y -> e/y 100"],
    ],
    ["each only once", { a: "1\n" }, { b: "1\n", c: "1\n" }, ["a -> b 100"]],
    ["with one line changed", { a: lines(...range(0, 10)) }, { b: lines(...range(0, 9), 77) }, ["a -> b 88"]],
    ["with lines moved, which is not equal", { a: lines(1, 2, 3) }, { b: lines(3, 2, 1) }, ["a -> b 99"]],
    [
      "of the most alike first",
      { a: lines(...range(0, 10)) },
      { b: lines(...range(0, 7)), c: lines(...range(0, 9)) },
      ["a -> c 90"],
    ],
    ["not of too different texts", { a: lines(1, 2, 3, 4) }, { b: lines(1, 6, 7, 8) }, []],
    ["not of a text that grew too much", { a: lines(1, 2) }, { b: lines(...range(1, 9)) }, []],
    ["not of empty files", { a: "" }, { b: "" }, []],
    ["not of links and folders", { a: { to: "x" }, d: null }, { b: { to: "x" }, e: null }, []],
    ["not of what stayed", { a: "1\n" }, { a: "1\n", b: "1\n" }, []],
    ["not of contents with NUL bytes that differ", { a: "1\n2\n\0" }, { b: "1\n2\n\0\0" }, []],
    ["not of git's own data", { ".git": null, ".git/a": "1\n" }, { ".git": null, ".git/b": "1\n" }, []],
  ] as [string, World, World, string[]][])("are found %s", async (_, before, after, found) => {
    expect(await renamesOf(before, after)).toEqual(found);
  });

  it("are not told of what was hidden and made anew", async () => {
    expect(await renamesOf({ a: "1\n" }, { b: "1\n" }, { masked: true })).toEqual([]);
  });

  it("are found by known hashes without reading", () => {
    const changes = changesBetween({ a: "1\n", c: lines(1, 2) }, { b: "1\n", d: lines(1, 2, 3) });
    expect(knownRenames(changes)).toEqual([{ from: "a", to: "b", similarity: 100 }]);
    expect(knownRenames(withoutHashes(changes))).toEqual([]);
  });

  it("are none where the contents cannot be read", async () => {
    const changes = withoutHashes(changesBetween({ a: "1\n" }, { b: "1\n" }));
    expect(await findRenames(changes, sourceOf({}, {}), signal)).toEqual([]);
  });

  it("cost no more than so many reads, however many files there are", async () => {
    const world = (prefix: string): World =>
      Object.fromEntries(range(0, 3000).map((at) => [`${prefix}${at}`, `${at + 10_000}\n`]));
    let reads = 0;
    const nothing = () => {
      reads += 1;
      return Promise.resolve(null);
    };
    await findRenames(
      withoutHashes(changesBetween(world("a"), world("b"))),
      { readBefore: nothing, readAfter: nothing },
      signal,
    );
    expect(reads).toBe(1000);
    const known = await findRenames(
      changesBetween(world("a"), world("b")),
      { readBefore: nothing, readAfter: nothing },
      signal,
    );
    expect([known.length, reads]).toEqual([3000, 1000]);
  });

  it("end when they are told to", async () => {
    const changes = withoutHashes(changesBetween({ a: "1\n" }, { b: "1\n" }));
    await expect(findRenames(changes, sourceOf({}, {}), AbortSignal.abort())).rejects.toThrow();
  });

  it("name only deleted files and new ones, each once, whatever changed", async () => {
    const text = fc.array(fc.nat(4), { maxLength: 6 }).map((numbers) => lines(...numbers));
    const world = fc.dictionary(fc.constantFrom("a", "b", "c", "d", "e"), text, { noNullPrototype: true });
    await fc.assert(
      fc.asyncProperty(world, world, async (before, after) => {
        const changes = changesBetween(before, after);
        const renames = await findRenames(changes, sourceOf(before, after), signal);
        expect(new Set(renames.map(({ from }) => from)).size).toBe(renames.length);
        expect(new Set(renames.map(({ to }) => to)).size).toBe(renames.length);
        for (const { from, to, similarity } of renames) {
          expect([before[to], after[from]]).toEqual([undefined, undefined]);
          expect(similarity === 100).toBe(before[from] === after[to]);
          expect(similarity).toBeGreaterThanOrEqual(50);
        }
      }),
      { numRuns: 500 },
    );
  });
});
