import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { colourSides, highlightBriefly, languageOf, rowsFromHtml } from "../../../src/cli/reviewer/syntax.js";

const textOf = (rows: readonly (readonly { readonly text: string }[])[] | null): string | undefined =>
  rows?.map((row) => row.map(({ text }) => text).join("")).join("\n");

describe("syntax colours", () => {
  it("colour what they know, and leave every character where it is", async () => {
    const source = 'const a = "<b>&amp;"; // 1 < 2\n/* two\nlines */\n';
    const { after } = await colourSides("x.ts", new Uint8Array(), Buffer.from(source));
    expect(textOf(after)).toBe(source);
    expect(after?.[0]).toContainEqual({ text: "const", colour: "magenta" });
    expect(after?.[2]).toContainEqual({ text: "lines */", colour: "grey" });
  });

  it("escape first and colour after, whatever the file holds", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary", maxLength: 200 }), async (text) => {
        const { after } = await colourSides("x.js", new Uint8Array(), Buffer.from(text));
        expect(textOf(after) ?? "").not.toMatch(/[^\P{Cc}\n]|[\p{Cf}\p{Cs}]/u);
      }),
      { numRuns: 50 },
    );
  });

  it("are not there for what has no language, is too large, or takes too long", async () => {
    expect((await colourSides("x.unknown", new Uint8Array(), Buffer.from("x"))).after).toBeNull();
    expect((await colourSides("x.ts", new Uint8Array(), Buffer.alloc(200_000, "a"))).after).toBeNull();
    const catastrophe = (text: string): string => String(/^(a+)+$/.test(text));
    expect(highlightBriefly(catastrophe, `${"a".repeat(60)}b`, "x")).toBeNull();
  });

  it("know languages by names alone, and no name of an object's own", () => {
    expect(["a/Makefile", "x.PY", "constructor", "x.__proto__"].map(languageOf)).toEqual([
      "makefile",
      "python",
      null,
      null,
    ]);
    expect(rowsFromHtml("a&lt;b\n")).toEqual([[{ text: "a<b", colour: undefined }], []]);
  });
});
