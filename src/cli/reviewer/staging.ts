import type { Change } from "../../model/change.js";
import { partialContent } from "./diff-doc.js";
import { linesOf } from "./diff-rows.js";
import type { ReviewerState, Staged } from "./state.js";

type StagedMap = ReadonlyMap<string, Staged>;

/** The lines of the hunk that the cursor is in. */
export function linesOfHunk({ doc, diffRows, diffAt }: ReviewerState): number[] {
  const row = diffRows[diffAt];
  if (doc === null || row === undefined) return [];
  const hunk = row.kind === "heading" ? row.hunk : doc.lines[linesOf(row)[0] ?? -1]?.hunk;
  return doc.changed.filter((line) => doc.lines[line]?.hunk === hunk);
}

/** What is to be applied, as the plan wants it. */
export interface StagedSelection {
  readonly chosen: readonly Change[];
  readonly overrides: ReadonlyMap<string, Uint8Array>;
  /** Paths that were not staged: nothing else may take them in. */
  readonly refused: ReadonlySet<string>;
}

function ancestorsOf(path: string): string[] {
  const names = path.split("/");
  return names.slice(1).map((_, at) => names.slice(0, at + 1).join("/"));
}

// Lines of a file were chosen, not its new mode; a new file has no other.
function withOldMode(change: Change): Change {
  const { before, after } = change;
  return before === null || after === null ? change : { ...change, after: { ...after, mode: before.mode } };
}

/** The changes that were staged, as a plan takes them. */
export function selectStaged(changes: readonly Change[], staged: StagedMap): StagedSelection {
  const chosen: Change[] = [];
  const overrides = new Map<string, Uint8Array>();
  const refused = new Set<string>();
  for (const change of changes) {
    const how = staged.get(change.path);
    if (how === "all") chosen.push(change);
    else if (how === undefined) refused.add(change.path);
    else {
      chosen.push(withOldMode(change));
      overrides.set(change.path, partialContent(how.doc, how.lines));
    }
  }
  // A new folder comes with what it holds: nobody stages it for itself.
  for (const { path } of chosen) for (const folder of ancestorsOf(path)) refused.delete(folder);
  return { chosen, overrides, refused };
}
