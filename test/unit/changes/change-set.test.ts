import { execFileSync } from "node:child_process";
import { chmodSync, lstatSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildChangeSet, type ChangeSetInput } from "../../../src/changes/change-set.js";
import type { ScannedEntry } from "../../../src/changes/draft.js";
import { openHostBase } from "../../../src/changes/host-base.js";
import type { Change } from "../../../src/model/change.js";
import {
  at,
  blank,
  contentsOf,
  type LayerChoices,
  layerBetween,
  readTree,
  scratch,
  type TreeNode,
} from "./layer-between.js";
import { hostileNames, operations, perform } from "./random-tree.js";

type Tree = Map<string, TreeNode>;

async function changesOf(
  base: string,
  entries: Iterable<ScannedEntry>,
  layer: string,
  more: Partial<ChangeSetInput> = {},
  portable = false,
): Promise<Change[]> {
  await using reader = openHostBase(base, { portable });
  const changes: Change[] = [];
  const input = {
    entries,
    layer: contentsOf(layer),
    base: reader,
    hidden: [],
    baseTimeMs: Date.now() + 60_000,
    signal: new AbortController().signal,
  };
  for await (const change of buildChangeSet({ ...input, ...more })) changes.push(change);
  return changes;
}

/** Two copies of one folder; `edit` works on the second. */
function pair(fill: (root: string) => void, edit: (root: string) => void) {
  const folder = scratch();
  const base = `${folder.path}/base`;
  const work = `${folder.path}/work`;
  mkdirSync(base);
  fill(base);
  execFileSync("cp", ["-a", base, work]);
  edit(work);
  return { base, work, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

function summary(changes: readonly Change[]): string[] {
  return changes.map(({ kind, path }) => `${kind} ${path}`);
}

async function changesBetween(
  fill: (root: string) => void,
  edit: (root: string) => void,
  choices: LayerChoices = {},
  more: Partial<ChangeSetInput> = {},
): Promise<Change[]> {
  using both = pair(fill, edit);
  return await changesOf(both.base, layerBetween(both.base, both.work, choices), both.work, more);
}

function applied(tree: Tree, changes: readonly Change[], work: Tree): Tree {
  const result = new Map(tree);
  for (const { path, kind, after } of changes) {
    if (kind === "deleted") {
      expect(result.delete(path)).toBe(true);
      continue;
    }
    const node = work.get(path);
    expect(after?.type).toBe(node?.kind);
    expect(after?.mode).toBe(node?.mode);
    if (node === undefined) throw new Error(`invented ${path}`);
    const content = kind === "mode" ? (result.get(path)?.content ?? "") : node.content;
    result.set(path, { kind: node.kind, mode: after?.mode ?? 0, content });
  }
  return result;
}

const byPath = (tree: Tree) => [...tree].sort(([left], [right]) => (left < right ? -1 : 1));

describe("a change set, applied to the base, gives the workspace", () => {
  for (const [title, portable] of [
    ["with folder handles", false],
    ["without /proc", true],
  ] as const) {
    it(`for random trees and random work on them, ${title}`, { timeout: 120_000 }, async () => {
      const names = fc.constant(hostileNames);
      const scenario = names.chain((all) =>
        fc.tuple(
          operations(all.slice(0, 12)),
          operations(all.slice(0, 12)),
          operations(all),
          fc.integer({ min: 0, max: 6 }),
        ),
      );
      await fc.assert(
        fc.asyncProperty(scenario, async ([first, second, third, salt]) => {
          using both = pair(
            (root) => [...first, ...third].forEach((each) => void perform(root, each)),
            (root) => second.forEach((each) => void perform(root, each)),
          );
          const chosen = (path: string) => (path.length + salt) % 3 === 0;
          const layer = layerBetween(both.base, both.work, { opaque: chosen, touched: chosen });
          const changes = await changesOf(both.base, layer, both.work, {}, portable);
          const work = readTree(both.work);
          expect(byPath(applied(readTree(both.base), changes, work))).toEqual(byPath(work));
          for (const { path, before, after, kind } of changes) {
            if (kind !== "modified" && kind !== "mode") continue;
            expect(readTree(both.base).get(path)).not.toEqual(work.get(path));
            expect(before?.type).toBe(after?.type);
          }
        }),
        { numRuns: portable ? 30 : 120 },
      );
    });
  }
});

describe("a change set", () => {
  it("leaves out what was touched and is the same", async () => {
    const fill = (root: string) => {
      mkdirSync(`${root}/d`);
      writeFileSync(`${root}/d/f`, "same");
      symlinkSync("f", `${root}/d/l`);
    };
    const changes = await changesBetween(fill, (root) => utimesSync(`${root}/d/f`, 1, 1), { touched: () => true });
    expect(changes).toEqual([]);
  });

  it("compares contents even where size and time are equal", async () => {
    const stamp = (root: string) => utimesSync(`${root}/f`, 5, 5);
    const changes = await changesBetween(
      (root) => [writeFileSync(`${root}/f`, "aaaa"), stamp(root)],
      (root) => [writeFileSync(`${root}/f`, "bbbb"), stamp(root)],
    );
    expect(summary(changes)).toEqual(["modified f"]);
    expect(changes[0]?.before?.sha256).not.toBe(changes[0]?.after?.sha256);
  });

  it("hashes nothing of the layer when the sizes differ, unless asked for all hashes", async () => {
    using both = pair(
      (root) => writeFileSync(`${root}/f`, "short"),
      (root) => writeFileSync(`${root}/f`, "much longer"),
    );
    const layer = contentsOf(both.work);
    const [lazy] = await changesOf(both.base, layerBetween(both.base, both.work), both.work, { layer });
    expect([lazy?.before?.sha256, lazy?.after?.sha256, layer.hashed]).toEqual([undefined, undefined, []]);
    const [full] = await changesOf(both.base, layerBetween(both.base, both.work), both.work, { hashes: "all" });
    expect([full?.before?.sha256?.length, full?.after?.sha256?.length]).toEqual([64, 64]);
  });

  it("tells a change of permission bits alone from a change of content", async () => {
    const changes = await changesBetween(
      (root) => writeFileSync(`${root}/f`, "x", { mode: 0o644 }),
      (root) => chmodSync(`${root}/f`, 0o4755),
    );
    expect(summary(changes)).toEqual(["mode f"]);
    expect(changes[0]?.risk.level).toBe("high");
    expect(changes[0]?.risk.reasons.join()).toMatch(/set-user-id.*executable/);
  });

  it("expands a deleted folder to all that it held", async () => {
    const changes = await changesBetween(
      (root) => {
        mkdirSync(`${root}/d/e`, { recursive: true });
        for (const name of ["d/a", "d/e/b", "d-x"]) writeFileSync(`${root}/${name}`, name);
      },
      (root) => rmSync(`${root}/d`, { recursive: true }),
    );
    expect(summary(changes)).toEqual(["deleted d", "deleted d/a", "deleted d/e", "deleted d/e/b"]);
    expect(changes.every(({ after }) => after === null)).toBe(true);
  });

  it("lists what an opaque folder hides and the agent did not make again", async () => {
    const changes = await changesBetween(
      (root) => {
        mkdirSync(`${root}/src/deep`, { recursive: true });
        for (const name of ["src/a", "src/b", "src/deep/c", "src/z"]) writeFileSync(`${root}/${name}`, name);
      },
      (root) => {
        rmSync(`${root}/src`, { recursive: true });
        mkdirSync(`${root}/src`);
        writeFileSync(`${root}/src/b`, "src/b");
        writeFileSync(`${root}/src/n`, "new");
      },
      { opaque: (path) => path === "src" },
    );
    expect(summary(changes)).toEqual([
      "deleted src/a",
      "deleted src/deep",
      "deleted src/deep/c",
      "added src/n",
      "deleted src/z",
    ]);
  });

  it("reads a whiteout inside an opaque folder as the deletion it is, once", async () => {
    using both = pair(
      (root) => [mkdirSync(`${root}/d`), writeFileSync(`${root}/d/a`, ""), writeFileSync(`${root}/d/b`, "")],
      () => undefined,
    );
    const entries = [{ ...blank("d", "dir"), opaque: true }, blank("d/a", "whiteout")];
    expect(summary(await changesOf(both.base, entries, both.work))).toEqual(["deleted d/a", "deleted d/b"]);
  });

  it("shows a folder that became a file or a link, with what it held", async () => {
    for (const make of [writeFileSync, (path: string) => symlinkSync("/home/u", path)] as const) {
      const changes = await changesBetween(
        (root) => [mkdirSync(`${root}/a/k`, { recursive: true }), writeFileSync(`${root}/a/k/f`, "")],
        (root) => [rmSync(`${root}/a`, { recursive: true }), make(`${root}/a`, "now a file")],
      );
      expect(summary(changes)).toEqual(["type a", "deleted a/k", "deleted a/k/f"]);
      expect(changes[0]?.before?.type).toBe("dir");
      expect(changes[0]?.risk.level).toBe("high");
    }
  });

  it("shows a file that became a folder, with what is in it", async () => {
    const changes = await changesBetween(
      (root) => writeFileSync(`${root}/a`, "file"),
      (root) => [rmSync(`${root}/a`), mkdirSync(`${root}/a`), writeFileSync(`${root}/a/b`, "new")],
    );
    expect(summary(changes)).toEqual(["type a", "added a/b"]);
  });

  it("never looks through a link of the host that stands where the layer has a folder", async () => {
    using outside = scratch();
    writeFileSync(`${outside.path}/secret`, "same");
    const changes = await changesBetween(
      (root) => symlinkSync(outside.path, `${root}/a`),
      (root) => [rmSync(`${root}/a`), mkdirSync(`${root}/a`), writeFileSync(`${root}/a/secret`, "same")],
    );
    expect(summary(changes)).toEqual(["type a", "added a/secret"]);
  });

  it("lists new folders, empty ones too", async () => {
    const changes = await changesBetween(
      () => undefined,
      (root) => mkdirSync(`${root}/empty/inner`, { recursive: true }),
    );
    expect(summary(changes)).toEqual(["added empty", "added empty/inner"]);
  });

  it("refuses pipes, sockets and devices by name, without opening them", async () => {
    using both = pair(
      (root) => writeFileSync(`${root}/package.json`, "{}"),
      () => undefined,
    );
    const kinds = ["fifo", "socket", "chardev", "blockdev"] as const;
    const entries = [...kinds.map((kind, at) => blank(`d${at}`, kind)), blank("package.json", "fifo")];
    const changes = await changesOf(both.base, entries, both.work);
    expect(changes.map(({ kind, type, risk }) => [kind, type, risk.level])).toEqual([
      ...kinds.map(() => ["added", "special", "high"]),
      ["type", "special", "high"],
    ]);
    expect(changes.every(({ risk }) => risk.reasons.join().includes("refused"))).toBe(true);
  });

  it("does not hang on a pipe that stands on the host where the layer has a file", async () => {
    const changes = await changesBetween(
      (root) => execFileSync("mkfifo", [`${root}/p`]),
      (root) => [rmSync(`${root}/p`), writeFileSync(`${root}/p`, "")],
    );
    expect(summary(changes)).toEqual(["type p"]);
  });
});

describe("hidden files", () => {
  const hidden = [{ path: "d/.env", rule: "default" }];
  const hide = (path: string) => path === "d/.env";
  const fill = (root: string) => {
    mkdirSync(`${root}/d`);
    writeFileSync(`${root}/d/.env`, "KEY=1");
    writeFileSync(`${root}/d/f`, "f");
  };

  it("are no deletions when the folder around them goes, and that folder stays", async () => {
    const gone = (root: string) => rmSync(`${root}/d`, { recursive: true });
    expect(summary(await changesBetween(fill, gone, { hidden: hide }, { hidden }))).toEqual(["deleted d/f"]);
    const anew = (root: string) => [gone(root), mkdirSync(`${root}/d`)];
    const choices = { hidden: hide, opaque: () => true };
    expect(summary(await changesBetween(fill, anew, choices, { hidden }))).toEqual(["deleted d/f"]);
  });

  it("are of high risk when made anew, and nothing of the host's file is told", async () => {
    const edit = (root: string) => writeFileSync(`${root}/d/.env`, "KEY=2");
    const [change] = await changesBetween(fill, edit, {}, { hidden, hashes: "all" });
    expect(change).toMatchObject({
      path: "d/.env",
      kind: "added",
      before: null,
      masked: true,
      risk: { level: "high" },
    });
  });

  it("are named when a file takes the place of their folder", async () => {
    const edit = (root: string) => [rmSync(`${root}/d`, { recursive: true }), writeFileSync(`${root}/d`, "")];
    const changes = await changesBetween(fill, edit, { hidden: hide }, { hidden });
    expect(summary(changes)).toEqual(["type d", "deleted d/f"]);
    expect(changes[0]?.risk.reasons.join()).toContain("folder that holds 1 hidden file");
  });

  it("stay unknown when a whole folder is hidden", async () => {
    const all = [{ path: "d", rule: "default" }];
    const changes = await changesBetween(fill, (root) => rmSync(`${root}/d`, { recursive: true }), {}, { hidden: all });
    expect(changes).toEqual([]);
  });
});

describe("conflicts", () => {
  const past = { baseTimeMs: Date.now() - 3_600_000 };

  it("are host entries that changed since the session began", async () => {
    const fill = (root: string) => [writeFileSync(`${root}/f`, "1"), writeFileSync(`${root}/g`, "1")];
    const edit = (root: string) => [writeFileSync(`${root}/f`, "22"), rmSync(`${root}/g`)];
    const later = await changesBetween(fill, edit, {}, past);
    expect(later.map(({ conflict }) => conflict)).toEqual([true, true]);
    const before = await changesBetween(fill, edit);
    expect(before.map(({ conflict }) => conflict)).toEqual([false, false]);
  });

  it("are not what an apply of the session left on the host, until the host changes it again", async () => {
    using both = pair(
      (root) => writeFileSync(`${root}/f`, "1"),
      (root) => writeFileSync(`${root}/f`, "22"),
    );
    const ctimeMs = Number(lstatSync(`${both.base}/f`, { bigint: true }).ctimeNs) / 1e6;
    const entry = { ...blank("f", "file"), size: 2 };
    const conflictWith = async (settled: ReadonlyMap<string, number>) =>
      (await changesOf(both.base, [entry], both.work, { ...past, settled }))[0]?.conflict;
    expect(await conflictWith(new Map([["f", ctimeMs]]))).toBe(false);
    expect(await conflictWith(new Map([["f", ctimeMs - 1]]))).toBe(true);
    expect(await conflictWith(new Map([["g", ctimeMs]]))).toBe(true);
  });

  it("are files that the host deleted while the agent changed them", async () => {
    using both = pair(
      () => undefined,
      (root) => writeFileSync(`${root}/f`, "x"),
    );
    const entry = { ...blank("f", "file"), size: 1 };
    const conflictWith = async (more: Partial<ScannedEntry>, baseTimeMs: number) =>
      (await changesOf(both.base, [{ ...entry, ...more }], both.work, { baseTimeMs }))[0]?.conflict;
    expect(await conflictWith({ copiedUp: true }, past.baseTimeMs)).toBe(true);
    expect(await conflictWith({ copiedUp: true }, Date.now() + 60_000)).toBe(false);
    expect(await conflictWith({ copiedUp: false }, past.baseTimeMs)).toBe(false);
    expect(await conflictWith({ copiedUp: undefined }, past.baseTimeMs)).toBe(true);
  });

  it("are not deletions on both sides", async () => {
    using both = pair(
      () => undefined,
      () => undefined,
    );
    expect(await changesOf(both.base, [blank("gone", "whiteout")], both.work, past)).toEqual([]);
  });
});

describe("what cannot be trusted", () => {
  it.each([["../x"], ["a//b"], ["a/./b"], ["/a"], ["a\0b"]])("is refused in a layer's list: %j", async (path) => {
    using both = pair(
      () => undefined,
      () => undefined,
    );
    await expect(changesOf(both.base, [blank(path, "file")], both.work)).rejects.toMatchObject({
      code: "E_KEEPER_FAILED",
    });
  });

  it("is refused when out of order, which could hide deletions", async () => {
    using both = pair(
      () => undefined,
      () => undefined,
    );
    for (const paths of [
      ["b", "a"],
      ["a", "a"],
      ["a-b", "a/b"],
    ]) {
      const entries = paths.map((path) => blank(path, "whiteout"));
      await expect(changesOf(both.base, entries, both.work)).rejects.toMatchObject({ code: "E_KEEPER_FAILED" });
    }
  });

  it("stops at the limit on entries", async () => {
    using both = pair(
      () => undefined,
      () => undefined,
    );
    const limits = { entries: 2, hashBytes: 10 };
    const entries = ["a", "b", "c"].map((path) => blank(path, "symlink"));
    await expect(changesOf(both.base, entries, both.work, { limits })).rejects.toMatchObject({ code: "E_LAYER_LIMIT" });
  });

  it("is not read beyond the limit on size, and taken for changed", async () => {
    const limits = { entries: 10, hashBytes: 3 };
    const write = (root: string) => writeFileSync(`${root}/f`, "four");
    const [change] = await changesBetween(write, write, { touched: () => true }, { limits });
    expect(change?.kind).toBe("modified");
    expect(change?.risk.reasons.join()).toContain("cannot be compared");
  });
});

describe("cost and limits", () => {
  it("streams a deleted folder of many files and stops when told to", { timeout: 60_000 }, async () => {
    using both = pair(
      (root) => {
        mkdirSync(`${root}/many`);
        for (let each = 0; each < 3000; each += 1) writeFileSync(`${root}/many/${each}`, "");
      },
      () => undefined,
    );
    const abort = new AbortController();
    await using base = openHostBase(both.base);
    let seen = 0;
    const run = async () => {
      const entries = [blank("many", "whiteout")];
      const layer = contentsOf(both.work);
      const input = { entries, layer, base, hidden: [], baseTimeMs: 0, signal: abort.signal };
      for await (const _ of buildChangeSet(input)) {
        seen += 1;
        if (seen === 200) setImmediate(() => abort.abort(new Error("enough")));
      }
    };
    await expect(run()).rejects.toThrow("enough");
    expect(seen).toBeLessThan(1000);
  });

  it("handles paths longer than the system takes at once", async () => {
    const depth = 600;
    const path = Array.from({ length: depth }, () => "directory").join("/");
    using folder = scratch();
    execFileSync("python3", ["-c", deepTree, folder.path, String(depth)]);
    const changes = await changesOf(folder.path, [blank("directory", "whiteout")], folder.path);
    expect(changes.length).toBe(depth + 1);
    expect(changes.at(-1)?.path).toBe(`${path}/f`);
  });

  it("copes with names of 255 bytes and paths of 4,000 bytes", async () => {
    const long = Array.from({ length: 15 }, () => "n".repeat(255)).join("/");
    const changes = await changesBetween(
      (root) => mkdirSync(at(root, long), { recursive: true }),
      (root) => writeFileSync(at(root, `${long}/f`), "x"),
    );
    expect(summary(changes)).toEqual([`added ${long}/f`]);
  });
});

const deepTree = `
import os, sys
os.chdir(sys.argv[1])
for _ in range(int(sys.argv[2])):
    os.mkdir("directory"); os.chdir("directory")
open("f", "w").close()
`;

it("keeps two names with different invalid bytes apart", async () => {
  const names = ["\udcff\udcfe.js", "\udcfd\udcfc.js"];
  const changes = await changesBetween(
    (root) => names.forEach((name) => void writeFileSync(at(root, name), name, "latin1")),
    (root) => rmSync(at(root, names[0] ?? "")),
  );
  expect(summary(changes)).toEqual([`deleted ${names[0]}`]);
});

it("finds the same paths without reading more than tells a change from none", async () => {
  using both = pair(
    (root) => {
      writeFileSync(`${root}/same-size`, "one");
      writeFileSync(`${root}/longer`, "one");
      writeFileSync(`${root}/touched`, "one");
    },
    (root) => {
      writeFileSync(`${root}/same-size`, "two");
      writeFileSync(`${root}/longer`, "three");
      writeFileSync(`${root}/new.yaml`, "a: 1");
    },
  );
  const layer = contentsOf(both.work);
  const refuse = () => {
    throw new Error("contents were read");
  };
  const entries = () => layerBetween(both.base, both.work, { touched: () => true });
  const unread = { ...layer, heads: refuse, fetch: refuse };
  const found = await changesOf(both.base, entries(), both.work, { layer: unread, readsContents: false });
  expect(summary(found)).toEqual(summary(await changesOf(both.base, entries(), both.work)));
  expect(layer.hashed).toEqual(["same-size", "touched"]);
});
