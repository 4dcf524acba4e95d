import { mkdirSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { AirlockError } from "../../../src/base/errors.js";
import { openHostBase } from "../../../src/changes/host-base.js";
import type { LayerContents } from "../../../src/changes/layer-contents.js";
import { type Decided, newReadBudget, readContents } from "../../../src/changes/read-contents.js";
import type { SeenContents } from "../../../src/risk/content-reasons.js";
import { contentsOf, scratch } from "./layer-between.js";

const { signal } = new AbortController();
const kib = 1024;

interface Files {
  readonly [path: string]: { readonly before?: string; readonly after?: string };
}

const state = (text: string | undefined) =>
  text === undefined ? null : ({ type: "file", mode: 0o644, size: Buffer.byteLength(text) } as const);

function decide(files: Files): Decided[] {
  return Object.entries(files).map(([path, { before, after }]) => ({
    draft: {
      path,
      kind: "modified",
      before: state(before),
      after: state(after),
      masked: false,
      conflict: false,
      warnings: [],
      remarks: [],
    },
    kind: before === undefined ? "added" : after === undefined ? "deleted" : "modified",
    before: state(before),
    after: state(after),
    warnings: [],
  }));
}

/** Reads both sides of some files, and counts what was asked of the layer. */
async function read(
  files: Files,
  { layer = (each: LayerContents) => each, budget = newReadBudget() } = {},
): Promise<{ contents: ReadonlyMap<string, SeenContents>; asked: string[] }> {
  using folder = scratch();
  for (const side of ["before", "after"] as const) {
    mkdirSync(`${folder.path}/${side}`);
    for (const [path, texts] of Object.entries(files)) {
      if (texts[side] !== undefined) writeFileSync(`${folder.path}/${side}/${path}`, texts[side]);
    }
  }
  await using base = openHostBase(`${folder.path}/before`);
  const plain = contentsOf(`${folder.path}/after`);
  const asked: string[] = [];
  const counting: LayerContents = {
    ...plain,
    heads(paths, bytes) {
      asked.push(`heads of ${paths.length} to ${bytes}`);
      return plain.heads(paths, bytes, signal);
    },
    fetch(paths) {
      asked.push(`whole of ${paths.length}`);
      return plain.fetch(paths, signal);
    },
  };
  const input = { layer: layer(counting), base, budget, signal, wantDeleted: false };
  return { contents: await readContents(decide(files), input), asked };
}

const length = (contents: SeenContents | undefined, side: "before" | "after") => contents?.[side]?.bytes.length;

describe("the contents of changes", () => {
  it("are read in one batch, small and long ones, both sides whole", async () => {
    const files: Files = {
      "a.ts": { before: "old", after: "new and longer" },
      "b.ts": { before: "x".repeat(300 * kib), after: "y".repeat(900 * kib) },
      "package.json": { after: "{}" },
      "package-lock.json": { before: "{}", after: `{"a":"${"z".repeat(2000 * kib)}"}` },
      "empty.ts": { before: "", after: "" },
    };
    const { contents, asked } = await read(files);
    expect(asked).toEqual(["whole of 4"]);
    for (const [path, { before, after }] of Object.entries(files)) {
      expect(length(contents.get(path), "before")).toBe(before?.length);
      expect(length(contents.get(path), "after")).toBe(after?.length);
      expect(contents.get(path)?.after?.cut).toBeUndefined();
    }
  });

  it("are told to be cut where they are too large or too many", async () => {
    const large = "x".repeat(1100 * kib);
    const first = await read({ "a.ts": { before: large, after: `${large}y` } });
    expect(first.asked).toEqual([`heads of 1 to ${64 * kib}`]);
    expect(length(first.contents.get("a.ts"), "after")).toBe(64 * kib);
    expect(length(first.contents.get("a.ts"), "before")).toBe(64 * kib);
    expect(first.contents.get("a.ts")?.after?.cut).toBe("is too large to be read whole");
    const budget = { read: 250 * kib, compared: 10 };
    const files: Files = Object.fromEntries(
      ["a", "b", "c"].map((each) => [`${each}.ts`, { after: "x".repeat(100 * kib) }]),
    );
    const second = await read({ ...files, "d.ts": { after: "small" } }, { budget });
    expect(second.contents.get("b.ts")?.after?.cut).toBeUndefined();
    expect(second.contents.get("c.ts")?.after?.cut).toBe("is one of too many large files");
    expect(second.contents.get("d.ts")?.after?.cut).toBeUndefined();
  });

  it("are not compared by structure beyond a budget, YAML costing more", async () => {
    const files: Files = {
      "package.json": { before: "{}", after: '{"a":1}' },
      "tsconfig.json": { before: "{}", after: '{"a":1}' },
      "a.ts": { before: "{}", after: '{"a":1}' },
    };
    const { contents } = await read(files, { budget: { read: 0, compared: 12 } });
    expect([...contents].map(([path, { uncompared }]) => [path, uncompared])).toEqual([
      ["package.json", undefined],
      ["tsconfig.json", "is one of too many"],
      ["a.ts", undefined],
    ]);
    const yaml = { ".travis.yml": { before: "a: 1", after: "a: 2" } };
    const few = await read(yaml, { budget: { read: 0, compared: 100 } });
    expect(few.contents.get(".travis.yml")?.uncompared).toBe("is one of too many");
    const enough = await read(yaml, { budget: { read: 0, compared: 300 } });
    expect(enough.contents.get(".travis.yml")?.uncompared).toBeUndefined();
  });

  it("are only glanced at where files of that name are no text", async () => {
    const { contents, asked } = await read({
      "a.png": { before: "x".repeat(50 * kib), after: "\0".repeat(50 * kib) },
      "b.PNG": { after: "y" },
    });
    expect(asked).toEqual(["whole of 1", "heads of 1 to 8000"]);
    expect(length(contents.get("a.png"), "after")).toBe(8000);
    expect(length(contents.get("a.png"), "before")).toBe(8000);
  });

  it("of a binary file are not read on the host beyond a glance", async () => {
    const { contents } = await read({ "a.x": { before: "x".repeat(50 * kib), after: "\0".repeat(50 * kib) } });
    expect(length(contents.get("a.x"), "before")).toBe(8000);
  });

  it("are read by their beginnings where a file changes at that very moment", async () => {
    const broken = (each: LayerContents): LayerContents => ({
      ...each,
      async *fetch(paths, stop) {
        for await (const file of each.fetch(paths, stop)) {
          if (file.path === "b.ts")
            throw new AirlockError("E_KEEPER_FAILED", "a file became shorter while it was read");
          yield file;
        }
      },
    });
    const files: Files = Object.fromEntries(["a", "b", "c"].map((each) => [`${each}.ts`, { after: each.repeat(9) }]));
    const { contents, asked } = await read(files, { layer: broken });
    expect(asked).toEqual(["whole of 3", `heads of 2 to ${64 * kib}`]);
    expect([...contents.values()].map(({ after }) => after?.bytes.length)).toEqual([9, 9, 9]);
    const gone = (each: LayerContents): LayerContents => ({
      ...each,
      // biome-ignore lint/correctness/useYield: it fails before the first
      async *fetch() {
        throw new AirlockError("E_CANCELLED", "cancelled");
      },
    });
    await expect(read(files, { layer: gone })).rejects.toMatchObject({ code: "E_CANCELLED" });
  });

  it("are not held when a file has grown to any size since it was listed", async () => {
    let held = 0;
    const grown = (each: LayerContents): LayerContents => ({
      ...each,
      async *fetch(paths) {
        await Promise.resolve();
        for (const path of paths) {
          const parts = (async function* () {
            held += 1;
            await Promise.resolve();
            yield { hole: 8 * 1024 ** 4 };
          })();
          yield { path, size: 8 * 1024 ** 4, parts };
        }
      },
    });
    const { contents, asked } = await read({ "a.ts": { after: "text" } }, { layer: grown });
    expect(held).toBe(0);
    expect(asked).toEqual([`heads of 1 to ${64 * kib}`]);
    expect(length(contents.get("a.ts"), "after")).toBe(4);
  });
});
