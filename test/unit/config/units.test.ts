import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDuration, parseSize } from "../../../src/config/units.js";

describe("sizes", () => {
  test.each([
    ["1", 1],
    ["1000000", 1_000_000],
    ["4k", 4_096],
    ["512m", 512 * 1024 ** 2],
    ["512MiB", 512 * 1024 ** 2],
    ["512mb", 512 * 1024 ** 2],
    ["4g", 4 * 1024 ** 3],
    ["4G", 4 * 1024 ** 3],
    ["1.5g", 1.5 * 1024 ** 3],
    [" 2t ", 2 * 1024 ** 4],
  ])("%s is %d bytes", (text, bytes) => expect(parseSize(text)).toBe(bytes));

  test.each([
    "",
    "g",
    "-1g",
    "0",
    "0g",
    "4x",
    "4 g b",
    "1e9",
    "0x10",
    "4g4g",
    "99999999t",
    "NaN",
    "Infinity",
    "٤g",
    "4g\n5g",
  ])("%j is no size", (text) => expect(parseSize(text)).toBeNull());

  test("every whole number with a unit is that many units", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8_000 }), fc.constantFrom("k", "m", "g", "t"), (count, unit) => {
        expect(parseSize(`${count}${unit}`)).toBe(count * 1024 ** ("kmgt".indexOf(unit) + 1));
      }),
    );
  });

  test("any text at all gives a whole positive number or null", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const bytes = parseSize(text);
        expect(bytes === null || (Number.isSafeInteger(bytes) && bytes > 0)).toBe(true);
      }),
    );
  });
});

describe("durations", () => {
  test.each([
    ["0", 0],
    ["90", 90],
    ["90s", 90],
    ["30m", 1_800],
    ["1h30m", 5_400],
    ["2d", 172_800],
    ["24d", 2_073_600],
    [" 1H ", 3_600],
  ])("%s is %d seconds", (text, seconds) => expect(parseDuration(text)).toBe(seconds));

  test.each(["", "m", "-1m", "1.5h", "1h30", "1 h", "1w", "1e3", "99999999999999999999", "1h\n2h"])(
    "%j is no duration",
    (text) => expect(parseDuration(text)).toBeNull(),
  );

  test.each(["25d", "577h", "2073601", "9999999d"])("%s is longer than a timer can wait", (text) =>
    expect(parseDuration(text)).toBeNull(),
  );

  test("whatever is accepted fits a timer in milliseconds", () => {
    const part = fc
      .tuple(fc.nat({ max: 100_000 }), fc.constantFrom("s", "m", "h", "d"))
      .map(([n, unit]) => `${n}${unit}`);
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        const seconds = parseDuration(parts.join(""));
        expect(seconds === null || seconds * 1_000 < 2 ** 31).toBe(true);
      }),
    );
  });
});
