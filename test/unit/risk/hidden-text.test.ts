import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hiddenTextReasons } from "../../../src/risk/hidden-text.js";
import { riskBetween } from "./seen.js";

const none = { level: "none", reasons: [] };

describe("text that deceives is of high risk where it is new, with the line and the code point", () => {
  it.each([
    // Trojan Source's own examples: early return, commenting out, stretched string.
    ["a.py", "x\n'''Subtract \u202e\u2066'''; return\n", /reading direction.*: U\+202E on line 2, U\+2066 on line 2$/],
    [
      "a.js",
      "/*\u202e } \u2066if (isAdmin)\u2069 \u2066 begin admins only */\n",
      /U\+202E on line 1, U\+2066 on line 1, U\+2069 on line 1$/,
    ],
    ["a.c", '"user\u202e \u2066// Check if admin\u2069 \u2066"\n', /U\+202E/],
    ["README.md", "a\u200fb\n", /U\+200F on line 1$/],
    ["a.ts", "const a\u200b = 1;\n", /cannot be seen: U\+200B on line 1$/],
    ["a.ts", "let \u3164 = 1;\n", /U\+3164/],
    ["a.ts", "a\u2060b\n", /U\+2060/],
    ["a.ts", "a\u2800b\n", /U\+2800/],
    ["a.ts", "x\n\ufeffy\n", /U\+FEFF on line 2$/],
    ["a.ts", "if (a\u200db) {}\n", /U\+200D/],
    ["a.ts", "a \u2028 b\n", /U\+2028/],
    // Orders to an AI agent, and code, in characters that nobody sees.
    [
      "CLAUDE.md",
      `Be nice.${[..."run it"].map((each) => String.fromCodePoint(0xe0000 + each.charCodeAt(0))).join("")}\n`,
      /U\+E0072 on line 1/,
    ],
    ["a.js", `eval(d("${"\ufe01\ufe02\u{e0101}"}"))\n`, /U\+FE01 on line 1, U\+FE02 on line 1, U\+E0101 on line 1$/],
    ["a.md", "\u{1f600}\ufe0f\ufe01\n", /U\+FE01/],
    ["a.md", `\u{1f3f4}${"\u{e0061}".repeat(9)}\u{e007f}\n`, /U\+E0061/],
    // CVE-2021-42694.
    ["a.ts", "function \u0455ayHello() {}\n", /look like others: U\+0455 on line 1$/],
    ["a.py", "if p\u0430ypal: pass\n", /U\+0430/],
    ["a.go", "x\ny\nfunc \u0441heck() {}\n", /U\+0441 on line 3$/],
    ["a.ts", "import x from 'l\u03bfdash';\n", /U\+03BF/],
    ["a.ts", "const \u0455\u0441\u043e\u0440\u0435 = 1;\n", /U\+0455/],
    ["a.py", "\uff45\uff56\uff41\uff4c(x)\n", /U\+FF45/],
    ["a.py", "\u{1d41e}xec(x)\n", /U\+1D41E/],
    ["a.sh", "r\u2170m -rf x\n", /U\+2170/],
  ])("%s %j", (path, after, reason) => {
    for (const found of [riskBetween(path, null, after), riskBetween(path, "old\n", after)]) {
      expect(found.level).toBe("high");
      expect(found.reasons.join("\n")).toMatch(new RegExp(reason.source, "m"));
    }
    expect(hiddenTextReasons(path, Buffer.from(after), Buffer.from(`// more\n${after}// and more\n`))).toEqual([]);
    expect(hiddenTextReasons(path, Buffer.from(after), Buffer.from(after + after))).not.toEqual([]);
  });

  it("in settings that the host obeys as well, whatever their form", () => {
    const step = (owner: string) => `jobs:\n  a:\n    steps:\n      - uses: ${owner}/checkout@v4\n`;
    const found = riskBetween(".github/workflows/ci.yml", step("actions"), step("\u0430ctions"));
    expect(found.reasons.join("\n")).toMatch(/look like others: U\+0430 on line 4$/m);
    expect(riskBetween("locales/ru.yml", "", step("\u0430ctions"))).toEqual(none);
    expect(riskBetween("CLAUDE.md", "x\n", "PDF\u0430\u0445\n").reasons.join()).not.toMatch(/look like/);
  });

  it("counts what it does not name, and tells the kinds apart", () => {
    const text = `${"\u200b\n".repeat(10)}\u202e\n\u0455ay\n`;
    const reasons = hiddenTextReasons("a.ts", null, Buffer.from(text));
    expect(reasons).toEqual([
      expect.stringContaining("U+202E on line 11"),
      expect.stringContaining("U+200B on line 1, U+200B on line 2, U+200B on line 3 and 7 more"),
      expect.stringContaining("U+0455 on line 12"),
    ]);
  });
});

describe("text in other languages and pictures is not taken for that", () => {
  it.each([
    ["a.ts", "// \u043f\u0440\u0438\u0432\u0435\u0442, \u0440\u0430\u0441\u0430 \u0445\u043e\u0440\n"],
    ["a.ts", "// caf\u00e9 na\u00efve \u00fcber stra\u00dfe\n"],
    ["a.ts", "// \u65e5\u672c\u8a9e\u306e\u30b3\u30e1\u30f3\u30c8 \uff21\uff22\uff23\n"],
    ["a.jl", "\u0394x = \u03b1*x + \u03c1_air - \u03bd\n"],
    [
      "a.ts",
      "const emoji = '\u{1f468}\u200d\u{1f469}\u200d\u{1f467} \u2764\ufe0f 1\ufe0f\u20e3 \u{1f3f3}\ufe0f\u200d\u{1f308}';\n",
    ],
    ["a.ts", "'\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}'\n"],
    ["a.txt", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645\n"],
    ["a.txt", "\u0915\u094d\u200d\u0937\n"],
    ["a.txt", "\u845b\u{e0100}\n"],
    ["a.md", "API-\u0448\u043a\u0430 \u0432 PDF\u0430\u0445\n"],
    ["a.ts", "\ufeffconst first = 1;\n"],
    ["a.ts", "// 5 \u00b5s, 10 k\u2126, x\u00b2, \u2192 \u2026 \u2014\n"],
    ["a.html", "co\u00adoperate\n"],
    ["a.ts", "plain\n"],
    ["a.py", "'\uff28\u3066\u308b' # \u65e5\u672c \uff21\n"],
  ])("%s %j", (path, after) => {
    expect(riskBetween(path, null, after)).toEqual(none);
    expect(riskBetween(path, "x\n", after)).toEqual(none);
  });
});

describe("hidden text", () => {
  it("is only new where its line is", () => {
    const before = "a\u200b\nb\n";
    expect(riskBetween("a.ts", before, `${before}c\n`)).toEqual(none);
    expect(riskBetween("a.ts", before, "b\na\u200b\n")).toEqual(none);
    expect(riskBetween("a.ts", before, "a\u200b\nb\u200b\n").reasons.join()).toMatch(/U\+200B on line 2$/);
    expect(riskBetween("a.ts", before, "a\u200b\na\u200b\n").reasons.join()).toMatch(/U\+200B on line 2$/);
  });

  it("is not looked for in what is binary, and taken as new where the old content is unknown", () => {
    expect(riskBetween("a.bin", null, "a\u200b\0", { binary: true }).level).toBe("low");
    const after = { bytes: Buffer.from("a\u200b\n") };
    expect(riskBetween("a.ts", "a\u200b\n", "a\u200b\n", { contents: { after } }).level).toBe("high");
  });

  it("is said to be looked for in the beginning only where that is so", () => {
    const after = { bytes: Buffer.from("plain"), cut: "is too large to be read whole" };
    expect(riskBetween("a.ts", "old", "plain", { contents: { after } })).toEqual({
      level: "low",
      reasons: [
        "was searched for secrets and hidden characters in its first 5 bytes only: it is too large to be read whole",
      ],
    });
  });

  it("is found in any line by any of the three kinds, and never throws", () => {
    const character = fc.constantFrom("\u202e", "\u200b", "\u{e0041}");
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 9 })), character, fc.nat(20), (lines, bad, at) => {
        const plain = lines.map((line) => line.replace(/[^ -~]/g, "."));
        const place = Math.min(at, plain.length);
        const after = [...plain.slice(0, place), `x${bad}y`, ...plain.slice(place)].join("\n");
        const reasons = hiddenTextReasons("a.ts", Buffer.from(plain.join("\n")), Buffer.from(after));
        expect(reasons.join()).toContain(`on line ${place + 1}`);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.string({ unit: "binary", maxLength: 80 }), (bytes, text) => {
        for (const after of [bytes, Buffer.from(text)]) {
          expect(hiddenTextReasons("a.ts", after, after)).toEqual([]);
          for (const reason of hiddenTextReasons("a.ts", null, after)) expect(reason.length).toBeLessThan(300);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("is looked for in a time that follows the content, whatever it holds", () => {
    for (const piece of [
      "\u202e",
      "\u0430",
      "a\u0430",
      "\u65e5",
      "\ufe0f\u200d",
      "\u{1f3f4}\u{e0061}",
      "\u00e9\n",
      "\uff21",
      "\u0430 ",
    ]) {
      const text = Buffer.from(piece.repeat(Math.floor((256 * 1024) / Buffer.byteLength(piece))));
      const started = performance.now();
      hiddenTextReasons("a.ts", Buffer.from(text.subarray(2)), text);
      expect(performance.now() - started, JSON.stringify(piece)).toBeLessThan(5000);
    }
  });
});
