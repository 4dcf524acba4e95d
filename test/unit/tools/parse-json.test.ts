import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseArguments } from "../../../src/tools/parse-json.js";

describe("arguments as JSON", () => {
  it("are what JSON says", () => {
    const plain = fc.jsonValue().filter((value) => !JSON.stringify(value).includes("__proto__"));
    fc.assert(
      fc.property(plain, (value) => {
        expect(parseArguments(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it.each<[string, string, RegExp]>([
    ["nothing", "", /no JSON/],
    ["half", '{"a":', /no JSON/],
    ["a comma too many", '{"a":1,}', /no JSON/],
    ["NaN", '{"a":NaN}', /no JSON/],
    ["two values", "{}{}", /no JSON/],
    ["a mark of the byte order", "\ufeff{}", /no JSON/],
    ["a raw line feed in a text", '{"a":"b\nc"}', /no JSON/],
    ["a field twice", '{"tool":"read","tool":"shell"}', /given twice/],
    ["a field twice, one of them escaped", '{"path":"a","p\\u0061th":"b"}', /given twice/],
    ["a field twice, deep down", '{"a":[{"b":1,"b":2}]}', /given twice/],
    ["a prototype", '{"__proto__":{"admin":true}}', /__proto__/],
    ["a prototype, escaped", '{"\\u005f_proto__":1}', /__proto__/],
    ["too deep", `${"[".repeat(65)}${"]".repeat(65)}`, /deeper than 64/],
    ["very deep", "[".repeat(1_000_000), /deeper than 64/],
    ["64 MB", `{"a":"${"x".repeat(64_000_000)}"}`, /larger than 16 MB/],
  ])("are not %s", (_name, text, says) => {
    expect(() => parseArguments(text)).toThrow(says);
  });

  it("are taken up to their largest", () => {
    const text = JSON.stringify({ text: '\\"x'.repeat(3_000_000), other: 1 });
    expect(parseArguments(text)).toEqual(JSON.parse(text));
  });

  it.each(['{"a":{"b":1},"b":{"b":2}}', '{"a":"{\\"a\\":1,\\"a\\":2}"}', '[{"a":1},{"a":2}]', '{"a\\"":1,"a":2}'])(
    "may have the same name in different places: %s",
    (text) => {
      expect(parseArguments(text)).toEqual(JSON.parse(text));
    },
  );
});
