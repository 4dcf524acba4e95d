import type { HunkLine } from "../../text/line-diff.js";

/** One row of a diff on the screen: numbers of lines in the document. */
export type DiffRow =
  | { readonly kind: "heading"; readonly hunk: number }
  | { readonly kind: "both"; readonly line: number }
  | { readonly kind: "pair"; readonly left: number | null; readonly right: number | null };

interface Lines {
  readonly lines: readonly { readonly hunk: number; readonly sign: HunkLine["sign"] }[];
}

/** The rows of a unified diff, or those of one with the old text on the left and the new one on the right. */
export function rowsOf({ lines }: Lines, layout: "unified" | "split"): DiffRow[] {
  const rows: DiffRow[] = [];
  let removed: number[] = [];
  let added: number[] = [];
  const flush = (): void => {
    for (let at = 0; at < Math.max(removed.length, added.length); at += 1) {
      rows.push({ kind: "pair", left: removed[at] ?? null, right: added[at] ?? null });
    }
    removed = [];
    added = [];
  };
  let hunk = -1;
  for (const [at, line] of lines.entries()) {
    if (line.hunk !== hunk) {
      flush();
      hunk = line.hunk;
      rows.push({ kind: "heading", hunk });
    }
    if (layout === "unified") rows.push({ kind: "both", line: at });
    else if (line.sign === "-") {
      if (added.length > 0) flush();
      removed.push(at);
    } else if (line.sign === "+") added.push(at);
    else {
      flush();
      rows.push({ kind: "pair", left: at, right: at });
    }
  }
  flush();
  return rows;
}

/** The lines of a row. */
export function linesOf(row: DiffRow | undefined): number[] {
  if (row === undefined || row.kind === "heading") return [];
  const found = row.kind === "both" ? [row.line] : [row.left, row.right];
  return [...new Set(found.filter((line) => line !== null))];
}
