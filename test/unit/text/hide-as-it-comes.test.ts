import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KnownValues } from "../../../src/base/known-values.js";
import { Secret } from "../../../src/base/secret.js";
import { HideAsItComes } from "../../../src/text/hide-as-it-comes.js";

const knowing = (...values: readonly string[]): KnownValues => {
  const known = new KnownValues();
  known.learn(values.map((value) => new Secret(value)));
  return known;
};

function through(known: KnownValues, pieces: readonly string[]): { text: string; times: number[] } {
  const hide = new HideAsItComes(known, "*");
  const out = [...pieces.flatMap((text, at) => hide.push({ at, text })), ...hide.end()];
  return { text: out.map(({ text }) => text).join(""), times: out.map(({ at }) => at) };
}

function cut(text: string, places: readonly number[]): string[] {
  const at = [0, ...places.map((place) => place % (text.length + 1)).toSorted((a, b) => a - b), text.length];
  return at.slice(1).map((to, index) => text.slice(at[index], to));
}

describe("hiding in a text that comes in pieces", () => {
  it("hides a value wherever it is cut, and keeps everything else", () => {
    const text = "before hunter2-hunter2 between hunter2-hunter2hunter2-hunter2 hunter2-hunter after";
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 30 }), (places) => {
        expect(through(knowing("hunter2-hunter2"), cut(text, places)).text).toBe(
          "before * between ** hunter2-hunter after",
        );
      }),
    );
  });

  it("shows no end of a longer value that begins with another", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 10 }), (places) => {
        const known = knowing("password1", "password1-and-the-rest");
        expect(through(known, cut("a password1-and-the-rest b password1", places)).text).toBe("a * b *");
      }),
    );
  });

  it("is as hiding in the whole, for any value of few letters, and its times never go back", () => {
    const few = fc.string({ unit: fc.constantFrom("a", "b"), minLength: 8, maxLength: 10 });
    const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 60 });
    fc.assert(
      fc.property(few, text, text, fc.array(fc.nat(), { maxLength: 20 }), (value, before, after, places) => {
        const known = knowing(value);
        const whole = `${before}${value}${after}`;
        const { text: shown, times } = through(known, cut(whole, places));
        expect(shown).toBe(known.hide(whole, "*"));
        expect(times).toEqual(times.toSorted((a, b) => a - b));
      }),
    );
  });

  it("lets through at once what cannot be a beginning", () => {
    const hide = new HideAsItComes(knowing("hunter2-hunter2"), "*");
    expect(hide.push({ at: 1, text: "prompt$ h" })).toEqual([{ at: 1, text: "prompt$ " }]);
    expect(hide.push({ at: 2, text: "ello" })).toEqual([
      { at: 1, text: "h" },
      { at: 2, text: "ello" },
    ]);
  });
});
