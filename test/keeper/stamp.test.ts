import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { mayTest, TestStore } from "./store-fixture.js";

const layers = ["workspace"];
const mebibyte = 1024 ** 2;

describe.skipIf(!mayTest)("a stamp of layers (as root: the store belongs to it)", () => {
  it("is another after every change, and the same after none", async () => {
    await using store = await TestStore.with("workspace", "home");
    const at = (name: string) => join(store.upper(), name);
    const stamp = () => store.client.stampLayers({ session: "one", layers });
    const empty = await stamp();
    expect(empty.entries).toBe(0);
    const changes = [
      () => writeFileSync(at("a"), "one"),
      () => appendFileSync(at("a"), "two"),
      // As long as before, and as old as it says: only the ctime tells.
      () => {
        writeFileSync(at("a"), "eno two");
        utimesSync(at("a"), 1, 1);
      },
      () => chmodSync(at("a"), 0o700),
      () => mkdirSync(at("deep")),
      () => renameSync(at("a"), at("deep/a")),
      () => linkSync(at("deep/a"), at("b")),
      () => unlinkSync(at("deep/a")),
    ];
    const seen = new Set([empty.stamp]);
    for (const change of changes) {
      // Longer than the kernel's clock for files stands still.
      await sleep(20);
      change();
      const { stamp: next } = await stamp();
      expect(seen.has(next)).toBe(false);
      expect((await stamp()).stamp).toBe(next);
      seen.add(next);
    }
    writeFileSync(join(store.upper("home"), "note"), "another layer");
    expect(seen.has((await stamp()).stamp)).toBe(true);
  });
});

describe.skipIf(!mayTest)("what snapshots and bases take (as root: the store belongs to it)", () => {
  it("counts what snapshots share once, and uploaded bases", async () => {
    await using store = await TestStore.with();
    const { client } = store;
    writeFileSync(join(store.upper(), "big"), Buffer.alloc(4 * mebibyte, 1));
    // What has just changed is copied, not shared.
    await sleep(2_100);
    await client.createSnapshot({ session: "one", snapshot: "s1", layers });
    await client.createSnapshot({ session: "one", snapshot: "s2", layers, previous: "s1" });
    const used = async () => {
      const { snapshots } = await client.savedUsage("one");
      return Object.entries(snapshots).map(([id, { bytes }]) => `${id} ${Math.round(bytes / mebibyte)}`);
    };
    expect(await used()).toEqual(["s1 2", "s2 2"]);
    await client.deleteSnapshot({ session: "one", snapshot: "s1" });
    expect(await used()).toEqual(["s2 4"]);
    writeFileSync(join(store.path, "sessions/one/base/workspace", "file"), Buffer.alloc(mebibyte, 1));
    const { bases } = await client.savedUsage("one");
    expect(bases["workspace"]).toEqual({ bytes: mebibyte, entries: 1 });
  });
});
