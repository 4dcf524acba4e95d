import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KnownValues } from "../../../src/base/known-values.js";
import { Secret } from "../../../src/base/secret.js";

const knowing = (...values: readonly string[]): KnownValues => {
  const known = new KnownValues();
  known.learn(values.map((value) => new Secret(value)));
  return known;
};

describe("known values", () => {
  it("are hidden wherever they stand, the longer one before the one that begins it", () => {
    const known = knowing("hunter2-hunter2", "hunter2-hunter2-and-more");
    expect(known.hide("a hunter2-hunter2-and-more b hunter2-hunter2.", "*")).toBe("a * b *.");
    expect(known.find("a hunter2-hunter2-and-more")).toEqual([{ from: 2, to: 26 }]);
  });

  it("are hidden line by line when they have several, however these end", () => {
    const known = knowing("-----BEGIN-----\nc2VjcmV0\nb\n");
    expect(known.hide("-----BEGIN-----\r\nc2VjcmV0\r\nb", "*")).toBe("*\r\n*\r\nb");
  });

  it("are not words as short as stand in every text", () => {
    expect(knowing("1", "true", "").hide("1 true", "*")).toBe("1 true");
  });

  it("mean what they say, also with characters that mean something in a pattern", () => {
    expect(knowing("$&.*(secret").hide("x $&.*(secret y", "$&")).toBe("x $& y");
  });

  it("cannot be read out of what holds them", () => {
    const known = knowing("hunter2-hunter2");
    expect(inspect(known, { depth: 5, showHidden: true }) + JSON.stringify(known)).not.toContain("hunter2");
  });

  it("are found begun at an end, wherever they are cut", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8, maxLength: 30 }), fc.string(), fc.nat(), (value, before, at) => {
        fc.pre(value.trim() === value && !/[\r\n]/.test(value));
        const length = at % value.length;
        expect(knowing(value).begunAtEnd(before + value.slice(0, length))).toBeGreaterThanOrEqual(length);
      }),
    );
  });
});
