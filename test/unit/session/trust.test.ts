import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { JournalEvent } from "../../../src/model/journal.js";
import type { TrustState } from "../../../src/model/trust.js";
import { endAnyTrustAll } from "../../../src/session/tools/end-any-trust.js";
import { addTrust, beginTrustAll, currentTrust, takeCall } from "../../../src/session/tools/trust-all.js";
import { watchTrust } from "../../../src/session/tools/watch-trust.js";
import type { Workbench } from "../../../src/session/workbench.js";

const record = { id: "brisk-otter-3f2a", workspace: "/work" };
const wish = { seconds: 60, calls: 8, task: null };

describe("what is written down of a session's trust", () => {
  let folder: string;
  let events: JournalEvent[];
  let isFull: boolean;
  let bench: Workbench;
  const path = () => join(folder, "sessions", record.id, "trust.json");
  const stored = () => JSON.parse(readFileSync(path(), "utf8")) as TrustState;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "airlock-trust-"));
    mkdirSync(join(folder, "sessions", record.id), { recursive: true });
    events = [];
    isFull = false;
    bench = {
      home: { path: folder, id: "home" },
      signal: new AbortController().signal,
      recorder: () => async (event: JournalEvent) => {
        if (isFull) throw new Error("the disk is full");
        events.push(event);
      },
    } as unknown as Workbench;
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("does not hold before it is in the journal", async () => {
    await addTrust(bench, record, [{ tool: "write", pattern: null, action: "deny", origin: "airlock tools" }]);
    const before = stored();
    isFull = true;
    await expect(beginTrustAll(bench, record, "s1", wish)).rejects.toThrow("full");
    await expect(
      addTrust(bench, record, [{ tool: "shell", pattern: null, action: "allow", origin: "airlock tools" }]),
    ).rejects.toThrow("full");
    expect(stored()).toEqual(before);
  });

  it("loses no call when many are taken at once, and gives none twice", async () => {
    await beginTrustAll(bench, record, "s1", wish);
    const taken = await Promise.all(Array.from({ length: 12 }, () => takeCall(bench, record)));
    expect(taken.filter(Boolean)).toHaveLength(8);
    expect(stored().trustAll?.callsLeft).toBe(0);
    expect((await currentTrust(bench, record)).trustAll).toBeNull();
    expect(events.at(-1)).toMatchObject({ kind: "trust.reset", data: { reason: "its last call was made" } });
  });

  it("is no trust in everything any more after an alarm, and what was trusted before is", async () => {
    await addTrust(bench, record, [{ tool: "shell", pattern: "git *", action: "allow", origin: "airlock tools" }]);
    const { rules } = stored();
    await beginTrustAll(bench, record, "s1", wish);
    await endAnyTrustAll(bench, record, "the sandbox was sealed");
    expect(stored()).toMatchObject({ rules, trustAll: null });
    expect(events.map(({ kind }) => kind)).toEqual(["trust.change", "trust.all", "trust.reset"]);
    await endAnyTrustAll(bench, record, "the sandbox was sealed");
    expect(events).toHaveLength(3);
  });

  it("is left alone by an alarm when there is none, or when it cannot be read", async () => {
    await endAnyTrustAll(bench, record, "the sandbox was sealed");
    expect(() => stored()).toThrow("ENOENT");
    writeFileSync(path(), "{");
    await endAnyTrustAll(bench, record, "the sandbox was sealed");
    expect(readFileSync(path(), "utf8")).toBe("{");
    await expect(currentTrust(bench, record)).rejects.toThrow("cannot be read");
    expect(events).toEqual([]);
  });

  it.each([
    '{"version":2,"workspace":"/work","rules":[],"trustAll":null}',
    '{"version":1,"workspace":"/work","rules":[],"trustAll":null,"extra":1}',
    '{"version":1,"workspace":"/work","rules":[{"tool":"Shell","pattern":null,"action":"allow","origin":"x"}],"trustAll":null}',
    '{"version":1,"workspace":"/work","rules":[{"tool":"shell","action":"allow","origin":"x"}],"trustAll":null}',
    '{"version":1,"workspace":"/work","rules":[],"trustAll":{"since":0,"until":"never","callsLeft":null,"task":null,"snapshot":"s1"}}',
    "[]",
    "",
  ])("trusts nothing when it is %s", async (text) => {
    writeFileSync(path(), text);
    await expect(currentTrust(bench, record)).rejects.toMatchObject({ code: "E_STATE_DAMAGED" });
  });

  it("is ended when its time is over though no call comes, and who watches is told once", async () => {
    await beginTrustAll(bench, record, "s1", { ...wish, seconds: 0.3 });
    const told: string[] = [];
    await using watch = watchTrust(bench, record, ({ reason, snapshot }) => told.push(`${reason} ${snapshot}`));
    await watch.look();
    expect([told, stored().trustAll?.snapshot]).toEqual([[], "s1"]);
    await vi.waitFor(() => expect(told).toHaveLength(1), { timeout: 5_000 });
    expect(stored().trustAll).toBeNull();
    expect(events.map(({ kind }) => kind)).toEqual(["trust.all", "trust.reset", "trust.account"]);
    expect(events[1]?.data).toMatchObject({ reason: "its time is over" });
    await watch.look();
    expect(told).toEqual([expect.stringMatching(/ s1$/)]);
  });

  it("that another ended is told of, too, but not what who watches ended itself", async () => {
    await beginTrustAll(bench, record, "s1", wish);
    const told: string[] = [];
    await using watch = watchTrust(bench, record, ({ snapshot }) => told.push(snapshot));
    await watch.look();
    // Renewed, so it has not ended.
    await beginTrustAll(bench, record, "s1", wish);
    await watch.look();
    expect(told).toEqual([]);
    await endAnyTrustAll(bench, record, "the sandbox was sealed");
    await watch.look();
    expect(told).toEqual(["s1"]);
    await beginTrustAll(bench, record, "s2", wish);
    await watch.look();
    await endAnyTrustAll(bench, record, "the sandbox was sealed");
    await watch.look(false);
    await watch.look();
    expect(told).toEqual(["s1"]);
  });
});
