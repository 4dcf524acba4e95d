import fc from "fast-check";
import { expect, it } from "vitest";
import { compareChanges } from "../../../src/changes/compare.js";
import type { Change, EntryState } from "../../../src/model/change.js";
import { changeOf } from "../render/change-of.js";

const file = (sha256: string, mode = 0o644): EntryState => ({ type: "file", mode, size: 1, sha256 });
const left = (path: string, after: EntryState | null, kind: Change["kind"] = "modified"): Change =>
  changeOf(path, { kind, after });

it("tells what one did alone, what both did alike, and what they did otherwise", () => {
  const first = [left("a", file("1")), left("b", file("1")), left("gone", null, "deleted"), left("mine", file("1"))];
  const second = [left("a", file("1")), left("b", file("2")), left("gone", null, "deleted"), left("yours", file("1"))];
  expect(compareChanges(first, second).map(({ path, found }) => `${found} ${path}`)).toEqual([
    "same a",
    "different b",
    "same gone",
    "first mine",
    "second yours",
  ]);
});

it.each<[string, EntryState | null, EntryState | null]>([
  ["modes", file("1"), file("1", 0o755)],
  ["a deletion and a file", null, file("1")],
  [
    "targets",
    { type: "symlink", mode: 0o777, size: 1, target: "x" },
    { type: "symlink", mode: 0o777, size: 1, target: "y" },
  ],
  ["types", file("1"), { type: "dir", mode: 0o644, size: 1 }],
  ["files that could not be read", { type: "file", mode: 0o644, size: 1 }, { type: "file", mode: 0o644, size: 1 }],
])("takes other %s for different", (_, one, other) => {
  expect(compareChanges([left("p", one)], [left("p", other)])[0]?.found).toBe("different");
});

it("names each path once, whichever session it is of, and is the same the other way round", () => {
  const changes = fc.uniqueArray(fc.record({ path: fc.constantFrom(..."abcdef"), hash: fc.constantFrom("1", "2") }), {
    selector: ({ path }) => path,
  });
  fc.assert(
    fc.property(changes, changes, (ones, others) => {
      const [first, second] = [ones, others].map((list) => list.map(({ path, hash }) => left(path, file(hash))));
      const forth = compareChanges(first ?? [], second ?? []);
      const back = compareChanges(second ?? [], first ?? []);
      const swapped = { first: "second", second: "first", same: "same", different: "different" } as const;
      expect(back.map(({ path, found }) => [path, swapped[found]])).toEqual(
        forth.map(({ path, found }) => [path, found]),
      );
      expect(forth.map(({ path }) => path)).toEqual([...new Set([...ones, ...others].map(({ path }) => path))].sort());
    }),
  );
});
