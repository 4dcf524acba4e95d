import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { dataFrame, jsonFrame, readFrames } from "../../../src/workspace/frames.js";
import { KeeperClient } from "../../../src/workspace/keeper-client.js";
import type { ListedEntry } from "../../../src/workspace/listed-entries.js";

type Answer = readonly (object | Buffer)[];

/** A keeper's end of the stream that answers as told, and the client at the other end. */
function converse(answer: (request: { readonly op: string; readonly [key: string]: unknown }) => Answer) {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const requests: string[] = [];
  void (async () => {
    for await (const frame of readFrames(stdin)) {
      if (frame.type !== "J") continue;
      const request = frame.message as { readonly op: string };
      requests.push(request.op);
      for (const part of answer(request)) stdout.write(Buffer.isBuffer(part) ? dataFrame(part) : jsonFrame(part));
    }
  })().catch(() => undefined);
  const dispose = async (): Promise<void> => {
    for (const stream of [stdin, stdout, stderr]) stream.destroy();
  };
  const client = new KeeperClient({ stdin, stdout, stderr, [Symbol.asyncDispose]: dispose });
  return { client, requests, stdout, stderr };
}

const entry = {
  path: "a",
  kind: "file",
  opaque: false,
  mode: 0o644,
  uid: 1,
  gid: 1,
  size: 1,
  mtimeNs: "18446744073709551615",
  nlink: 1,
  ino: "9007199254740993",
  copiedUp: false,
};
const layer = { session: "one", layer: "workspace" };
const failed = { code: "E_KEEPER_FAILED" };

describe("the keeper's client", () => {
  it("keeps numbers that a double cannot hold", async () => {
    const { client } = converse(() => [{ entries: [entry] }, { done: true, count: 1 }]);
    const { value } = await client.listLayer(layer).next();
    expect(value).toMatchObject([
      {
        mtimeNs: 18446744073709551615n,
        inode: "9007199254740993",
        links: 1,
        attributes: [],
      },
    ]);
  });

  it("hands out the contents that follow a list, each with its entry", async () => {
    const entries = [
      { ...entry, size: 2, holds: 2 },
      { ...entry, path: "b" },
      { ...entry, path: "c", size: 3, holds: 3 },
    ];
    const { client } = converse(() => [{ entries }, Buffer.from("oneth"), { done: true, count: 3 }]);
    const { value = [] } = await client.listLayer({ ...layer, contents: 9 }).next();
    expect(
      (value as readonly ListedEntry[]).map(({ path, content }) => [path, content && Buffer.from(content).toString()]),
    ).toEqual([
      ["a", "on"],
      ["b", undefined],
      ["c", "eth"],
    ]);
  });

  it.each([
    ["fewer bytes than announced", [{ entries: [{ ...entry, size: 3, holds: 3 }] }, Buffer.from("ab")]],
    ["more bytes than announced", [{ entries: [{ ...entry, size: 1, holds: 1 }] }, Buffer.from("ab")]],
    ["a content of another size", [{ entries: [{ ...entry, size: 9, holds: 2 }] }, Buffer.from("ab")]],
    ["a folder's content", [{ entries: [{ ...entry, kind: "dir", holds: 1 }] }, Buffer.from("a")]],
    ["no content where one was announced", [{ entries: [{ ...entry, holds: 1 }] }]],
    ["a content that nobody announced", [{ entries: [entry] }, Buffer.from("a")]],
  ])("trusts no list with %s", async (_what, messages) => {
    const { client } = converse(() => [...messages, { done: true, count: 1 }]);
    const all = (async () => {
      for await (const _ of client.listLayer({ ...layer, contents: 9 }));
    })();
    await expect(all).rejects.toMatchObject(failed);
  });

  it.each([
    ["an unknown field", { entries: [{ ...entry, more: 1 }] }],
    ["an unknown kind", { entries: [{ ...entry, kind: "door" }] }],
    ["a missing field", { entries: [{ ...entry, opaque: undefined }] }],
    ["a time that is no number", { entries: [{ ...entry, mtimeNs: "now" }] }],
    ["another message", { hello: true }],
  ])("trusts no list with %s", async (_what, message) => {
    const { client } = converse(() => [message, { done: true, count: 1 }]);
    await expect(client.listLayer(layer).next()).rejects.toMatchObject(failed);
  });

  it("reads the rest of an answer away when its reader stops early", async () => {
    const { client, requests } = converse(({ op }) =>
      op === "layer.list"
        ? [...Array.from({ length: 50 }, () => ({ entries: [entry] })), { done: true, count: 50 }]
        : [{ done: true, exists: true }],
    );
    for await (const _ of client.listLayer(layer)) break;
    expect(await client.sessionExists("one")).toBe(true);
    expect(requests).toEqual(["layer.list", "session.exists"]);
  });

  it("sends the next request only when the one before is answered", async () => {
    const { client, requests } = converse(({ op }) =>
      op === "layer.list" ? [{ entries: [entry] }] : [{ done: true }],
    );
    const list = client.listLayer(layer);
    await list.next();
    const hello = client.hello();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(requests).toEqual(["layer.list"]);
    await client[Symbol.asyncDispose]();
    await expect(hello).rejects.toMatchObject(failed);
  });

  it.each([
    ["damaged", "E_SNAPSHOT_DAMAGED"],
    ["limit", "E_LAYER_LIMIT"],
    ["no_space", "E_DISK_FULL"],
    ["no_permission", "E_KEEPER_FAILED"],
    ["anything", "E_KEEPER_FAILED"],
  ])("gives the error %s its own code", async (code, ours) => {
    const { client } = converse(() => [{ error: { code, message: "why" } }]);
    const verify = client.verifySnapshot({ session: "one", snapshot: "s1" });
    await expect(verify).rejects.toMatchObject({ code: ours, message: "snapshot.verify: why" });
    await expect(client.hello()).rejects.toMatchObject({ code: ours });
  });

  it("says what the program wrote before it died", async () => {
    const { client, stdout, stderr } = converse(() => []);
    const hello = client.hello();
    stderr.write("Traceback\npython3: not found\n");
    setTimeout(() => stdout.end(), 20);
    await expect(hello).rejects.toThrow("python3: not found");
  });

  it("outlives a connection that breaks between two requests until the next one", async () => {
    const { client, stdout } = converse(() => [{ done: true, version: 1 }]);
    await client.hello();
    stdout.destroy(new Error("gone"));
    await new Promise((resolve) => setImmediate(resolve));
    await expect(client.hello()).rejects.toMatchObject(failed);
  });

  it("puts a file together from its pieces, and takes one above the limit for none", async () => {
    const { client } = converse(() => [Buffer.from("ab"), Buffer.from("cd"), { done: true, size: 4 }]);
    const read = (maxBytes: number) => client.readFile({ ...layer, path: "a", maxBytes });
    expect(Buffer.from((await read(4)) ?? []).toString()).toBe("abcd");
    expect(await read(3)).toBeNull();
  });

  it("asks for many hashes in several requests", async () => {
    const paths = Array.from({ length: 200 }, (_, index) => `f${index}`);
    const { client, requests } = converse((request) => [
      ...(request["paths"] as string[]).map((path) => ({ path, sha256: path === "f7" ? null : "0".repeat(64) })),
      { done: true },
    ]);
    const hashes = await client.hashFiles({ ...layer, paths });
    expect([hashes.size, hashes.has("f7")]).toEqual([199, false]);
    expect(requests.length).toBeGreaterThan(1);
  });
});
