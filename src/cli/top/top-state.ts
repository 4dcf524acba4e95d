import { displayPath } from "../../base/escape.js";
import type { TerminalSize } from "../../model/engine.js";
import type { Observation } from "../../session/top/observe.js";
import { formatSize } from "../render/size.js";
import { widthOf } from "../render/table.js";
import { fitRow, type Look, type Row } from "../screen/frame.js";
import type { Key } from "../screen/keys.js";

/** What the live view shows. */
export interface TopState {
  readonly sessions: readonly Observation[];
  /** The session that the cursor is on: sessions come and go. */
  readonly chosen: string | null;
  readonly size: TerminalSize;
  readonly message: string;
  readonly now: number;
}

export type TopEffect = "approve" | "snapshot" | "reset" | "stop" | "leave" | "pause";

const effects: Readonly<Record<string, TopEffect>> = {
  y: "approve",
  enter: "approve",
  s: "snapshot",
  r: "reset",
  x: "stop",
  q: "leave",
  "ctrl-c": "leave",
  "ctrl-z": "pause",
};

const indexOf = ({ sessions, chosen }: TopState): number =>
  Math.max(
    0,
    sessions.findIndex(({ id }) => id === chosen),
  );

/** The session under the cursor. */
export function chosenSession(state: TopState): Observation | null {
  return state.sessions[indexOf(state)] ?? null;
}

/** A key: another session chosen, or something to be done with the one that is. */
export function pressTopKey(
  state: TopState,
  { name }: Key,
): { readonly state: TopState; readonly effect: TopEffect | null } {
  const quiet = { ...state, message: "" };
  const step = { j: 1, down: 1, k: -1, up: -1 }[name];
  if (step !== undefined) {
    const next = state.sessions[Math.max(0, Math.min(state.sessions.length - 1, indexOf(state) + step))];
    return { state: { ...quiet, chosen: next?.id ?? null }, effect: null };
  }
  return { state: quiet, effect: Object.hasOwn(effects, name) ? (effects[name] ?? null) : null };
}

const percent = (value: number | null): string => (value === null ? "-" : `${Math.round(value)}%`);
const size = (value: number | null): string => (value === null ? "-" : formatSize(value));

function timeLeft(until: number | null, now: number): string {
  if (until === null) return "-";
  const seconds = Math.max(0, Math.round((until - now) / 1_000));
  return seconds >= 60 ? `all ${Math.floor(seconds / 60)}m` : `all ${seconds}s`;
}

const heading = ["SESSION", "STATE", "WAITS", "TRUST", "CPU", "MEMORY", "DISK", "CONN", "COMMAND"];

/** A session's cells, in the order of the heading. */
export function topCells(session: Observation, now: number): string[] {
  const { id, state, waiting, trustAllUntil, cpuPercent, memoryBytes, diskBytes, connections, command } = session;
  return [
    id,
    state,
    waiting === 0 ? "-" : String(waiting),
    timeLeft(trustAllUntil, now),
    percent(cpuPercent),
    size(memoryBytes),
    size(diskBytes),
    String(connections),
    command === null ? "(started)" : displayPath(command.join(" ")),
  ];
}

/** The table's rows as cells, the heading first. */
export function topTable(sessions: readonly Observation[], now: number): string[][] {
  return [heading, ...sessions.map((session) => topCells(session, now))];
}

function tableRows(state: TopState, height: number): Row[] {
  const [head = [], ...rows] = topTable(state.sessions, state.now);
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => widthOf(row[at] ?? ""))));
  const chosen = indexOf(state);
  const from = Math.max(0, Math.min(chosen - height + 2, rows.length - height + 1));
  const draw = (row: readonly string[], mark: string, look: Look): Row => {
    const text = row.map((cell, at) => cell + " ".repeat(Math.max(0, (widths[at] ?? 0) - widthOf(cell)))).join("  ");
    return fitRow([{ text: `${mark}${text}`, ...look }], state.size.columns, look);
  };
  const shown = rows.slice(from, from + Math.max(1, height - 1)).map((row, at) => {
    const session = state.sessions[from + at];
    const look = { reverse: from + at === chosen, bold: (session?.waiting ?? 0) > 0 };
    return draw(row, from + at === chosen ? ">" : " ", look);
  });
  return [draw(head, " ", { bold: true }), ...shown];
}

/** The picture: sessions above, what the chosen one did last below. */
export function drawTop(state: TopState): Row[] {
  const { columns, rows } = state.size;
  const title = ` airlock top  ${state.sessions.length} running`;
  const waiting = state.sessions.reduce((sum, session) => sum + session.waiting, 0);
  const asks = waiting === 0 ? "" : `  ${waiting} waiting for an answer`;
  const titleRow = fitRow([{ text: title + asks, reverse: true, bold: true }], columns, { reverse: true });
  const height = Math.max(2, Math.min(state.sessions.length + 1, Math.floor(rows / 2)));
  const chosen = chosenSession(state);
  const room = Math.max(0, rows - height - 4);
  const events = (chosen?.events ?? []).slice(-room || Number.POSITIVE_INFINITY).slice(0, room);
  const eventRows = events.map(
    ({ at, kind, about }): Row => [
      { text: ` ${at.slice(11, 19)} `, dim: true },
      { text: kind.padEnd(22), colour: "cyan" },
      { text: about },
    ],
  );
  const table = state.sessions.length === 0 ? [[{ text: " nothing runs", dim: true }]] : tableRows(state, height);
  const body: Row[] = [
    ...table,
    [{ text: chosen === null ? "" : ` last events of ${chosen.id}`, bold: true }],
    ...eventRows,
  ];
  const keys = " j k choose  y approve  s snapshot  r reset trust  x stop  q leave";
  return [
    titleRow,
    ...Array.from({ length: Math.max(0, rows - 3) }, (_, at) => body[at] ?? []),
    [{ text: ` ${state.message}`, colour: "yellow", bold: true }],
    [{ text: keys, dim: true }],
  ];
}
