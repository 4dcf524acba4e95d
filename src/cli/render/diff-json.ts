import type { Rename } from "../../changes/renames.js";
import type { GitReport } from "../../git/report.js";
import type { Change, ChangeTotals, EntryState } from "../../model/change.js";
import type { HiddenFile } from "../../model/session.js";

export interface DiffJsonInput {
  readonly session: string;
  /** What the changes are a difference to. */
  readonly base: { readonly path: string; readonly kind: string; readonly time: string };
  readonly changes: Iterable<Change> | AsyncIterable<Change>;
  readonly totals: ChangeTotals;
  readonly hidden: readonly HiddenFile[];
  readonly warnings?: readonly string[];
  readonly renames?: readonly Rename[];
  readonly git?: GitReport | null;
}

function stateJson(state: EntryState | null): unknown {
  if (state === null) return null;
  const { type, mode, size, sha256, target } = state;
  return { type, mode: mode.toString(8).padStart(4, "0"), size, sha256: sha256 ?? null, target: target ?? null };
}

/** A change as `diff --json` shows it; see docs/changes.md. */
function changeJson(change: Change): unknown {
  const { path, kind, type, before, after, binary, risk, conflict, masked } = change;
  return { path, kind, type, before: stateJson(before), after: stateJson(after), binary, risk, conflict, masked };
}

/** The change set as one JSON document, written piece by piece: a change a line. */
export async function* renderDiffJson(input: DiffJsonInput): AsyncGenerator<string, void, void> {
  const { session, base, changes, totals, hidden, warnings = [], renames = [], git = null } = input;
  yield `{\n"session":${JSON.stringify(session)},\n"base":${JSON.stringify(base)},\n"changes":[`;
  let separator = "\n";
  for await (const change of changes) {
    yield separator + JSON.stringify(changeJson(change));
    separator = ",\n";
  }
  yield `\n],\n"totals":${JSON.stringify(totals)},\n"warnings":${JSON.stringify(warnings)},\n"renames":${JSON.stringify(renames)},\n"hidden":${JSON.stringify(hidden)},\n"git":${JSON.stringify(git)}\n}\n`;
}
