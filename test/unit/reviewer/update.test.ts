import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawReviewer } from "../../../src/cli/reviewer/draw.js";
import { currentChange, wantedDoc } from "../../../src/cli/reviewer/state.js";
import { pressKey, takeDoc, takeSize } from "../../../src/cli/reviewer/update.js";
import { paintRow } from "../../../src/cli/screen/frame.js";
import { changed, docOf, press, stateOf, withDoc } from "./sample.js";

const changes = [
  changed("a/one.ts"),
  changed("a/two.ts", "added"),
  changed("gone.txt", "deleted"),
  changed("package.json", "modified", ["changes what npm runs or installs"]),
];
const picture = (state: ReturnType<typeof stateOf>): string =>
  drawReviewer(state)
    .map((row) => paintRow(row, state.size.columns, false))
    // biome-ignore lint/suspicious/noControlCharactersInRegex: our own sequences are made of them
    .map((row) => row.replace(/\u001b\[[\d;]*[mG]/g, ""))
    .join("\n");

describe("the reviewer", () => {
  it("has deletions and high risk first, then the rest as a tree", () => {
    const shown = picture(stateOf(changes));
    const order = [
      "Deletions and high risk (2)",
      "D gone.txt",
      "!M package.json",
      "Everything else (2)",
      "a/",
      "one.ts",
    ];
    const places = order.map((text) => shown.indexOf(text));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
    expect(shown).toContain("4 changes, 1 of high risk");
  });

  it("stages a file, a folder and everything, and takes it back", () => {
    const state = stateOf(changes);
    expect([...press(state, " ").staged.keys()]).toEqual(["gone.txt"]);
    expect([...press(state, "/", "o", "n", "e", "enter", "up", " ").staged.keys()]).toEqual(["a/one.ts", "a/two.ts"]);
    expect(press(state, "S").staged.size).toBe(4);
    expect(press(state, "S", "S").staged.size).toBe(0);
  });

  it("asks for nothing to be applied while nothing is staged, and only then", () => {
    expect(pressKey(stateOf(changes), { name: "a" }).effect).toBeNull();
    expect(pressKey(press(stateOf(changes), " "), { name: "a" }).effect).toEqual({ kind: "apply" });
  });

  it("takes no pasted text for keys, and none of a note", () => {
    const state = stateOf(changes);
    expect(pressKey(state, { name: "paste", text: "Daq" })).toEqual({ state, effect: null });
    const typing = press(state, "c", "D", "a", "q");
    expect(pressKey(typing, { name: "enter" }).effect).toEqual({ kind: "note", path: "gone.txt", text: "Daq" });
  });

  it("closes and opens folders, filters, and keeps the cursor where it was", () => {
    const state = press(stateOf(changes), "/", "o", "n", "e", "enter");
    expect(currentChange(state)?.path).toBe("a/one.ts");
    const closed = press(state, "up", "left");
    expect(picture(closed)).toContain("+ a/ (2)");
    expect(picture(press(closed, "enter"))).toContain("one.ts");
    const risky = press(state, "f");
    expect(picture(risky)).toContain("only deletions and high risk");
    expect(picture(risky)).not.toContain("one.ts");
  });

  it("reads a diff only when one is in sight", () => {
    expect(wantedDoc(stateOf(changes))).toBeNull();
    expect(wantedDoc(press(stateOf(changes), "enter"))).toBe("gone.txt");
    expect(wantedDoc(stateOf(changes, 200, 60))).toBe("gone.txt");
  });

  it("passes over a diff that comes when the cursor has gone on", () => {
    const state = stateOf(changes, 200, 60);
    expect(takeDoc(press(state, "down"), docOf("gone.txt", "a\n", "b\n")).doc).toBeNull();
  });

  it("shows a hostile name, reason and line as text", () => {
    const evil = "\u001b[2J\u202e\u0007";
    const state = press(stateOf([changed(`a${evil}`, "modified", [`because ${evil}`])]), "enter");
    const shown = picture(withDoc(state, `a${evil}`, "one\n", `${evil}\n`)) + picture(press(state, "i"));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    expect(shown).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    expect(shown).toContain("\\x1b[2J");
  });

  it("draws a screen of any size after any keys", () => {
    const keys = [
      "j",
      "k",
      "enter",
      "escape",
      "tab",
      " ",
      "s",
      "S",
      "v",
      "f",
      "]",
      "[",
      "n",
      "/",
      "c",
      "x",
      "?",
      "i",
      "G",
      "g",
      "left",
      "page-down",
    ];
    const before = Array.from({ length: 30 }, (_, at) => `line ${at}\n`).join("");
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...keys), { maxLength: 30 }),
        fc.integer({ min: 1, max: 220 }),
        fc.integer({ min: 1, max: 70 }),
        (pressed, columns, rows) => {
          let state = stateOf(changes, columns, rows);
          for (const name of pressed) {
            state = press(state, name);
            const path = wantedDoc(state);
            if (path !== null && state.doc?.path !== path) state = withDoc(state, path, before, `${before}漢字\t!\n`);
          }
          state = takeSize(state, { columns, rows });
          const shown = drawReviewer(state);
          expect(shown.length).toBeLessThanOrEqual(Math.max(rows, 1));
          for (const row of shown) expect(() => paintRow(row, columns, true)).not.toThrow();
        },
      ),
    );
  });

  it("looks only at what is in sight, however much there is", () => {
    const many = Array.from({ length: 2_000 }, (_, at) => changed(`src/file-${at}.ts`));
    let reads = 0;
    const state = press(stateOf(many), "G");
    const counted = {
      ...state,
      rows: new Proxy(state.rows, {
        get: (rows, key) => {
          if (/^\d+$/.test(String(key))) reads += 1;
          return Reflect.get(rows, key);
        },
      }),
    };
    expect(picture(counted)).toContain("file-1999.ts");
    expect(reads).toBeLessThan(200);
  });
});
