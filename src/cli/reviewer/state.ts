import type { Change } from "../../model/change.js";
import type { TerminalSize } from "../../model/engine.js";
import type { DiffDoc } from "./diff-doc.js";
import type { DiffRow } from "./diff-rows.js";
import type { ListRow } from "./list-rows.js";
import type { SyntaxColours } from "./syntax.js";
import type { StagedPart } from "./toggles.js";

export type Staged = StagedPart<DiffDoc>;

export const filters = ["all", "deletions and high risk", "conflicts", "staged", "not staged", "with a note"] as const;

export type Filter = (typeof filters)[number];

export interface Info {
  readonly text: string;
  readonly warns: boolean;
}

/** Everything that the reviewer knows; drawing makes a picture of it and nothing else. */
export interface ReviewerState {
  readonly session: string;
  /** In tree order, without git's own files. */
  readonly changes: readonly Change[];
  readonly infos: readonly Info[];
  readonly size: TerminalSize;
  readonly focus: "list" | "diff";
  readonly mode:
    | { readonly kind: "browse" }
    | { readonly kind: "text"; readonly what: "help" | "details"; readonly top: number }
    | { readonly kind: "type"; readonly what: "search" | "note"; readonly text: string };
  readonly layout: "unified" | "split";
  readonly filter: Filter;
  readonly closed: ReadonlySet<string>;
  readonly rows: readonly ListRow[];
  readonly at: number;
  readonly top: number;
  readonly doc: DiffDoc | null;
  readonly colours: SyntaxColours | null;
  readonly diffRows: readonly DiffRow[];
  readonly diffAt: number;
  readonly diffTop: number;
  /** Columns that the diff is moved to the left by. */
  readonly shift: number;
  readonly staged: ReadonlyMap<string, Staged>;
  readonly notes: ReadonlyMap<string, string>;
  readonly query: string;
  readonly message: string;
}

/** What a key asks of the world outside. */
export type Effect =
  | { readonly kind: "apply" }
  | { readonly kind: "undo" }
  | { readonly kind: "discard" }
  | { readonly kind: "keep" }
  | { readonly kind: "stop" }
  | { readonly kind: "note"; readonly path: string; readonly text: string };

/** The columns of the list where both panes have room; null: one pane at a time. */
export function listColumns({ columns }: TerminalSize): number | null {
  return columns < 110 ? null : Math.max(40, Math.min(70, Math.floor(columns * 0.35)));
}

/** Rows between the title and the two lines below. */
export function bodyRows({ rows }: TerminalSize): number {
  return Math.max(1, rows - 4);
}

/** The change under the cursor. */
export function currentChange({ rows, at }: ReviewerState): Change | null {
  const row = rows[at];
  return row?.kind === "change" ? row.change : null;
}

/** Of which path the diff is to be shown now; null: none is in sight. */
export function wantedDoc(state: ReviewerState): string | null {
  const isSeen = state.focus === "diff" || listColumns(state.size) !== null;
  return isSeen ? (currentChange(state)?.path ?? null) : null;
}
