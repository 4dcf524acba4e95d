import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { wrapLine } from "../../../src/cli/render/wrap.js";

describe("a long line", () => {
  it("is broken at spaces, with what follows indented", () => {
    expect(wrapLine("! changes what npm runs or installs", 24, "    ")).toEqual([
      "! changes what npm runs",
      "    or installs",
    ]);
  });

  it("keeps its own indentation and a word that is wider than the room", () => {
    expect(wrapLine(`  ${"x".repeat(40)} end`, 20, "  ")).toEqual([`  ${"x".repeat(40)}`, "  end"]);
  });

  it("loses and adds nothing but spaces", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.nat(100), (text, columns) => {
        const bare = (each: string) => each.replace(/ /g, "");
        expect(bare(wrapLine(text, columns, "   ").join(""))).toBe(bare(text));
      }),
    );
  });
});
