import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { widthOf } from "../../../src/cli/render/table.js";
import { changedRows, fitRow, paintRow, type Row } from "../../../src/cli/screen/frame.js";

const textOf = (row: Row): string => row.map(({ text }) => text).join("");
// biome-ignore lint/suspicious/noControlCharactersInRegex: our own sequences are made of them
const ours = /\u001b\[(?:[\d;]*m|\d+G)/g;
const hostile = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: "binary" }),
  fc.constantFrom("\u001b]52;c;AAAA\u0007", "\u202eevil", "漢字漢字", "a\u0301", "\u009b2J", "\r\n", "\u200b"),
);

describe("a row of a screen", () => {
  it("sends a terminal nothing but harmless characters and its own sequences, and never more than fits", () => {
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 5 }), fc.integer({ min: 1, max: 40 }), (texts, columns) => {
        const painted = paintRow(
          texts.map((text) => ({ text, colour: "red", bold: true })),
          columns,
          true,
        );
        const rest = painted.replace(ours, "");
        expect(rest).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u);
        expect(widthOf(rest)).toBeLessThanOrEqual(columns);
      }),
    );
  });

  it("is cut or filled to exactly its columns, wide characters measured", () => {
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 5 }), fc.integer({ min: 1, max: 40 }), (texts, columns) => {
        expect(
          widthOf(
            textOf(
              fitRow(
                texts.map((text) => ({ text })),
                columns,
              ),
            ),
          ),
        ).toBe(columns);
      }),
    );
    expect(textOf(fitRow([{ text: "漢字" }], 3))).toBe("漢 ");
  });

  it("has no colours where none are wanted", () => {
    expect(paintRow([{ text: "x", colour: "red" }], 9, false)).toBe("x");
    expect(paintRow([{ text: "x", colour: "red", reverse: true }], 9, false)).toBe("\u001b[7mx\u001b[0m");
  });

  it("is written again only where it differs", () => {
    expect(changedRows(["a", "b"], ["a", "b"])).toBe("");
    expect(changedRows(["a", "b"], ["a", "c"])).toBe("\u001b[2;1H\u001b[0m\u001b[Kc");
  });
});
