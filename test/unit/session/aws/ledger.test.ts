import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hasDangerousCharacters } from "../../../../src/base/escape.js";
import { formatLedger } from "../../../../src/cli/render/aws-ledger.js";
import type { JournalEntry } from "../../../../src/journal/entry.js";
import { readLedger } from "../../../../src/session/aws/ledger.js";

const at = "2026-03-01T10:00:00.000Z";
const entry = (kind: string, data: Record<string, unknown>, seq = 1): JournalEntry => ({
  ...{ seq, at, kind, data, prev: "0".repeat(64), hash: "0".repeat(64) },
});
const called = (call: number, changes: Record<string, unknown> = {}): JournalEntry =>
  entry("aws.call", {
    ...{ call, service: "ec2", operation: "RunInstances", actions: ["ec2:RunInstances"], level: "write" },
    ...{ region: "eu-central-1", account: "123456789012", resources: [], decision: "allowed", rule: "level write" },
    by: "alice",
    ...changes,
  });
const ended = (call: number, changes: Record<string, unknown> = {}): JournalEntry =>
  entry("aws.result", { call, status: 200, error: null, created: [], changed: [], deleted: [], ms: 3, ...changes });

async function* stream(entries: readonly JournalEntry[]): AsyncGenerator<JournalEntry> {
  yield* entries;
}

const read = (...entries: JournalEntry[]) => readLedger(stream(entries));

describe("the ledger", () => {
  test("tells what was created by the ids that AWS answered", async () => {
    const ledger = await read(called(1), ended(1, { created: ["i-1", "i-2"] }));
    expect(ledger.done).toMatchObject([{ created: ["i-1", "i-2"], status: 200 }]);
    expect(formatLedger(ledger)).toContain("created  ec2:RunInstances  eu-central-1  i-1, i-2");
  });

  test("counts what only looks and lists none of it", async () => {
    const ledger = await read(called(1, { level: "list", operation: "DescribeInstances" }), ended(1));
    expect([ledger.read, ledger.done]).toEqual([1, []]);
    expect(formatLedger(ledger)).toBe("AWS: 1 call in account 123456789012: 1 read, 0 changed something, 0 denied");
  });

  test("says of a call without an answer that it is not known what became of it", async () => {
    const ledger = await read(called(1, { resources: ["i-7"] }));
    expect(ledger.unknown).toHaveLength(1);
    expect(formatLedger(ledger)).toContain("perhaps  ec2:RunInstances  eu-central-1  i-7  [no answer came]");
  });

  test("keeps apart what AWS refused, what the policy denied and what a dry run kept back", async () => {
    const ledger = await read(
      ...[called(1), ended(1, { status: 403, error: "UnauthorizedOperation" })],
      ...[
        called(2, { decision: "denied", rule: "irreversible" }),
        called(3, { decision: "denied", rule: "irreversible" }),
      ],
      called(4, { decision: "would-have" }),
      called(5, { decision: "asked-denied", rule: "level write" }),
    );
    expect(ledger.failed.map(({ call }) => call)).toEqual([1]);
    expect(ledger.denied.map(({ call }) => call)).toEqual([2, 3, 5]);
    expect(ledger.wouldHave.map(({ call }) => call)).toEqual([4]);
    expect(formatLedger(ledger)).toContain("[irreversible] (2 times)");
  });

  test("gives a result to the last call of its number, because a gateway that is started again counts anew", async () => {
    const ledger = await read(called(1, { operation: "First" }), called(1, { operation: "Second" }), ended(1));
    expect(ledger.unknown.map(({ operation }) => operation)).toEqual(["First"]);
    expect(ledger.done.map(({ operation }) => operation)).toEqual(["Second"]);
  });

  test("leaves other entries alone, and takes none that is not as it is written down", async () => {
    expect((await read(entry("wall.proved", {}))).calls).toEqual([]);
    await expect(read(entry("aws.call", { call: "1" }))).rejects.toMatchObject({ code: "E_JOURNAL_DAMAGED" });
  });

  test("shows nothing of an id that could drive a terminal", async () => {
    const ledger = await read(called(1, { resources: ["\u001b[2J"] }), ended(1, { created: ["i\u202e\n1"] }));
    expect(hasDangerousCharacters(formatLedger(ledger).replaceAll("\n", ""))).toBe(false);
    expect(formatLedger(ledger).split("\n")).toHaveLength(2);
  });

  test("has every call that changes something in exactly one of its lists", async () => {
    const decisions = ["allowed", "asked-allowed", "asked-denied", "denied", "would-have"];
    const one = fc.record({
      decision: fc.constantFrom(...decisions),
      level: fc.constantFrom("list", "read", "write", "tagging", "permissions", "unknown"),
      status: fc.constantFrom(null, 200, 204, 403, 500, undefined),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(one, { maxLength: 20 }), async (all) => {
        const entries = all.flatMap(({ decision, level, status }, index) => [
          called(index, { decision, level }),
          ...(status === undefined ? [] : [ended(index, { status })]),
        ]);
        const { calls, done, unknown, failed, denied, wouldHave, read: looked } = await read(...entries);
        const listed = [done, unknown, failed, denied, wouldHave].flat().map(({ call }) => call);
        expect(new Set(listed).size).toBe(listed.length);
        expect(listed.length + looked).toBe(calls.length);
      }),
    );
  });
});
