import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { castEvent, castHeader, castSeconds } from "../../../src/text/asciicast.js";

describe("a recording of a terminal", () => {
  it("begins with its header and has one JSON array a line", () => {
    const head = { columns: 80, rows: 24, startedAt: new Date(1_700_000_000_999), title: "t", term: "xterm" };
    expect(castHeader(head)).toBe(
      '{"version":2,"width":80,"height":24,"timestamp":1700000000,"title":"t","env":{"TERM":"xterm"}}\n',
    );
    expect(castEvent(1.23456789, "r", "100x50")).toBe('[1.234568,"r","100x50"]\n');
  });

  it("holds any output in one line that drives no terminal, and gives it back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.double({ min: 0, max: 1e6, noNaN: true }), (text, seconds) => {
        const line = castEvent(seconds, "o", `${text}\u001b[2J\u009b1m\u007f\u2028\n`);
        expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
        expect(JSON.parse(line)[2]).toBe(`${text}\u001b[2J\u009b1m\u007f\u2028\n`);
      }),
    );
  });

  it("lasts until its last whole event, wherever its end was torn off", () => {
    const whole = castEvent(0.5, "o", "a") + castEvent(2.25, "o", "[9,b\n");
    expect(castSeconds(whole)).toBe(2.25);
    for (let length = 1; length < castEvent(7, "o", "xyz").length; length += 1)
      expect(castSeconds(whole + castEvent(7, "o", "xyz").slice(0, length))).toBe(2.25);
    expect(castSeconds("")).toBeNull();
  });
});
