import { displayPath } from "../../base/escape.js";
import type { Change } from "../../model/change.js";
import { comesFirst } from "../../risk/comes-first.js";
import { headingText, lineText } from "./diff-doc.js";
import { linesOf, rowsOf } from "./diff-rows.js";
import { type ListRow, listRows } from "./list-rows.js";
import { bodyRows, type ReviewerState } from "./state.js";

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));

/** The first row in sight, so that the cursor is. */
function scrolled(top: number, at: number, height: number, length: number): number {
  const near = clamp(top, at - height + 1, at);
  return clamp(near, 0, Math.max(0, length - height));
}

/** A state whose cursors and views are within what there is. */
export function settle(state: ReviewerState): ReviewerState {
  const height = bodyRows(state.size);
  const at = clamp(state.at, 0, Math.max(0, state.rows.length - 1));
  const diffAt = clamp(state.diffAt, 0, Math.max(0, state.diffRows.length - 1));
  const top = scrolled(state.top, at, height, state.rows.length);
  const diffTop = scrolled(state.diffTop, diffAt, height, state.diffRows.length);
  return { ...state, at, top, diffAt, diffTop };
}

/** Moves the cursor of the pane that has the keys. */
export function moveBy(state: ReviewerState, by: number): ReviewerState {
  return settle(state.focus === "list" ? { ...state, at: state.at + by } : { ...state, diffAt: state.diffAt + by });
}

function isShown({ filter, staged, notes }: ReviewerState): (change: Change) => boolean {
  if (filter === "deletions and high risk") return comesFirst;
  if (filter === "conflicts") return ({ conflict }) => conflict;
  if (filter === "staged") return ({ path }) => staged.has(path);
  if (filter === "not staged") return ({ path }) => !staged.has(path);
  return filter === "with a note" ? ({ path }) => (notes.get(path) ?? "") !== "" : () => true;
}

const keyOf = (row: ListRow | undefined): string | null =>
  row?.kind === "change" ? row.change.path : row?.kind === "folder" ? row.path : null;

/** The state with its list made anew; the cursor stays with its path where that is still there. */
export function relist(state: ReviewerState): ReviewerState {
  const changes = state.changes.filter(isShown(state));
  const rows = listRows({ changes, closed: state.closed, infos: state.filter === "all" ? state.infos : [] });
  const key = keyOf(state.rows[state.at]);
  const found = key === null ? -1 : rows.findIndex((row) => keyOf(row) === key);
  const first = rows.findIndex(({ kind }) => kind === "change" || kind === "folder");
  return settle({ ...state, rows, at: found === -1 ? Math.max(first, Math.min(state.at, rows.length - 1)) : found });
}

/** The state with the rows of its diff made anew. */
export function relayout(state: ReviewerState, layout: ReviewerState["layout"]): ReviewerState {
  const line = linesOf(state.diffRows[state.diffAt])[0];
  const diffRows = state.doc === null ? [] : rowsOf(state.doc, layout);
  const found = line === undefined ? -1 : diffRows.findIndex((row) => linesOf(row).includes(line));
  return settle({ ...state, layout, diffRows, diffAt: Math.max(0, found) });
}

/** The next row, forwards or backwards and around, of which something is true; null: none. */
function nextWhere(length: number, at: number, step: 1 | -1, fits: (at: number) => boolean): number | null {
  for (let far = 1; far <= length; far += 1) {
    const row = (((at + far * step) % length) + length) % length;
    if (fits(row)) return row;
  }
  return null;
}

function rowText(row: ListRow | undefined): string {
  if (row === undefined) return "";
  if (row.kind === "change") return displayPath(row.change.path);
  return row.kind === "folder" ? displayPath(row.path) : row.text;
}

function diffText({ doc, diffRows }: ReviewerState, at: number): string {
  const row = diffRows[at];
  if (doc === null || row === undefined) return "";
  if (row.kind === "heading") return headingText(doc, row.hunk);
  return linesOf(row)
    .flatMap((line) => doc.lines[line] ?? [])
    .map(lineText)
    .join("\n");
}

/** Goes to the next place, in the pane that has the keys, where the searched text stands; case does not matter. */
export function findNext(state: ReviewerState, step: 1 | -1): ReviewerState {
  const query = state.query.toLowerCase();
  if (query === "") return { ...state, message: "nothing to search for: press /" };
  const inList = state.focus === "list";
  const [length, at] = inList ? [state.rows.length, state.at] : [state.diffRows.length, state.diffAt];
  const textOf = (row: number): string => (inList ? rowText(state.rows[row]) : diffText(state, row));
  const found = nextWhere(length, at, step, (row) => textOf(row).toLowerCase().includes(query));
  if (found === null) return { ...state, message: `not found: ${state.query}` };
  const there = inList ? { ...state, at: found } : { ...state, diffAt: found };
  return settle({ ...there, message: "" });
}

/** Goes to the next change of high risk, or to the next hunk. */
export function jump(state: ReviewerState, step: 1 | -1): ReviewerState {
  if (state.focus === "diff") {
    const found = nextWhere(state.diffRows.length, state.diffAt, step, (at) => state.diffRows[at]?.kind === "heading");
    return found === null ? state : settle({ ...state, diffAt: found });
  }
  const found = nextWhere(state.rows.length, state.at, step, (at) => {
    const row = state.rows[at];
    return row?.kind === "change" && row.change.risk.level === "high";
  });
  return found === null ? { ...state, message: "nothing of high risk" } : settle({ ...state, at: found });
}

/** A reviewer that has just begun, before it is told how large its screen is. */
export function firstState(about: Pick<ReviewerState, "session" | "changes" | "infos">): ReviewerState {
  return relist({
    ...about,
    size: { columns: 80, rows: 24 },
    focus: "list",
    mode: { kind: "browse" },
    layout: "unified",
    filter: "all",
    closed: new Set(),
    rows: [],
    at: 0,
    top: 0,
    doc: null,
    colours: null,
    diffRows: [],
    diffAt: 0,
    diffTop: 0,
    shift: 0,
    staged: new Map(),
    notes: new Map(),
    query: "",
    message: "",
  });
}
