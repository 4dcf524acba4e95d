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
        ["aws.call", { service: "ec2", operation: "TerminateInstances", decision: "denied", resources: ["i-1"] }],
        ["snapshot.create", { id: "s2" }],
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
    });
    expect(lines).toHaveLength(20);
    expect(lines[0]?.text).toBe("began over /p, to run npm test");
  });

  test("leaves out no kind, and is not led astray by one that names a property of every object", async () => {
    const { lines } = await accountFor(journal(["constructor", {}], ["some.day", {}], ["tool.call", {}]));
    expect(lines.map(({ text }) => text.split(" ")[0])).toEqual(["constructor", "some.day", "denied"]);
  });
});
