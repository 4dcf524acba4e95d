import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, renameSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { openHostBase } from "../../../src/changes/host-base.js";
import { compareInTree, isBelow, parentOf } from "../../../src/changes/tree-order.js";
import { scratch } from "./layer-between.js";

const { signal } = new AbortController();

describe.each([
  ["with folder handles", false],
  ["without /proc", true],
])("the host as a base, %s", (_, portable) => {
  function withBase() {
    const folder = scratch();
    const root = `${folder.path}/base`;
    mkdirSync(`${root}/d`, { recursive: true });
    mkdirSync(`${folder.path}/outside`);
    writeFileSync(`${root}/d/f`, "inside");
    writeFileSync(`${folder.path}/outside/f`, "SECRET");
    return { root, outside: `${folder.path}/outside`, [Symbol.dispose]: () => folder[Symbol.dispose]() };
  }

  it("follows no link, as the last name or on the way", async () => {
    using made = withBase();
    symlinkSync(made.outside, `${made.root}/away`);
    symlinkSync("d", `${made.root}/near`);
    symlinkSync(`${made.outside}/f`, `${made.root}/d/l`);
    await using base = openHostBase(made.root, { portable });
    for (const path of ["away/f", "near/f", "d/l/f", "d/f/x"]) {
      expect([base.look(path), await base.read(path, 10, signal), await base.hash(path, signal)]).toEqual([
        null,
        null,
        null,
      ]);
    }
    expect(await base.read("d/l", 10, signal)).toBeNull();
    expect([base.list("away"), base.list("near"), base.listSome("away", 9)]).toEqual([[], [], []]);
    expect(base.look("away")).toMatchObject({ type: "symlink", target: made.outside });
  });

  it("opens neither pipes nor devices nor folders", { timeout: 5000 }, async () => {
    using made = withBase();
    execFileSync("mkfifo", [`${made.root}/pipe`]);
    await using base = openHostBase(made.root, { portable });
    expect(base.look("pipe")?.type).toBe("special");
    for (const path of ["pipe", "d", "", "nowhere"]) {
      expect([await base.read(path, 10, signal), await base.hash(path, signal)]).toEqual([null, null]);
    }
  });

  it("reads what it is asked for and no more", async () => {
    using made = withBase();
    await using base = openHostBase(made.root, { portable });
    expect(String(await base.read("d/f", 3, signal))).toBe("ins");
    expect(String(await base.read("d/f", 99, signal))).toBe("inside");
    expect(base.look("d/f")).toMatchObject({ type: "file", size: 6, mode: 0o644 });
    expect(base.look("")).toMatchObject({ type: "dir" });
    expect(base.list("")).toEqual(["d"]);
    expect(base.listSome("", 0)).toEqual([]);
  });

  it("hashes large files in pieces, and stops when told to", async () => {
    using made = withBase();
    truncateSync(`${made.root}/d/f`, 20 * 1024 * 1024);
    await using base = openHostBase(made.root, { portable });
    const hash = createHash("sha256")
      .update("inside")
      .update(Buffer.alloc(20 * 1024 * 1024 - 6));
    expect(await base.hash("d/f", signal)).toBe(hash.digest("hex"));
    const abort = new AbortController();
    const hashing = base.hash("d/f", abort.signal);
    abort.abort(new Error("enough"));
    await expect(hashing).rejects.toThrow("enough");
  });

  it("refuses to begin where there is no folder", () => {
    using made = withBase();
    for (const path of [`${made.root}/nowhere`, `${made.root}/d/f/x`]) {
      expect(() => openHostBase(path, { portable })).toThrow("cannot open the project folder");
    }
  });
});

// CVE-2026-39861: a folder is swapped with a link between the check and the use, again and again.
it("never reads outside while a folder and a link are swapped under it", { timeout: 30_000 }, async () => {
  using folder = scratch();
  const { path } = folder;
  for (const each of ["base/d", "outside"]) {
    mkdirSync(`${path}/${each}`, { recursive: true });
    writeFileSync(`${path}/${each}/f`, each === "outside" ? "SECRET" : "inside");
  }
  symlinkSync(`${path}/outside`, `${path}/base/link`);
  const script =
    "import os,sys\nos.chdir(sys.argv[1])\nwhile True:\n os.rename('d','x'); os.rename('link','d'); os.rename('d','link'); os.rename('x','d')";
  const swapper = spawn("python3", ["-c", script, `${path}/base`]);
  try {
    await using base = openHostBase(`${path}/base`);
    let inside = 0;
    let links = 0;
    for (let round = 0; round < 20_000; round += 1) {
      base.look("other/f");
      if (base.look("d")?.type === "symlink") links += 1;
      const read = await base.read("d/f", 10, signal);
      expect(String(read)).not.toBe("SECRET");
      if (read !== null) inside += 1;
      if (round % 500 === 0) await setImmediate();
    }
    expect(inside).toBeGreaterThan(0);
    expect(links).toBeGreaterThan(0);
  } finally {
    swapper.kill("SIGKILL");
  }
});

it("keeps deep folders apart when it goes up and down among them", async () => {
  using folder = scratch();
  const deep = (letter: string) => Array.from({ length: 90 }, (_, at) => `${letter}${at}`).join("/");
  for (const letter of ["a", "b"]) {
    mkdirSync(`${folder.path}/${deep(letter)}`, { recursive: true });
    writeFileSync(`${folder.path}/${deep(letter)}/f`, letter);
    writeFileSync(`${folder.path}/${letter}0/f`, letter.toUpperCase());
  }
  await using base = openHostBase(folder.path);
  for (let round = 0; round < 5; round += 1) {
    for (const letter of ["a", "b", "a"]) {
      expect(String(await base.read(`${deep(letter)}/f`, 9, signal))).toBe(letter);
      expect(String(await base.read(`${letter}0/f`, 9, signal))).toBe(letter.toUpperCase());
      expect(base.look(`${deep(letter)}/nowhere/f`)).toBeNull();
    }
  }
  renameSync(`${folder.path}/a0`, `${folder.path}/c0`);
  expect(base.look("c0/f")?.type).toBe("file");
});

describe("the order of trees", () => {
  it("has a folder before what it holds, and that before its next sibling", () => {
    const paths = ["a", "a/x", "a/x/y", "a-b", "a.b", "b", "\u00e9", "\uffff", "\ud83d\ude00", "\udcff"];
    const shuffled = [...paths].reverse().sort(compareInTree);
    expect(shuffled).toEqual(paths);
  });

  it("knows what lies below what", () => {
    expect([isBelow("a/b", "a"), isBelow("a", "a"), isBelow("a-b", "a"), isBelow("a", ""), isBelow("", "")]).toEqual([
      true,
      false,
      false,
      true,
      false,
    ]);
    expect([parentOf("a/b/c"), parentOf("a"), parentOf("")]).toEqual(["a/b", "", ""]);
  });
});
