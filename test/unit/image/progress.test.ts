import { describe, expect, it } from "vitest";
import { makeProgress } from "../../../src/image/progress.js";

function screen(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, columns: 40, written, write: (text: string) => written.push(text) };
}

describe("progress", () => {
  it("is a plain line for each step without a terminal, and nothing for details", () => {
    const out = screen(false);
    const progress = makeProgress(out);
    progress.step("pulling");
    progress.detail("layer 1");
    progress.note("it failed");
    progress[Symbol.dispose]();
    expect(out.written.join("")).toBe("pulling\nit failed\n");
  });

  it("draws one line anew on a terminal, never wider than it, and wipes it at the end", () => {
    const out = screen(true);
    let time = 0;
    const progress = makeProgress(out, () => time);
    progress.step("building");
    time = 3000;
    progress.detail("x".repeat(200));
    progress[Symbol.dispose]();
    const drawn = out.written.map((text) => text.replace("\r\x1b[K", ""));
    expect(drawn[1]).toContain("building (3 s): xxx");
    expect(drawn.every((line) => line.length < 40 && !line.includes("\n"))).toBe(true);
    expect(out.written.at(-1)).toBe("\r\x1b[K");
  });

  it("lets no control character of the engine or a registry reach the terminal", () => {
    const out = screen(true);
    const progress = makeProgress(out);
    progress.step("\x1b]0;title\x07");
    progress.note("\x1b[2Jgone");
    const drawn = out.written.join("").replaceAll("\r\x1b[K", "");
    expect(["\x1b", "\x07"].filter((control) => drawn.includes(control))).toEqual([]);
  });
});
