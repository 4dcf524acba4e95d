import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { comparePaths, decodePath, encodePath } from "../../../src/base/byte-path.js";

describe("byte paths", () => {
  test("any bytes come back exactly", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect([...encodePath(decodePath(bytes))]).toEqual([...bytes]);
      }),
      { numRuns: 5_000 },
    );
  });

  test("valid UTF-8 stays as it is, and anything else is a lone surrogate of its own byte", () => {
    expect(decodePath(Buffer.from("straße/日本"))).toBe("straße/日本");
    expect(decodePath(Buffer.from([0x61, 0xff, 0xc3]))).toBe("a\udcff\udcc3");
    expect(decodePath(Buffer.from([0xed, 0xb2, 0x80]))).toBe("\udced\udcb2\udc80");
  });

  test("two different byte strings never become one name", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 8 }), (a, b) => {
        expect(decodePath(a) === decodePath(b)).toBe(Buffer.compare(a, b) === 0);
      }),
    );
  });

  test("paths are ordered by their bytes", () => {
    const paths = ["b", "a\udcff", "é", "a", "Z"].sort(comparePaths);
    expect(paths).toEqual(["Z", "a", "a\udcff", "b", "é"]);
  });
});
