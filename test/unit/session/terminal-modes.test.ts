import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TerminalModes } from "../../../src/session/sandbox/terminal-modes.js";

const esc = "\u001b";
const modesAfter = (...pieces: string[]): TerminalModes => {
  const modes = new TerminalModes();
  for (const piece of pieces) modes.see(Buffer.from(piece, "latin1"));
  return modes;
};

describe("a terminal that is borrowed", () => {
  it("is a screen of its own, and the program's again afterwards", () => {
    const modes = modesAfter("hello\r\n");
    expect(modes.suspend()).toContain(`${esc}[?1049h`);
    expect(modes.resume()).toContain(`${esc}[?1049l`);
  });

  it("stays on the other screen where the program is there", () => {
    const modes = modesAfter(`${esc}[?1049h${esc}[?25l`);
    expect(modes.suspend()).not.toContain("1049");
    expect(modes.suspend()).toContain(`${esc}[?25h`);
    expect(modes.resume()).not.toContain("1049");
    expect(modes.resume()).toContain(`${esc}[?25l`);
  });

  it("tells neither mouse nor paste meanwhile, and only what the program had asked for again", () => {
    const modes = modesAfter(`${esc}[?1000;1006h${esc}[?2004h${esc}[?1002h${esc}[?1002l`);
    for (const mode of [1000, 1006, 2004]) {
      expect(modes.suspend()).toContain(`${esc}[?${mode}l`);
      expect(modes.resume()).toContain(`${esc}[?${mode}h`);
    }
    expect(modes.resume()).not.toContain("1002");
  });

  it("ends a sequence that was begun, so that it swallows nothing of what is asked", () => {
    expect(modesAfter(`${esc}]0;a title without an end`).suspend().startsWith(`\u0018${esc}\\`)).toBe(true);
  });

  it("is known however its output was cut", () => {
    const sequence = fc.tuple(fc.constantFrom(1, 25, 1000, 1049, 2004, 7), fc.constantFrom("h", "l"));
    const output = fc
      .array(
        fc.oneof(
          sequence.map(([mode, end]) => `${esc}[?${mode}${end}`),
          fc.constantFrom("x", esc, "[", "?1", "\n"),
        ),
      )
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(output, fc.array(fc.nat(200)), (text, cuts) => {
        const places = [0, ...cuts.filter((at) => at < text.length).sort((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((end, at) => text.slice(places[at], end));
        expect(modesAfter(...pieces).resume()).toBe(modesAfter(text).resume());
        expect(modesAfter(...pieces).suspend()).toBe(modesAfter(text).suspend());
      }),
    );
  });
});
