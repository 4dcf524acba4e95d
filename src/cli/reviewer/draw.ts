import { displayPath } from "../../base/escape.js";
import type { Change } from "../../model/change.js";
import { countOf } from "../render/size.js";
import { fitRow, type Row, type Span } from "../screen/frame.js";
import { drawDiff } from "./draw-diff.js";
import { drawText } from "./draw-text.js";
import { type ListRow, pathsOf } from "./list-rows.js";
import { bodyRows, currentChange, listColumns, type ReviewerState } from "./state.js";

const letters = { added: "A", modified: "M", deleted: "D", type: "T", mode: "P" } as const;

/** The picture of a state: as many rows as the screen has. Only what is in sight is looked at. */
export function drawReviewer(state: ReviewerState): Row[] {
  return [titleRow(state), ...drawBody(state), ...detailRows(state), keyRow(state)].slice(0, state.size.rows);
}

function titleRow(state: ReviewerState): Row {
  const { changes, staged, filter, session, size } = state;
  const high = changes.filter(({ risk }) => risk.level === "high").length;
  const risk = high === 0 ? "" : `, ${high} of high risk`;
  const shown = filter === "all" ? "" : `  only ${filter}`;
  const open = state.focus === "diff" && listColumns(size) === null ? currentChange(state) : null;
  if (open !== null) {
    const name = ` ${open.kind} ${displayPath(open.path)}  ${boxOf(state, [open.path])}`;
    return fitRow([{ text: name, bold: true, reverse: true }], size.columns, { reverse: true });
  }
  const text = ` airlock review ${session}${shown}  ${countOf(changes.length, "change")}${risk}  ${staged.size} staged`;
  return fitRow([{ text, bold: true, reverse: true }], size.columns, { reverse: true });
}

function drawBody(state: ReviewerState): Row[] {
  const height = bodyRows(state.size);
  const { columns } = state.size;
  const filled = (rows: readonly Row[]): Row[] => Array.from({ length: height }, (_, at) => rows[at] ?? []);
  if (state.mode.kind === "text") return filled(drawText(state, state.mode, columns, height));
  const list = listColumns(state.size);
  if (list === null) {
    return filled(state.focus === "list" ? drawList(state, columns, height) : drawDiff(state, columns, height));
  }
  const right = filled(drawDiff(state, columns - list - 1, height));
  return filled(drawList(state, list, height)).map((row, at) => [
    ...fitRow(row, list),
    { text: "│", dim: true, column: list + 1 },
    ...(right[at] ?? []),
  ]);
}

function drawList(state: ReviewerState, columns: number, height: number): Row[] {
  if (state.rows.length === 0) {
    const why = state.changes.length === 0 ? "nothing is left to apply" : "nothing of this kind: f shows others";
    return [[{ text: `  ${why}`, dim: true }]];
  }
  return state.rows.slice(state.top, state.top + height).map((row, at) => {
    const isCurrent = state.top + at === state.at;
    const spans = listRow(state, row);
    const look = { reverse: isCurrent && state.focus === "list", underline: isCurrent && state.focus === "diff" };
    return fitRow(
      [{ text: isCurrent ? ">" : " " }, ...spans].map((span) => ({ ...span, ...look })),
      columns,
      look,
    );
  });
}

function boxOf(state: ReviewerState, paths: readonly string[]): string {
  const whole = paths.filter((path) => state.staged.get(path) === "all").length;
  if (whole === paths.length) return "[x]";
  return whole > 0 || paths.some((path) => state.staged.has(path)) ? "[~]" : "[ ]";
}

function listRow(state: ReviewerState, row: ListRow): Span[] {
  if (row.kind === "info")
    return [{ text: `${row.warns ? "!" : " "} ${row.text}`, colour: row.warns ? "red" : "cyan" }];
  const mark = boxOf(state, pathsOf(row));
  if (row.kind === "section") return [{ text: `${mark} ${row.text} (${row.paths.length})`, bold: true }];
  const indent = "  ".repeat(Math.min(20, row.depth));
  if (row.kind === "folder") {
    const count = row.isClosed ? ` (${row.paths.length})` : "";
    return [
      { text: `${mark}    ${indent}` },
      { text: `${row.isClosed ? "+" : "-"} ${displayPath(row.name)}/${count}`, colour: "blue" },
    ];
  }
  return [
    { text: `${mark} ` },
    ...changeSpans(state, row.change, (row.name === row.change.path ? "" : "  ") + indent + displayPath(row.name)),
  ];
}

function changeSpans(state: ReviewerState, change: Change, name: string): Span[] {
  const isHigh = change.risk.level === "high";
  const colour = isHigh ? "red" : change.kind === "added" ? "green" : change.kind === "deleted" ? "red" : "yellow";
  const slash = change.type === "dir" ? "/" : "";
  const note = (state.notes.get(change.path) ?? "") === "" ? "" : "  (note)";
  const conflict = change.conflict ? "  (conflict)" : "";
  return [
    { text: `${isHigh ? "!" : " "}${letters[change.kind]} `, colour, bold: isHigh },
    { text: name + slash, ...(isHigh ? { colour: "red" } : {}) },
    { text: conflict, colour: "red" },
    { text: note, colour: "cyan" },
  ];
}

/** Two rows below: what is typed, what was said, or why the change under the cursor is to be looked at. */
function detailRows(state: ReviewerState): Row[] {
  const { mode, message, size } = state;
  const line: Row = [{ text: "─".repeat(size.columns), dim: true }];
  if (mode.kind === "type") {
    const what = mode.what === "search" ? "search: " : "note for the agent: ";
    // The end of a long text is what is being typed.
    const room = Math.max(1, size.columns - what.length - 2);
    return [
      line,
      [{ text: what, bold: true }, { text: [...mode.text].slice(-room).join("") }, { text: " ", reverse: true }],
    ];
  }
  if (message !== "") return [line, [{ text: message, colour: "yellow", bold: true }]];
  const change = currentChange(state);
  if (change === null) return [line, []];
  const note = state.notes.get(change.path) ?? "";
  const parts = [
    ...change.risk.reasons,
    ...(change.conflict ? ["changed on the host too"] : []),
    ...(note === "" ? [] : [`note: ${note}`]),
  ];
  const more = parts.length > 1 ? `(${parts.length}, i shows all) ` : "";
  return [line, [{ text: more + parts.join("; "), colour: change.risk.level === "high" ? "red" : "yellow" }]];
}

const keys = {
  list: [
    "space stage  enter open  / search  f only  c note  i why  a apply  u undo  D discard  q keep  ? help",
    "space stage  enter open  / search  f only  c note  a apply  q keep  ? help",
    "space enter a:apply q:keep ?:help",
  ],
  diff: [
    "space hunk  s line  [ ] hunks  v side by side  / search  c note  i why  a apply  esc list  ? help",
    "space hunk  s line  [ ] hunks  v sides  / search  c note  esc list  ? help",
    "space s [ ] v esc:list ?:help",
  ],
  type: ["Enter done  Esc never mind"],
  text: ["j k scroll  any other key: back"],
} as const;

/** The keys that mean something now: as many words as there is room for. */
function keyRow({ mode, focus, size }: ReviewerState): Row {
  const offered = mode.kind === "browse" ? keys[focus] : keys[mode.kind];
  const text = offered.find((each) => each.length < size.columns) ?? offered.at(-1) ?? "";
  return [{ text: ` ${text}`, dim: true }];
}
