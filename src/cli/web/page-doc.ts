import { createHash } from "node:crypto";
import type { Change } from "../../model/change.js";
import { type DiffDoc, emptyDoc, headingText, lineText } from "../reviewer/diff-doc.js";
import { isNamedImage } from "./image-kind.js";
import type { DocMessage } from "./messages.js";

// More lines than that nobody reads in a browser, and longer lines make it slow.
const mostLines = 50_000;
const longestLine = 4_000;

function shortened(text: string): string {
  const over = text.length - longestLine;
  return over <= 0 ? text : `${text.slice(0, longestLine)} … (${over} more characters: airlock diff shows them)`;
}

/** The hash of a diff: its numbers of lines mean something in that very diff only. */
export function docId({ path, hunks }: DiffDoc): string {
  return createHash("sha256")
    .update(JSON.stringify([path, hunks]))
    .digest("hex");
}

function imagesOf({ path, before, after }: Change): DocMessage["images"] {
  if (!isNamedImage(path)) return [];
  return (["before", "after"] as const).filter((side) => (side === "before" ? before : after)?.type === "file");
}

/** A diff as the page shows it: every line escaped. */
export function pageDoc(change: Change, loaded: DiffDoc): DocMessage {
  const isLong = loaded.lines.length > mostLines;
  const note = `${loaded.lines.length} lines of difference are more than a page shows: airlock diff shows them`;
  const doc = isLong ? emptyDoc(loaded.path, [note]) : loaded;
  return {
    id: docId(doc),
    path: doc.path,
    notes: doc.notes,
    headings: doc.hunks.map((_, at) => headingText(doc, at)),
    lines: doc.lines.map((line) => {
      const { hunk, sign, oldNumber, newNumber } = line;
      return { hunk, sign, oldNumber, newNumber, text: shortened(lineText(line)) };
    }),
    isDivisible: doc.isDivisible,
    changed: doc.changed,
    images: imagesOf(change),
  };
}
