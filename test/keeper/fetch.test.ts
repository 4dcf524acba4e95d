import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodePath } from "../../src/base/byte-path.js";
import type { ContentPart } from "../../src/model/apply.js";
import { listed, mayTest, TestStore, workspace } from "./store-fixture.js";
import { anyTree, describeTree, makeTree } from "./tree.js";

async function bytesOf(parts: AsyncIterable<ContentPart>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const part of parts) all.push(part instanceof Uint8Array ? Buffer.from(part) : Buffer.alloc(part.hole));
  return Buffer.concat(all);
}

async function fetchAll(store: TestStore, paths: readonly string[]): Promise<Map<string, Buffer | null>> {
  const found = new Map<string, Buffer | null>();
  for await (const { path, parts } of store.client.fetchFiles({ ...workspace, paths })) {
    found.set(path, parts === null ? null : await bytesOf(parts));
  }
  return found;
}

describe.skipIf(!mayTest)("layer.fetch", () => {
  it("gives the content of each regular file of any tree, and nothing of what is none", async () => {
    await using store = await TestStore.with();
    await fc.assert(
      fc.asyncProperty(anyTree, async (nodes) => {
        await store.client.resetLayers({ session: "one", layers: ["workspace"] });
        makeTree(store.upper(), nodes);
        const paths = (await listed(store.client, workspace)).map(({ path }) => path).filter((path) => path !== "");
        const fetched = await fetchAll(store, paths);
        expect([...fetched.keys()]).toEqual(paths);
        const files = new Set(
          describeTree(store.upper())
            .filter(({ content }) => content !== undefined)
            .map(({ path }) => path),
        );
        for (const [path, content] of fetched) {
          const there = files.has(encodePath(path).toString("latin1"));
          const place = Buffer.concat([Buffer.from(`${store.upper()}/`), encodePath(path)]);
          expect(content).toEqual(there ? readFileSync(place) : null);
        }
      }),
      { numRuns: 20 },
    );
  });

  it("sends eight terabytes of nothing as one hole", async () => {
    await using store = await TestStore.with();
    const file = join(store.upper(), "huge");
    writeFileSync(file, "head");
    truncateSync(file, 8 * 1024 ** 4);
    const parts: (number | string)[] = [];
    for await (const { size, parts: found } of store.client.fetchFiles({ ...workspace, paths: ["huge"] })) {
      expect(size).toBe(8 * 1024 ** 4);
      for await (const part of found ?? []) {
        parts.push(part instanceof Uint8Array ? Buffer.from(part).toString("latin1").slice(0, 4) : part.hole);
      }
    }
    expect(parts).toEqual(["head", 8 * 1024 ** 4 - 4096]);
  });

  it("follows no link, in no component of a path", async () => {
    await using store = await TestStore.with();
    mkdirSync(join(store.upper(), "real"));
    writeFileSync(join(store.upper(), "real/file"), "x");
    symlinkSync("real", join(store.upper(), "link"));
    symlinkSync("real/file", join(store.upper(), "direct"));
    execFileSync("mkfifo", [join(store.upper(), "pipe")]);
    const found = await fetchAll(store, ["link/file", "direct", "pipe", "real/file", "absent/deep/er", "real"]);
    expect([...found].map(([path, content]) => [path, content?.toString() ?? null])).toEqual([
      ["link/file", null],
      ["direct", null],
      ["pipe", null],
      ["real/file", "x"],
      ["absent/deep/er", null],
      ["real", null],
    ]);
  });

  it("goes on with the next file when one is not read to its end, and serves the next request when none is", async () => {
    await using store = await TestStore.with();
    writeFileSync(join(store.upper(), "a"), Buffer.alloc(3_000_000, 1));
    writeFileSync(join(store.upper(), "b"), "b");
    const seen: string[] = [];
    for await (const { path, parts } of store.client.fetchFiles({ ...workspace, paths: ["a", "b"] })) {
      seen.push(path === "b" && parts !== null ? (await bytesOf(parts)).toString() : path);
    }
    expect(seen).toEqual(["a", "b"]);
    for await (const _ of store.client.fetchFiles({ ...workspace, paths: ["a", "b"] })) break;
    expect((await fetchAll(store, ["b"])).get("b")?.toString()).toBe("b");
  });
});
