import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeyReader } from "../../../src/cli/screen/keys.js";

const names = (...chunks: string[]): string[] => {
  const reader = new KeyReader();
  return [...chunks.flatMap((chunk) => reader.feed(Buffer.from(chunk))), ...reader.flush()].map(({ name }) => name);
};

describe("keys of a terminal", () => {
  it.each([
    ["ab\r\t\u007f", ["a", "b", "enter", "tab", "backspace"]],
    ["\u001b[A\u001bOB\u001b[5~\u001b[Z", ["up", "down", "page-up", "shift-tab"]],
    ["\u0003\u001a", ["ctrl-c", "ctrl-z"]],
    ["\u001b", ["escape"]],
    ["é漢", ["é", "漢"]],
    ["\u001b[?1;2c\u001b[<0;1;1M", []],
  ])("reads %j", (text, expected) => expect(names(text)).toEqual(expected));

  it("takes a paste for one key, so that none of its lines is a command", () => {
    const reader = new KeyReader();
    expect(reader.feed(Buffer.from("\u001b[200~Dy\r\u001b[201~q"))).toEqual([
      { name: "paste", text: "Dy\r" },
      { name: "q", text: "q" },
    ]);
  });

  it("reads the same however the bytes are cut", () => {
    const parts = ["a", "\u001b[A", "\u001b[6~", "é", "漢", "\u001b[200~x y\u001b[201~", "\r", "\u001bOH"];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...parts)), fc.array(fc.nat(40)), (chosen, cuts) => {
        const bytes = Buffer.from(chosen.join(""));
        const reader = new KeyReader();
        const at = [...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort((a, b) => a - b);
        const keys = at.flatMap((end, index) => reader.feed(bytes.subarray(at[index - 1] ?? 0, end)));
        expect(keys).toEqual(new KeyReader().feed(bytes));
      }),
    );
  });
});
