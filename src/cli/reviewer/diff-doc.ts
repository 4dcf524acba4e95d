import { decodePath } from "../../base/byte-path.js";
import { escapeBody } from "../../base/escape.js";
import { applyHunks } from "../../text/hunks.js";
import type { Hunk, HunkLine } from "../../text/line-diff.js";
import { hunkHeading } from "../../text/line-diff.js";
import { expandTabs } from "../screen/frame.js";

/** A line of a diff. Its text is made when it is drawn: most lines of a long diff never are. */
export interface DiffLine {
  readonly hunk: number;
  readonly sign: HunkLine["sign"];
  readonly raw: string;
  readonly oldNumber: number;
  readonly newNumber: number;
}

/** What of a file a screen shows: its hunks, or sentences that say why there are none. */
export interface DiffDoc {
  readonly path: string;
  readonly notes: readonly string[];
  readonly before: Uint8Array;
  readonly hunks: readonly Hunk[];
  readonly lines: readonly DiffLine[];
  /** Whether a part of it can be taken: of a deletion it cannot. */
  readonly isDivisible: boolean;
  /** The numbers of all lines that change something. */
  readonly changed: readonly number[];
}

const nothing = new Uint8Array();

/** A document without hunks. */
export function emptyDoc(path: string, notes: readonly string[]): DiffDoc {
  return { path, notes, before: nothing, hunks: [], lines: [], isDivisible: false, changed: [] };
}

/** The document of a text's hunks. */
export function makeDoc(path: string, before: Uint8Array, hunks: readonly Hunk[], isDivisible = true): DiffDoc {
  const lines: DiffLine[] = [];
  const changed: number[] = [];
  for (const [hunk, { oldStart, newStart, oldCount, newCount, lines: parts }] of hunks.entries()) {
    let oldNumber = oldCount === 0 ? oldStart + 1 : oldStart;
    let newNumber = newCount === 0 ? newStart + 1 : newStart;
    for (const { sign, text } of parts) {
      if (sign !== " ") changed.push(lines.length);
      lines.push({ hunk, sign, raw: text, oldNumber, newNumber });
      if (sign !== "+") oldNumber += 1;
      if (sign !== "-") newNumber += 1;
    }
  }
  return { path, notes: [], before, hunks, lines, isDivisible, changed };
}

/** A line as a person may see it: escaped, tabs as spaces. */
export function lineText({ raw }: DiffLine): string {
  const ended = raw.endsWith("\n");
  const body = escapeBody(decodePath(Buffer.from(ended ? raw.slice(0, -1) : raw, "latin1")));
  return expandTabs(body) + (ended ? "" : "  (no line feed at the end of the file)");
}

/** `@@ -1,3 +1,4 @@` of a hunk. */
export function headingText(doc: DiffDoc, hunk: number): string {
  const found = doc.hunks[hunk];
  return found === undefined ? "" : hunkHeading(found);
}

/** The old text with only the picked lines of its hunks taken over: what is not picked stays as it was. */
export function partialContent(doc: DiffDoc, picked: ReadonlySet<number>): Uint8Array {
  let at = 0;
  const chosen = doc.hunks.map((hunk): Hunk => {
    const lines: HunkLine[] = [];
    for (const { sign, text } of hunk.lines) {
      const isPicked = picked.has(at);
      at += 1;
      if (sign === " " || isPicked) lines.push({ sign, text });
      else if (sign === "-") lines.push({ sign: " ", text });
    }
    return { ...hunk, lines };
  });
  return applyHunks(doc.before, chosen);
}
