import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { displayPath, escapeBody, escapeText, hasDangerousCharacters } from "../../../src/base/escape.js";

const hostile = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

describe("escaping what is shown", () => {
  test.each([
    ["\u001b[2J", "\\x1b[2J"],
    ["a\nb\tc\rd", "a\\nb\\tc\\rd"],
    ["\u009b31m", "\\x9b31m"],
    ["\u202egnp.exe", "\\u{202e}gnp.exe"],
    ["a\u200bb", "a\\u{200b}b"],
    ["\udcff", "\\xff"],
    ["\ud800", "\\u{d800}"],
    ["\u{e0041}", "\\u{e0041}"],
    ["plain ünïcode 日本", "plain ünïcode 日本"],
  ])("%j is shown as %s", (text, shown) => {
    expect(escapeText(text)).toBe(shown);
  });

  test("no text leaves a character that drives a terminal or reorders a line", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 50 }), (text) => {
        expect(escapeText(text)).not.toMatch(hostile);
        expect(escapeBody(text).replace(/[\n\t]/g, "")).not.toMatch(hostile);
        expect(hasDangerousCharacters(escapeText(text))).toBe(false);
      }),
    );
  });

  test("a harmless path is shown as it is, any other in quotes", () => {
    expect(displayPath("src/a.ts")).toBe("src/a.ts");
    expect(displayPath("a\nb")).toBe("$'a\\nb'");
    expect(displayPath(" x")).toBe("$' x'");
    expect(displayPath("it's")).toBe("$'it\\'s'");
  });

  test("a quoted path cannot be taken for another", () => {
    expect(displayPath("a\\nb")).not.toBe(displayPath("a\nb"));
  });
});
