import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeTexts } from "../../../src/aws/cbor.js";
import { decodeCbor } from "../../../src/aws/cbor-read.js";

const read = (hex: string): unknown => decodeCbor(Buffer.from(hex, "hex"));

test("reads the examples of RFC 8949", () => {
  expect(read("1903e8")).toBe(1000);
  expect(read("3903e7")).toBe(-1000);
  expect(read("fb3ff199999999999a")).toBe(1.1);
  expect(read("f5")).toBe(true);
  expect(read("c11a514b67b0")).toBe(1363896240);
  expect(read("62c3bc")).toBe("ü");
  expect(read("a26161016162820203")).toEqual({ a: 1, b: [2, 3] });
  expect(read("9f018202039f0405ffff")).toEqual([1, [2, 3], [4, 5]]);
  expect(read("7f657374726561646d696e67ff")).toBe("streaming");
  expect(read("4401020304")).toBe("4 bytes");
});

test("reads back what is written", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.string({ unit: "grapheme" })), (values) => {
      expect(decodeCbor(encodeTexts(values))).toEqual({ ...values });
    }),
  );
});

test("says null to what is none, whatever it is, and reads no bomb", () => {
  expect(read("62c3")).toBeNull();
  expect(read("9b7fffffffffffffff")).toBeNull();
  expect(read("5b7fffffffffffffff")).toBeNull();
  expect(read("0000")).toBeNull();
  expect(decodeCbor(Buffer.alloc(100_000, 0x81))).toBeNull();
  expect(decodeCbor(Buffer.concat([Buffer.from([0x9f]), Buffer.alloc(100_000)]))).toBeNull();
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void decodeCbor(bytes)));
});
