import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { paintRow } from "../../../src/cli/screen/frame.js";
import { chosenSession, drawTop, pressTopKey, type TopState, topCells } from "../../../src/cli/top/top-state.js";
import type { Observation } from "../../../src/session/top/observe.js";

const session = (id: string, more: Partial<Observation> = {}): Observation => ({
  id,
  project: "/p",
  command: ["my-agent", "do it"],
  state: "running",
  createdAt: "2026-01-31T12:00:00.000Z",
  trustAllUntil: null,
  waiting: 0,
  cpuPercent: 12.4,
  memoryBytes: 3 * 1024 * 1024,
  processes: 3,
  diskBytes: null,
  connections: 2,
  events: [{ at: "2026-01-31T12:00:01.000Z", kind: "tool.call", about: "shell allow" }],
  ...more,
});
const stateOf = (...sessions: Observation[]): TopState => ({
  sessions,
  chosen: null,
  size: { columns: 100, rows: 20 },
  message: "",
  now: 0,
});
// biome-ignore lint/suspicious/noControlCharactersInRegex: our own sequences are made of them
const ours = /\u001b\[[\d;]*m/g;
const picture = (state: TopState): string =>
  drawTop(state)
    .map((row) => paintRow(row, state.size.columns, true).replace(ours, ""))
    .join("\n");

describe("the live view", () => {
  it("tells what a session uses, what waits and how long everything is trusted", () => {
    const busy = session("a", { waiting: 2, trustAllUntil: 90_000, diskBytes: 0 });
    expect(topCells(busy, 0)).toEqual(["a", "running", "2", "all 1m", "12%", "3.0 MiB", "0 B", "2", "my-agent do it"]);
    expect(topCells(session("a", { cpuPercent: null, memoryBytes: null }), 0).slice(3, 7)).toEqual([
      "-",
      "-",
      "-",
      "-",
    ]);
    expect(picture(stateOf(busy))).toMatch(
      /1 running {2}2 waiting for an answer[\s\S]*last events of a[\s\S]*12:00:01 tool\.call +shell allow/,
    );
  });

  it("keeps to the session that was chosen when others come and go", () => {
    const state = pressTopKey(stateOf(session("a"), session("b")), { name: "j" }).state;
    expect(chosenSession(state)?.id).toBe("b");
    expect(chosenSession({ ...state, sessions: [session("new"), session("a"), session("b")] })?.id).toBe("b");
    expect(chosenSession({ ...state, sessions: [session("a")] })?.id).toBe("a");
    expect(chosenSession({ ...state, sessions: [] })).toBeNull();
  });

  it.each([
    ["y", "approve"],
    ["s", "snapshot"],
    ["r", "reset"],
    ["x", "stop"],
    ["q", "leave"],
    ["paste", null],
    ["constructor", null],
  ])("takes %s for %s", (name, effect) => expect(pressTopKey(stateOf(session("a")), { name }).effect).toBe(effect));

  it("shows hostile commands and reasons as text, on a screen of any size", () => {
    const size = { columns: fc.integer({ min: 1, max: 200 }), rows: fc.integer({ min: 1, max: 60 }) };
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        fc.record(size),
        fc.integer({ min: 0, max: 40 }),
        (text, place, count) => {
          const events = [{ at: text, kind: text, about: text }];
          const all = Array.from({ length: count }, (_, at) => session(`s${at}`, { command: [text], events }));
          const rows = drawTop({ ...stateOf(...all), size: place, chosen: "s7", message: text });
          expect(rows.map((row) => paintRow(row, place.columns, true).replace(ours, "")).join("")).not.toMatch(
            /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u,
          );
        },
      ),
    );
    expect(picture(stateOf(session("a", { command: ["\u001b[2J"] })))).toContain("\\x1b[2J");
  });
});
