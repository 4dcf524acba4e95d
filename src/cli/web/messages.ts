import type { ConflictPolicy } from "../../model/apply.js";
import type { Change, ChangeTotals } from "../../model/change.js";
import type { DiffLine } from "../reviewer/diff-doc.js";
import type { Info } from "../reviewer/state.js";

/** What the page and its server say to each other. Types only: the page is built from them, too. */

/** The session at one moment. Changes are spoken of by their place in the list, never by a path. */
export interface LookMessage {
  readonly look: number;
  readonly session: string;
  readonly changes: readonly Change[];
  readonly totals: ChangeTotals;
  readonly infos: readonly Info[];
}

export interface SnapshotMessage {
  readonly id: string;
  readonly createdAt: string;
  readonly message: string;
  readonly reason: string;
  readonly files: number;
  readonly bytes: number;
}

/** What changes while the page is open. */
export interface StateMessage {
  /** The newest look: another than the page has means that there is something to fetch. */
  readonly look: number;
  readonly state: string;
  readonly snapshots: readonly SnapshotMessage[];
  /** The numbers of the recordings, in their order. */
  readonly recordings: readonly number[];
  /** The apply that an undo would take back. */
  readonly undo: { readonly applyId: string; readonly createdAt: string; readonly paths: number } | null;
}

export type DocLine = Pick<DiffLine, "hunk" | "sign" | "oldNumber" | "newNumber"> & { readonly text: string };

/** A diff. Lines are chosen by their numbers, in the very diff that `id` is the hash of. */
export interface DocMessage {
  readonly id: string;
  readonly path: string;
  readonly notes: readonly string[];
  readonly headings: readonly string[];
  readonly lines: readonly DocLine[];
  readonly isDivisible: boolean;
  readonly changed: readonly number[];
  /** Which sides are pictures. */
  readonly images: readonly ("before" | "after")[];
}

/** A change that is staged; without `doc`, all of it. */
export interface StagedMessage {
  readonly at: number;
  readonly doc?: { readonly id: string; readonly lines: readonly number[] } | undefined;
}

export interface PlanMessage {
  readonly plan: number;
  /** As the terminal shows it. */
  readonly text: string;
  readonly writes: number;
  readonly conflicts: number;
  /** What may be done about conflicts now. */
  readonly policies: readonly { readonly policy: ConflictPolicy; readonly help: string }[];
  /** What is asked for by itself. */
  readonly risky: readonly { readonly at: number; readonly path: string; readonly reasons: readonly string[] }[];
}

export interface DoneMessage {
  /** Null: nothing was written. */
  readonly applyId: string | null;
  readonly applied: number;
  readonly skipped: number;
}

export interface ErrorMessage {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
}
