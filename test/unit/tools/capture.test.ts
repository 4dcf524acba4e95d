import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Capture, showCaptured } from "../../../src/tools/capture.js";
import { imageType } from "../../../src/tools/image-type.js";

function capture(bytes: Buffer, head: number, tail: number) {
  const collected = new Capture(head, tail);
  collected.take(bytes.subarray(0, head));
  const rest = bytes.subarray(head);
  collected.take(rest.subarray(Math.max(0, rest.length - tail)));
  return collected.end(bytes.length);
}

describe("what was captured of a stream", () => {
  it("is whole when it fits, else its two ends, and never half a character", () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }));
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), sizes, (given, [head, tail]) => {
        const text = given.replaceAll("\0", "");
        const bytes = Buffer.from(text);
        const captured = capture(bytes, head, tail);
        if (captured === null) throw new Error("a capture that does not add up");
        const shown = showCaptured(captured);
        if (shown.kind !== "text") throw new Error("text was taken for binary");
        if (bytes.length <= head + tail) {
          expect(shown.text).toBe(text);
          return;
        }
        const [start = "", end = ""] = shown.text.split(/\n\[… \d+ bytes were cut here …\]\n/);
        expect(text.startsWith(start) && text.endsWith(end)).toBe(true);
        expect(Buffer.byteLength(start) + Buffer.byteLength(end) + shown.cut).toBe(bytes.length);
      }),
    );
  });

  it("is binary when any of it is no text", () => {
    for (const bytes of [Buffer.of(0), Buffer.of(0xff), Buffer.of(0x61, 0xc3), Buffer.of(0xed, 0xa0, 0x80)]) {
      const captured = capture(bytes, 8, 8);
      expect(captured === null ? null : showCaptured(captured)).toEqual({ kind: "binary", bytes, total: bytes.length });
    }
  });

  it("is nothing when the numbers do not add up", () => {
    const collected = new Capture(4, 4);
    expect(collected.take(Buffer.alloc(9))).toBe(false);
    expect(new Capture(4, 4).end(1)).toBe(null);
    expect(new Capture(4, 4).end(Number.NaN)).toBe(null);
  });
});

describe("the type of a picture", () => {
  it.each<[string, string, string | null]>([
    ["PNG", "89504e470d0a1a0a", "image/png"],
    ["JPEG", "ffd8ffe0", "image/jpeg"],
    ["GIF", "474946383961", "image/gif"],
    ["WebP", "524946460000000057454250", "image/webp"],
    ["something that only ends like WebP", "000000000000000057454250", null],
    ["SVG", "3c737667", null],
    ["nothing", "", null],
  ])("%s", (_name, hex, expected) => {
    expect(imageType(Buffer.from(hex, "hex"))).toBe(expected);
  });
});
