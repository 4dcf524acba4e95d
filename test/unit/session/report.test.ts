import { describe, expect, test } from "vitest";
import { type JournalEntry, makeEntry } from "../../../src/journal/entry.js";
import { accountFor } from "../../../src/session/report.js";

async function* journal(...events: readonly (readonly [string, Readonly<Record<string, unknown>>])[]) {
  let last: JournalEntry | null = null;
  for (const [kind, data] of events) {
    last = makeEntry({ kind, data }, last, { at: new Date(0), up: 0 });
    yield last;
  }
}

describe("a report", () => {
  test("counts what was asked, decided, run, connected, applied and undone, and tells it in order", async () => {
    const { lines, totals } = await accountFor(
      journal(
        ["session.create", { project: "/p", command: ["npm", "test"] }],
        ["trust.all", { snapshot: "s1" }],
        ["question.asked", { question: "q1" }],
        ["tool.call", { tool: "shell", decision: "allow", by: "terminal", rule: "ask" }],
        ["tool.call", { tool: "write", decision: "deny", by: "policy", rule: "deny" }],
        ["command.start", { command: ["ls"] }],
        ["network.connection", { name: "host.test", port: 443, decision: "allowed", rule: "r" }],
        ["network.connection", { name: "bad.test", port: 443, decision: "denied", rule: "r" }],
        ["network.refusals", { name: "bad.test", port: 443, times: 7 }],
        ["aws.call", { service: "ec2", operation: "RunInstances", decision: "asked-allowed", resources: [] }],
        ["aws.result", { status: 200, error: null, created: ["i-1"], changed: [], deleted: [] }],
        ["aws.result", { status: 403, error: "AccessDenied", created: ["i-2"], changed: [], deleted: [] }],
        ["aws.call", { service: "ec2", operation: "TerminateInstances", decision: "denied", resources: ["i-1"] }],
        ["snapshot.create", { id: "s2" }],
        ["changes.found", { added: 9, modified: 0, deleted: 0, type: 0, mode: 0, highRisk: 0, conflicts: 0 }],
        ["changes.found", { added: 2, modified: 1, deleted: 1, type: 1, mode: 1, highRisk: 0, conflicts: 0 }],
        ["apply.begin", { apply: "a", paths: 2 }],
        ["apply.done", { apply: "a" }],
        ["apply.begin", { apply: "c", paths: 1 }],
        ["apply.failed", { apply: "c", why: "full" }],
        ["undo.begin", { apply: "b", undoes: "a" }],
        ["undo.done", { apply: "b" }],
        ["session.discarded", { clean: true }],
      ),
    );
    expect(totals).toEqual({
      asked: 1,
      allowed: 1,
      denied: 1,
      ran: 2,
      connected: 1,
      refused: 8,
      awsCalls: 1,
      awsRefused: 1,
      awsChanges: 1,
      applied: 1,
      undone: 1,
      snapshots: 1,
      trustAllPeriods: 1,
      isDiscarded: true,
      changed: { added: 2, modified: 3, deleted: 1 },
      toolSeconds: 0,
      commandSeconds: 0,
      seconds: 0,
    });
    expect(lines).toHaveLength(23);
    expect(lines[0]?.text).toBe("began over /p, to run npm test");
  });

  test("leaves out no kind, and is not led astray by one that names a property of every object", async () => {
    const { lines } = await accountFor(journal(["constructor", {}], ["some.day", {}], ["tool.call", {}]));
    expect(lines.map(({ text }) => text.split(" ")[0])).toEqual(["constructor", "some.day", "denied"]);
  });

  test("adds up times by the clock that nobody sets, and knows where in which recording it was", async () => {
    const day = (seconds: number) => new Date(seconds * 1_000);
    const moments: [string, Readonly<Record<string, unknown>>, { at: Date; up: number }][] = [
      ["session.create", { command: null }, { at: day(1_000), up: 5_000_000 }],
      ["cast.start", { cast: "1.cast", up: 5_500_000 }, { at: day(1_000), up: 5_600_000 }],
      ["command.start", { exec: "e", command: ["ls"] }, { at: day(5), up: 6_000_000 }],
      ["tool.result", { tool: "read", ms: 250 }, { at: day(9_999), up: 7_500_000 }],
      ["cast.end", { cast: "1.cast", seconds: 2.5, bytes: 99, cut: null }, { at: day(9_999), up: 8_000_000 }],
      ["command.end", { exec: "e" }, { at: day(9_999), up: 8_000_000 }],
      // The machine was started anew.
      ["cast.start", { cast: "2.cast", up: 90 }, { at: day(10_009), up: 100 }],
    ];
    async function* told() {
      let last: JournalEntry | null = null;
      for (const [kind, data, moment] of moments) {
        last = makeEntry({ kind, data }, last, moment);
        yield last;
      }
    }
    const { totals, casts, lines } = await accountFor(told());
    expect(totals).toMatchObject({ toolSeconds: 0.25, commandSeconds: 2, seconds: 13 });
    expect(casts).toMatchObject([
      { cast: "1.cast", isEnded: true, seconds: 2.5, bytes: 99, cut: null },
      { cast: "2.cast", isEnded: false, seconds: null },
    ]);
    expect(lines[3]?.casts).toEqual([{ cast: "1.cast", seconds: 2 }]);
    expect(lines[5]?.casts).toBeUndefined();
  });
});
