import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileGlob } from "../../../src/text/glob.js";

const matches = (pattern: string, path: string, isFolder = false): boolean =>
  compileGlob(pattern).matches(path, isFolder);

const cases: readonly (readonly [pattern: string, matching: string, other: string])[] = [
  ["secret.txt", "secret.txt", "secret.txt.bak"],
  ["secret.txt", "a/b/secret.txt", "a/secret.txt/b"],
  ["/secret.txt", "secret.txt", "a/secret.txt"],
  ["a/b", "a/b", "x/a/b"],
  ["/a/b", "a/b", "a/b/c"],
  ["*.pem", "a/.pem", "a/b.pem.txt"],
  ["a/*", "a/b", "a/b/c"],
  ["a/**", "a/b/c", "a"],
  ["**/b", "b", "a/c"],
  ["**/b", "x/y/b", "b/y"],
  ["a/**/b", "a/b", "a/bb"],
  ["a/**/b", "a/x/y/b", "x/a/b"],
  ["a/**/b/**/c", "a/b/x/b/c", "a/x/c"],
  ["?.txt", "é.txt", "ab.txt"],
  ["?.txt", "😀.txt", ".txt"],
  ["[a-c]x", "bx", "dx"],
  ["[!a-c]x", "dx", "bx"],
  ["[^a]x", "bx", "ax"],
  ["[]]x", "]x", "ax"],
  ["[\\]a]x", "]x", "\\x"],
  ["{a,b}.txt", "b.txt", "c.txt"],
  ["{a,{b,c}d}/e", "cd/e", "c/e"],
  ["a{,.bak}", "a", "a.ba"],
  ["a,b", "a,b", "a"],
  ["\\*x", "*x", "ax"],
  ["\\{a,b}", "{a,b}", "a"],
  ["[{]a,b", "{a,b", "a"],
  [".*", ".env", "env"],
  ["a*b*c", "aXbYbZc", "aXbY"],
  ["*\udcff", "a\udcff", "a\udcfe"],
];

describe("a pattern", () => {
  test.each(cases)("%s matches %s and not %s", (pattern, matching, other) => {
    expect(matches(pattern, matching)).toBe(true);
    expect(matches(pattern, other)).toBe(false);
  });

  test("with a slash at the end matches folders only", () => {
    expect(matches("keys/", "a/keys", true)).toBe(true);
    expect(matches("keys/", "a/keys", false)).toBe(false);
    expect(matches("/keys/", "a/keys", true)).toBe(false);
  });

  test.each(["", "/", "//", "a//b", "[a", "{a", "a\\", "[a/b]", "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"])(
    "%j is refused with its mistake",
    (pattern) => {
      expect(() => compileGlob(pattern)).toThrow(expect.objectContaining({ code: "E_CONFIG_INVALID" }));
    },
  );

  test("made to be slow is not", () => {
    const start = performance.now();
    expect(matches(`${"*a".repeat(50)}b`, "a".repeat(5_000))).toBe(false);
    expect(matches(`${"**/a/".repeat(50)}b`, "a/".repeat(2_000))).toBe(false);
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});

// The same meaning written down a second time, by translation to a regular expression.
function reference(pattern: string): RegExp {
  const anchored = pattern.includes("/");
  const parts = pattern.replace(/^\//, "").split("/");
  const source = parts.map((part, index) => {
    const last = index === parts.length - 1;
    if (part === "**") return last ? ".+" : "(?:[^/]+/)*";
    const name = part.replaceAll(/\*+/g, "[^/]*").replaceAll("?", "[^/]").replaceAll(".", "\\.");
    return last ? name : `${name}/`;
  });
  return new RegExp(`^${anchored ? "" : "(?:.*/)?"}${source.join("")}$`, "s");
}

describe("any pattern", () => {
  const part = fc.oneof(
    fc.constant("**"),
    fc.stringMatching(/^[ab.*?]{1,4}$/).filter((text) => !/\*\*/.test(text)),
  );
  const pattern = fc
    .tuple(fc.boolean(), fc.array(part, { minLength: 1, maxLength: 4 }))
    .map(([front, parts]) => `${front ? "/" : ""}${parts.join("/")}`)
    .filter((text) => text !== "**" && text !== "/**");
  const path = fc
    .array(fc.stringMatching(/^[ab.]{1,4}$/), { minLength: 1, maxLength: 5 })
    .map((parts) => parts.join("/"));

  test("means what its translation to a regular expression means", () => {
    fc.assert(
      fc.property(pattern, path, (text, candidate) => {
        expect(matches(text, candidate)).toBe(reference(text).test(candidate));
      }),
      { numRuns: 5_000 },
    );
  });

  test("of a name, escaped, matches that name and nothing else", () => {
    const name = fc.string({ minLength: 1, unit: "grapheme" }).filter((text) => !/[/\0]/.test(text));
    fc.assert(
      fc.property(name, name, (text, other) => {
        const escaped = [...text].map((character) => `\\${character}`).join("");
        expect(matches(escaped, text)).toBe(true);
        expect(matches(escaped, other)).toBe(text === other);
      }),
    );
  });

  test("either compiles or is refused as invalid, and never throws anything else", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a{},[\]!^\\*?/-]{1,12}$/), path, (text, candidate) => {
        try {
          compileGlob(text).matches(candidate, true);
        } catch (error) {
          expect(error).toMatchObject({ code: "E_CONFIG_INVALID" });
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
