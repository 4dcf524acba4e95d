import { text } from "node:stream/consumers";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Frame, jsonFrame, readFrames } from "../../src/workspace/frames.js";
import { attributes, mayTest, startKeeper, type TestKeeper, TestStore } from "./store-fixture.js";

/** Speaks frames by itself: what no client of ours would say. */
class RawConnection implements AsyncDisposable {
  readonly keeper: TestKeeper;
  readonly #frames: AsyncGenerator<Frame, void, void>;

  constructor(store: string) {
    this.keeper = startKeeper(store);
    this.keeper.stdin.on("error", () => undefined);
    this.#frames = readFrames(this.keeper.stdout);
  }

  send(bytes: Uint8Array): void {
    this.keeper.stdin.write(bytes);
  }

  async answer(): Promise<unknown> {
    const { value } = await this.#frames.next();
    return value?.type === "J" ? value.message : value;
  }

  ask(message: unknown): Promise<unknown> {
    this.send(jsonFrame(message));
    return this.answer();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.keeper[Symbol.asyncDispose]();
  }
}

const isRefused = { error: { code: "bad_request", message: expect.any(String) } };

describe.skipIf(!mayTest)("the keeper's protocol (as root)", () => {
  let store: TestStore;
  let raw: RawConnection;

  beforeAll(async () => {
    store = await TestStore.with("workspace", "home");
    raw = new RawConnection(store.path);
  });

  afterAll(async () => {
    await raw[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  });

  const layer = { name: "workspace", ...attributes };
  const create = { op: "session.create", session: "two", record: {}, layers: [layer], masks: {} };

  it.each([
    {},
    { op: "nothing" },
    { op: "__class__" },
    { op: 5 },
    { op: "hello", more: 1 },
    { op: "session.exists" },
    { op: "session.exists", session: "../one" },
    { op: "session.exists", session: "one\n" },
    { op: "session.exists", session: "One" },
    { op: "session.exists", session: "a" },
    { op: "session.exists", session: "a".repeat(64) },
    { op: "session.exists", session: ["one"] },
    { op: "session.delete", session: ".." },
    { op: "session.delete", session: "" },
    { op: "layer.list", session: "one", layer: "upper" },
    { op: "layer.list", session: "one", layer: "path-0" },
    { op: "layer.list", session: "one", layer: "workspace/../../home" },
    { op: "layer.list", session: "one", layer: "workspace", maxEntries: -1 },
    { op: "layer.list", session: "one", layer: "workspace", maxEntries: true },
    { op: "layer.list", session: "one", layer: "workspace", hash: 1 },
    { op: "layer.hash", session: "one", layer: "workspace", paths: "a" },
    { op: "layer.hash", session: "one", layer: "workspace", paths: ["a/../b"] },
    { op: "layer.hash", session: "one", layer: "workspace", paths: ["\ud800"] },
    { op: "layer.heads", session: "one", layer: "workspace", paths: ["a"], bytes: 65_537 },
    { op: "layer.read", session: "one", layer: "workspace", path: "a", offset: 1.5 },
    { op: "layer.read", session: "one", layer: "workspace", path: "a", from: "mask" },
    { op: "layer.read", session: "one", layer: "workspace", path: "a", from: "snapshot" },
    { op: "layer.read", session: "one", layer: "workspace", path: "a", snapshot: "s1" },
    { op: "layer.reset", session: "one", layers: [] },
    { op: "layer.reset", session: "one", layers: ["home", "home"] },
    { op: "snapshot.create", session: "one", snapshot: "s01", layers: ["home"] },
    { op: "snapshot.delete", session: "one", snapshot: "../../layers" },
    { op: "snapshot.verify", session: "one", snapshot: "s1", manifestSha256: "x" },
    { ...create, layers: [layer, layer] },
    { ...create, layers: [] },
    { ...create, layers: [{ ...layer, mode: 0o10000 }] },
    { ...create, layers: [{ ...layer, uid: 2 ** 32 - 1 }] },
    { ...create, layers: [{ ...layer, mtimeNs: 5 }] },
    { ...create, layers: [{ ...layer, more: 5 }] },
    { ...create, record: "text" },
    { ...create, masks: { home: { folders: [], hidden: [] } } },
    { ...create, masks: { workspace: { folders: [], hidden: ["a/b"] } } },
    { ...create, masks: { workspace: { folders: [], hidden: ["../upper/x"] } } },
    { ...create, masks: { workspace: { folders: [{ path: "a", ...attributes }], hidden: ["a"] } } },
    { ...create, masks: { workspace: { hidden: [] } } },
  ])("refuses %j and goes on", async (message) => {
    expect(await raw.ask(message)).toEqual(isRefused);
    expect(await raw.ask({ op: "hello" })).toEqual({ done: true, version: 1 });
  });

  it("refuses any message of a known op with fields of any kind, without harm", async () => {
    const ops = ["session.create", "session.record", "layer.mask", "layer.reset", "snapshot.restore", "usage", "watch"];
    const value = fc.jsonValue({ maxDepth: 3 });
    const before = await store.client.listSessions();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...ops), fc.dictionary(fc.string(), value), async (op, fields) => {
        expect(await raw.ask({ session: "x/", ...fields, op })).toEqual(isRefused);
      }),
      { numRuns: 60 },
    );
    expect(await store.client.listSessions()).toEqual(before);
  });

  it("says what is missing", async () => {
    const missing = { error: { code: "not_found", message: expect.any(String) } };
    expect(await raw.ask({ op: "usage", session: "nobody" })).toEqual(missing);
    expect(await raw.ask({ op: "layer.list", session: "one", layer: "path-7" })).toEqual(missing);
    expect(await raw.ask({ op: "snapshot.verify", session: "one", snapshot: "s9" })).toEqual(missing);
    expect(await raw.ask(create)).toEqual({ done: true });
    expect(await raw.ask(create)).toEqual({ error: { code: "exists", message: expect.any(String) } });
    expect(await raw.ask({ op: "session.delete", session: "two" })).toEqual({ done: true });
  });

  it("refuses a message that is not JSON and goes on", async () => {
    for (const payload of ["{", "\xff\xfe", "[".repeat(100_000), "null", "[]", "5"]) {
      const head = Buffer.alloc(5);
      head.writeUInt32BE(Buffer.byteLength(payload, "latin1") + 1);
      head.write("J", 4);
      raw.send(Buffer.concat([head, Buffer.from(payload, "latin1")]));
      expect(await raw.answer()).toEqual(isRefused);
    }
    expect(await raw.ask({ op: "hello" })).toEqual({ done: true, version: 1 });
  });

  it.each([
    ["an unknown type", Buffer.from([0, 0, 0, 2, 0x58, 1])],
    ["a length of nothing", Buffer.from([0, 0, 0, 0, 0x4a])],
    ["a frame above the limit", Buffer.from([0xff, 0xff, 0xff, 0xff, 0x4a])],
    ["data above the limit", Buffer.from([0, 0x10, 0, 0, 0x44])],
    ["data without a request", Buffer.from([0, 0, 0, 2, 0x44, 1])],
  ])("ends a connection with %s", async (_what, bytes) => {
    const lost = new RawConnection(store.path);
    lost.send(bytes);
    expect(await lost.answer()).toEqual(isRefused);
    expect(await lost.keeper.ended).toBe(2);
  });

  it("ends quietly at half a frame", async () => {
    const half = startKeeper(store.path);
    half.stdin.end(Buffer.from([0, 0, 1]));
    expect([await text(half.stdout), await half.ended]).toEqual(["", 0]);
  });

  it("keeps a copy of the session's record", async () => {
    const record = { version: 1, odd: "\udcff", list: [1, null] };
    await store.client.writeRecord("one", record);
    expect(await store.client.readRecord("one")).toEqual(record);
  });

  it("answers requests in the order in which they were made", async () => {
    const answers: number[] = [];
    await Promise.all(
      [0, 1, 2, 3].map(async (number) => {
        await (number % 2 === 0 ? store.client.usage("one") : store.client.sessionExists("one"));
        answers.push(number);
      }),
    );
    expect(answers).toEqual([0, 1, 2, 3]);
  });
});
