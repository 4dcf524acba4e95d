import { describe, expect, it } from "vitest";
import type { SessionRecord } from "../../../src/model/session.js";
import { forksFirst, forkUses } from "../../../src/session/forks.js";
import { sessionRecordSchema } from "../../../src/session/record-schema.js";

function record(id: string, lower?: SessionRecord["lower"], state: SessionRecord["state"] = "stopped"): SessionRecord {
  return sessionRecordSchema.parse({
    version: 1,
    id,
    createdAt: "2026-01-01T00:00:00.000Z",
    baseTimeMs: 1,
    project: { path: "/p", device: "1", inode: "2" },
    workspace: "/p",
    engine: "unix:///run/docker.sock",
    image: { reference: "r", id: "i" },
    user: "agent",
    uid: 1000,
    gid: 1000,
    runtime: null,
    limits: { memoryBytes: 1, cpus: 1, pids: 1, diskBytes: 1, timeoutSeconds: 0 },
    layers: [],
    paths: [],
    hidden: [],
    state,
    container: null,
    rootImage: null,
    generation: 1,
    command: null,
    lastExit: null,
    proof: null,
    nextSnapshot: 1,
    ...(lower === undefined ? {} : { lower }),
  });
}

const parent = record("one");
const child = record("two", [{ session: "one", snapshot: "s1" }]);
const grandchild = record("three", [{ session: "two", snapshot: "s2" }, ...(child.lower ?? [])]);

describe("what forks need", () => {
  it("is each snapshot below them, as long as something of them is left", () => {
    const gone = record("four", [{ session: "one", snapshot: "s9" }], "discarded");
    const leaving = record("five", [{ session: "one", snapshot: "s3" }], "discarding");
    expect(forkUses([parent, child, grandchild, gone, leaving])).toEqual([
      { fork: "two", session: "one", snapshot: "s1" },
      { fork: "three", session: "two", snapshot: "s2" },
      { fork: "three", session: "one", snapshot: "s1" },
      { fork: "five", session: "one", snapshot: "s3" },
    ]);
  });

  it("goes after them", () => {
    expect(forksFirst([parent, child, grandchild]).map(({ id }) => id)).toEqual(["three", "two", "one"]);
  });

  it("is read strictly", () => {
    for (const lower of [{ session: "../one", snapshot: "s1" }, { session: "one", snapshot: "s0" }, { session: "one" }])
      expect(() => record("two", [lower as never])).toThrow();
  });
});
