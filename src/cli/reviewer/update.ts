import type { TerminalSize } from "../../model/engine.js";
import type { Key } from "../screen/keys.js";
import type { DiffDoc } from "./diff-doc.js";
import { linesOf } from "./diff-rows.js";
import { pathsOf } from "./list-rows.js";
import { findNext, jump, moveBy, relayout, relist, settle } from "./moves.js";
import { linesOfHunk } from "./staging.js";
import { bodyRows, currentChange, type Effect, filters, listColumns, type ReviewerState } from "./state.js";
import type { SyntaxColours } from "./syntax.js";
import { toggleLines, togglePaths } from "./toggles.js";

export interface Step {
  readonly state: ReviewerState;
  readonly effect: Effect | null;
}

const stay = (state: ReviewerState): Step => ({ state, effect: null });
const ask = (state: ReviewerState, effect: Effect): Step => ({ state, effect });
const longestText = 500;

/** A key, and what becomes of the state; everything that is not in the state is asked for as an effect. */
export function pressKey(state: ReviewerState, key: Key): Step {
  const quiet = { ...state, message: "" };
  if (key.name === "ctrl-z") return ask(quiet, { kind: "stop" });
  if (key.name === "ctrl-c") return ask(quiet, { kind: "keep" });
  if (state.mode.kind === "type") return typed(quiet, state.mode, key);
  if (state.mode.kind === "text") return stay(scrollText(quiet, state.mode, key.name));
  return browse(quiet, key.name);
}

/** A document arrived: shown, unless the cursor went on meanwhile. */
export function takeDoc(state: ReviewerState, doc: DiffDoc): ReviewerState {
  if (currentChange(state)?.path !== doc.path) return state;
  // Lines are chosen by their numbers: those of the diff that they were chosen in.
  const staged = state.staged.get(doc.path);
  const known = staged === undefined || staged === "all" ? doc : staged.doc;
  return relayout({ ...state, doc: known, colours: null, diffRows: [], diffAt: 0, diffTop: 0, shift: 0 }, state.layout);
}

/** The colours of a document arrived, which take longer than its text. */
export function takeColours(state: ReviewerState, colours: SyntaxColours): ReviewerState {
  return state.doc?.path === colours.path ? { ...state, colours } : state;
}

/** The terminal has another size. */
export function takeSize(state: ReviewerState, size: TerminalSize): ReviewerState {
  return settle({ ...state, size });
}

type Typing = Extract<ReviewerState["mode"], { kind: "type" }>;

function typed(state: ReviewerState, { what, text }: Typing, key: Key): Step {
  const browsing = { ...state, mode: { kind: "browse" } } as const;
  const write = (now: string): Step =>
    stay({ ...state, mode: { kind: "type", what, text: now.slice(0, longestText) } });
  if (key.name === "escape") return stay(browsing);
  if (key.name === "enter") {
    if (what === "search") return stay(text === "" ? browsing : findNext({ ...browsing, query: text }, 1));
    const path = currentChange(state)?.path;
    if (path === undefined) return stay(browsing);
    const notes = new Map(state.notes).set(path, text.trim());
    return ask(
      { ...browsing, notes, message: "noted for airlock feedback" },
      { kind: "note", path, text: text.trim() },
    );
  }
  if (key.name === "backspace") return write([...text].slice(0, -1).join(""));
  if (key.name === "ctrl-u") return write("");
  return key.text === undefined ? stay(state) : write(text + key.text.replace(/\s+/g, " "));
}

type Reading = Extract<ReviewerState["mode"], { kind: "text" }>;

function scrollText(state: ReviewerState, mode: Reading, name: string): ReviewerState {
  const by = { down: 1, j: 1, up: -1, k: -1, "page-down": 10, " ": 10, "page-up": -10 }[name];
  if (by === undefined) return { ...state, mode: { kind: "browse" } };
  return { ...state, mode: { ...mode, top: Math.max(0, mode.top + by) } };
}

type Deed = (state: ReviewerState) => Step;

const moves: Readonly<Record<string, (state: ReviewerState) => ReviewerState>> = {
  down: (state) => moveBy(state, 1),
  j: (state) => moveBy(state, 1),
  up: (state) => moveBy(state, -1),
  k: (state) => moveBy(state, -1),
  "page-down": (state) => moveBy(state, bodyRows(state.size)),
  "ctrl-f": (state) => moveBy(state, bodyRows(state.size)),
  "page-up": (state) => moveBy(state, -bodyRows(state.size)),
  "ctrl-b": (state) => moveBy(state, -bodyRows(state.size)),
  home: (state) => moveBy(state, Number.MIN_SAFE_INTEGER),
  g: (state) => moveBy(state, Number.MIN_SAFE_INTEGER),
  end: (state) => moveBy(state, Number.MAX_SAFE_INTEGER),
  G: (state) => moveBy(state, Number.MAX_SAFE_INTEGER),
  n: (state) => findNext(state, 1),
  N: (state) => findNext(state, -1),
  "]": (state) => jump(state, 1),
  "[": (state) => jump(state, -1),
  tab: (state) => swap(state),
  "shift-tab": (state) => swap(state),
  enter: open,
  escape: (state) => ({ ...state, focus: "list" }),
  right: (state) => (state.focus === "diff" ? { ...state, shift: Math.min(10_000, state.shift + 8) } : open(state)),
  l: (state) => (state.focus === "diff" ? { ...state, shift: Math.min(10_000, state.shift + 8) } : open(state)),
  left: back,
  h: back,
  v: (state) => relayout(state, state.layout === "unified" ? "split" : "unified"),
  f: (state) => relist({ ...state, filter: filters[(filters.indexOf(state.filter) + 1) % filters.length] ?? "all" }),
  " ": stage,
  s: stageLine,
  S: (state) => ({ ...state, staged: togglePaths(state.staged, [...new Set(state.rows.flatMap(pathsOf))]) }),
  "/": (state) => ({ ...state, mode: { kind: "type", what: "search", text: "" } }),
  c: startNote,
  "?": (state) => ({ ...state, mode: { kind: "text", what: "help", top: 0 } }),
  i: (state) => ({ ...state, mode: { kind: "text", what: "details", top: 0 } }),
};

const deeds: Readonly<Record<string, Deed>> = {
  a: (state) =>
    state.staged.size === 0
      ? stay({ ...state, message: "nothing is staged: space stages what the cursor is on" })
      : ask(state, { kind: "apply" }),
  u: (state) => ask(state, { kind: "undo" }),
  D: (state) => ask(state, { kind: "discard" }),
  q: (state) =>
    state.focus === "diff" && listColumns(state.size) === null
      ? stay({ ...state, focus: "list" })
      : ask(state, { kind: "keep" }),
};

function browse(state: ReviewerState, name: string): Step {
  const move = Object.hasOwn(moves, name) ? moves[name] : undefined;
  if (move !== undefined) return stay(move(state));
  const deed = Object.hasOwn(deeds, name) ? deeds[name] : undefined;
  return deed === undefined ? stay(state) : deed(state);
}

function swap(state: ReviewerState): ReviewerState {
  return { ...state, focus: state.focus === "list" && currentChange(state) !== null ? "diff" : "list" };
}

function toggleFolder(state: ReviewerState, close?: boolean): ReviewerState {
  const row = state.rows[state.at];
  if (row?.kind !== "folder" || row.isClosed === close) return state;
  const closed = new Set(state.closed);
  row.isClosed ? closed.delete(row.path) : closed.add(row.path);
  return relist({ ...state, closed });
}

function open(state: ReviewerState): ReviewerState {
  if (state.focus === "diff") return state;
  return currentChange(state) === null ? toggleFolder(state) : { ...state, focus: "diff" };
}

function back(state: ReviewerState): ReviewerState {
  if (state.focus === "list") return toggleFolder(state, true);
  return state.shift > 0 ? { ...state, shift: Math.max(0, state.shift - 8) } : { ...state, focus: "list" };
}

function stage(state: ReviewerState): ReviewerState {
  if (state.focus === "list") {
    return { ...state, staged: togglePaths(state.staged, pathsOf(state.rows[state.at])) };
  }
  const { doc } = state;
  if (doc === null || doc.path !== currentChange(state)?.path) return state;
  if (!doc.isDivisible) return { ...state, staged: togglePaths(state.staged, [doc.path]) };
  return { ...state, staged: toggleLines(state.staged, doc, linesOfHunk(state)) };
}

function stageLine(state: ReviewerState): ReviewerState {
  const { doc } = state;
  if (state.focus === "list" || doc === null || doc.path !== currentChange(state)?.path) return state;
  if (!doc.isDivisible) return { ...state, message: "only all of it can be staged: press space" };
  const lines = linesOf(state.diffRows[state.diffAt]);
  return moveBy({ ...state, staged: toggleLines(state.staged, doc, lines) }, 1);
}

function startNote(state: ReviewerState): ReviewerState {
  const path = currentChange(state)?.path;
  if (path === undefined) return { ...state, message: "a note belongs to a path: go to one" };
  return { ...state, mode: { kind: "type", what: "note", text: state.notes.get(path) ?? "" } };
}
