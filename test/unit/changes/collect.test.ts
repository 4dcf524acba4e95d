import { mkdirSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { collectChanges, countChanges, orderForPeople, selectChanges } from "../../../src/changes/collect.js";
import { openHostBase } from "../../../src/changes/host-base.js";
import type { Change } from "../../../src/model/change.js";
import { comesFirst } from "../../../src/risk/comes-first.js";
import { changeOf } from "../render/change-of.js";
import { scratch } from "./layer-between.js";

async function* streamOf(changes: readonly Change[]) {
  yield* changes;
}

const high = { level: "high", reasons: ["r"] } as const;

describe("collected changes", () => {
  it("stay in tree order and are counted", async () => {
    const changes = [
      changeOf("a", { kind: "added" }),
      changeOf("b", { kind: "deleted", conflict: true }),
      changeOf("c", { kind: "mode", risk: high }),
      changeOf("d", { kind: "type" }),
      changeOf("e"),
    ];
    const found = await collectChanges(streamOf(changes));
    expect(found.changes).toEqual(changes);
    expect(found.totals).toEqual({ added: 1, modified: 1, deleted: 1, type: 1, mode: 1, highRisk: 1, conflicts: 1 });
    expect(found.warnings).toEqual([]);
  });

  it("are of high risk where names collide, with each other or with the base", async () => {
    using folder = scratch();
    mkdirSync(`${folder.path}/d`);
    writeFileSync(`${folder.path}/d/readme`, "");
    await using base = openHostBase(folder.path);
    const changes = ["X", "d/README", "d/other", "x"].map((path) => changeOf(path, { kind: "added" }));
    const found = await collectChanges(streamOf(changes), base);
    expect(found.changes.map(({ risk }) => risk.level)).toEqual(["high", "high", "none", "high"]);
    expect(found.totals.highRisk).toBe(3);
  });

  it("do not take a name of the base for a collision when nothing new is there", async () => {
    using folder = scratch();
    writeFileSync(`${folder.path}/readme`, "");
    writeFileSync(`${folder.path}/README`, "");
    await using base = openHostBase(folder.path);
    const found = await collectChanges(streamOf([changeOf("README")]), base);
    expect(found.changes[0]?.risk.level).toBe("none");
  });

  it("warn of mass deletion, at the folder and for the whole", async () => {
    const folder = changeOf("src", { kind: "deleted", type: "dir", before: { type: "dir", mode: 0o755, size: 0 } });
    const changes = [folder, ...Array.from({ length: 80 }, (_, at) => changeOf(`src/${at}`, { kind: "deleted" }))];
    const found = await collectChanges(streamOf(changes));
    expect(found.changes[0]?.risk).toEqual({ level: "high", reasons: ["80 paths below it are deleted"] });
    expect(found.warnings).toEqual(["81 paths are deleted", "80 paths are deleted in src/"]);
  });

  it("have a limit", async () => {
    const changes = ["a", "b", "c"].map((path) => changeOf(path));
    await expect(collectChanges(streamOf(changes), null, 2)).rejects.toMatchObject({ code: "E_LAYER_LIMIT" });
  });
});

describe("the order for people", () => {
  it("has deletions and high risk first, and loses nothing", () => {
    const changes = [
      changeOf("a"),
      changeOf("b", { kind: "deleted" }),
      changeOf("c", { risk: { level: "low", reasons: ["l"] } }),
      changeOf("d", { risk: high }),
    ];
    expect(orderForPeople(changes).map(({ path }) => path)).toEqual(["b", "d", "a", "c"]);
    expect(changes.filter(comesFirst)).toHaveLength(2);
  });
});

describe("chosen paths", () => {
  const changes = ["src", "src/a", "src/b/c", "src-x", "other"].map((path) => changeOf(path));
  it.each([
    [["src"], ["src", "src/a", "src/b/c"]],
    [["./src/"], ["src", "src/a", "src/b/c"]],
    [
      ["src/b", "other"],
      ["src/b/c", "other"],
    ],
    [["nothing"], []],
    [["."], ["src", "src/a", "src/b/c", "src-x", "other"]],
    [["./"], ["src", "src/a", "src/b/c", "src-x", "other"]],
    [[], ["src", "src/a", "src/b/c", "src-x", "other"]],
  ])("%j are %j", (paths, found) => {
    expect(selectChanges(changes, paths).map(({ path }) => path)).toEqual(found);
    expect(countChanges(selectChanges(changes, paths)).modified).toBe(found.length);
  });
});
