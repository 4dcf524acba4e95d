import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Retention } from "../../../src/config/retention.js";
import type { SnapshotRecord } from "../../../src/model/session.js";
import { planRetention } from "../../../src/session/auto/plan-retention.js";

const day = 86_400_000;
const now = Date.parse("2026-11-24T00:00:00.000Z");
const none: Retention = { keep: 0, maxAgeSeconds: 0, maxBytes: 0, appliesTo: "auto" };

const snapshot = (id: string, reason: SnapshotRecord["reason"], daysOld = 0): SnapshotRecord => ({
  id,
  createdAt: new Date(now - daysOld * day).toISOString(),
  message: "",
  reason,
  files: 0,
  bytes: 0,
  manifestSha256: null,
  image: null,
});

const list = [
  snapshot("s1", "auto", 9),
  snapshot("s2", "request", 8),
  snapshot("s3", "auto", 6),
  snapshot("s4", "trust-all", 5),
  snapshot("s5", "auto", 2),
  snapshot("s6", "auto", 1),
];
const sizes = new Map(list.map(({ id }, index) => [id, 10 * (index + 1)]));

const gone = (retention: Partial<Retention>, held: readonly string[] = [], bytes: typeof sizes | null = sizes) =>
  planRetention(list, { ...none, ...retention }, { now, held: new Set(held), bytes }).map(
    (each) => `${each.snapshot} ${each.why}`,
  );

describe("snapshots that are kept no longer", () => {
  test.each<[string, Partial<Retention>, string[]]>([
    ["none without a bound", {}, []],
    ["by number, the oldest first", { keep: 2 }, ["s1 count", "s3 count"]],
    ["by age, even the last one", { maxAgeSeconds: 86_400 / 2 }, ["s1 age", "s3 age", "s5 age", "s6 age"]],
    ["by size, until the rest fits", { maxBytes: 115 }, ["s1 size", "s3 size"]],
    ["by size, never the newest", { maxBytes: 1 }, ["s1 size", "s3 size", "s5 size"]],
    [
      "by each bound in turn",
      { keep: 3, maxAgeSeconds: 5.5 * 86_400, maxBytes: 60 },
      ["s1 count", "s3 age", "s5 size"],
    ],
    ["those that a person made, when told so", { keep: 3, appliesTo: "all" }, ["s1 count", "s2 count", "s3 count"]],
  ])("%s", (_name, retention, expected) => {
    expect(gone(retention)).toEqual(expected);
  });

  test("are never what something else lies on, and that counts for nobody's number", () => {
    expect(gone({ keep: 2 }, ["s1"])).toEqual(["s3 count"]);
    expect(gone({ keep: 1, maxBytes: 1, appliesTo: "all" }, ["s1", "s2", "s3", "s4", "s5", "s6"])).toEqual([]);
  });

  test("are none by size where sizes are not known", () => {
    expect(gone({ maxBytes: 1 }, [], null)).toEqual([]);
    expect(gone({ maxBytes: 1, keep: 3 }, [], null)).toEqual(["s1 count"]);
  });

  test("leave what fits every bound, and nothing of a person's goes", () => {
    const reason = fc.constantFrom("auto", "request", "restore", "trust-all");
    const one = fc.record({ reason, days: fc.integer({ min: 0, max: 30 }), bytes: fc.integer({ min: 0, max: 100 }) });
    const bounds = fc.record({
      keep: fc.integer({ min: 0, max: 8 }),
      maxAgeSeconds: fc.integer({ min: 0, max: 30 * 86_400 }),
      maxBytes: fc.integer({ min: 0, max: 500 }),
    });
    void fc.assert(
      fc.property(fc.array(one, { maxLength: 20 }), bounds, (made, said) => {
        const sorted = made.toSorted((a, b) => b.days - a.days);
        const all = sorted.map((each, index) => snapshot(`s${index + 1}`, each.reason, each.days));
        const bytes = new Map(all.map(({ id }, index) => [id, sorted[index]?.bytes ?? 0]));
        const plan = planRetention(all, { ...none, ...said }, { now, held: new Set(), bytes });
        const out = new Set(plan.map((each) => each.snapshot));
        const left = all.filter(({ id, reason: why }) => why === "auto" && !out.has(id));
        for (const { id, reason: why } of all) if (out.has(id)) expect(why).toBe("auto");
        if (said.keep > 0) expect(left.length).toBeLessThanOrEqual(said.keep);
        const oldest = Math.max(0, ...left.map(({ createdAt }) => now - Date.parse(createdAt)));
        if (said.maxAgeSeconds > 0) expect(oldest).toBeLessThanOrEqual(said.maxAgeSeconds * 1_000);
        const size = left.reduce((sum, { id }) => sum + (bytes.get(id) ?? 0), 0);
        if (said.maxBytes > 0 && left.length > 1) expect(size).toBeLessThanOrEqual(said.maxBytes);
        if (said.keep + said.maxAgeSeconds + said.maxBytes === 0) expect(plan).toEqual([]);
      }),
    );
  });
});
