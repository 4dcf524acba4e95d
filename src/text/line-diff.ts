import { diffArrays } from "diff";

/** One line of a hunk; `text` holds the line's bytes as Latin-1, with its line feed where it has one. */
export interface HunkLine {
  readonly sign: " " | "+" | "-";
  readonly text: string;
}

/** A stretch of a unified diff. */
export interface Hunk {
  readonly oldStart: number;
  readonly oldCount: number;
  readonly newStart: number;
  readonly newCount: number;
  readonly lines: readonly HunkLine[];
}

const contextLines = 3;
// The search for the shortest diff takes the square of the number of differences: two files of 20,000 lines with nothing
// in common would take minutes. Beyond these bounds the differing part is replaced as a whole, which is as true.
const maxEdits = 3000;
const maxMilliseconds = 1000;

/** The bytes as a string of as many characters, so that what is not UTF-8 survives. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** Lines with their line feeds; the last may be without. */
export function splitLines(text: string): string[] {
  const lines = text.split("\n").map((line) => `${line}\n`);
  const last = lines.pop()?.slice(0, -1) ?? "";
  if (last !== "") lines.push(last);
  return lines;
}

function signed(sign: HunkLine["sign"], lines: readonly string[]): HunkLine[] {
  return lines.map((text) => ({ sign, text }));
}

function compareMiddle(before: string[], after: string[]): HunkLine[] {
  const replaced = () => [...signed("-", before), ...signed("+", after)];
  if (before.length === 0 || after.length === 0) return replaced();
  const parts = diffArrays(before, after, { maxEditLength: maxEdits, timeout: maxMilliseconds });
  if (parts === undefined) return replaced();
  return parts.flatMap(({ added, removed, value }) => signed(added ? "+" : removed ? "-" : " ", value));
}

/** The hunks that turn one content into another, three lines of context around each. */
export function diffContents(before: Uint8Array, after: Uint8Array): Hunk[] {
  const old = splitLines(latin1(before));
  const now = splitLines(latin1(after));
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < Math.min(old.length, now.length) - head && old[old.length - 1 - tail] === now[now.length - 1 - tail]) {
    tail += 1;
  }
  const middle = compareMiddle(old.slice(head, old.length - tail), now.slice(head, now.length - tail));
  const lead = Math.min(head, contextLines);
  const trail = old.slice(old.length - tail, old.length - tail + contextLines);
  const lines = [...signed(" ", old.slice(head - lead, head)), ...middle, ...signed(" ", trail)];
  return cutHunks(lines, head - lead);
}

function cutHunks(lines: readonly HunkLine[], skipped: number): Hunk[] {
  const hunks: Hunk[] = [];
  let oldLine = skipped;
  let newLine = skipped;
  let at = 0;
  while (at < lines.length) {
    const first = nextChange(lines, at);
    if (first === lines.length) break;
    const start = Math.max(at, first - contextLines);
    oldLine += start - at;
    newLine += start - at;
    const end = endOfHunk(lines, first);
    const part = lines.slice(start, end);
    const oldCount = part.filter(({ sign }) => sign !== "+").length;
    const newCount = part.filter(({ sign }) => sign !== "-").length;
    const oldStart = oldCount === 0 ? oldLine : oldLine + 1;
    hunks.push({ oldStart, oldCount, newStart: newCount === 0 ? newLine : newLine + 1, newCount, lines: part });
    oldLine += oldCount;
    newLine += newCount;
    at = end;
  }
  return hunks;
}

function nextChange(lines: readonly HunkLine[], from: number): number {
  let at = from;
  while (at < lines.length && lines[at]?.sign === " ") at += 1;
  return at;
}

// Two changes with at most six unchanged lines between them share a hunk.
function endOfHunk(lines: readonly HunkLine[], first: number): number {
  let last = first;
  for (let at = first; at < lines.length && at - last <= 2 * contextLines + 1; at += 1) {
    if (lines[at]?.sign !== " ") last = at;
  }
  return Math.min(lines.length, last + 1 + contextLines);
}

/** `@@ -1,3 +1,4 @@`. */
export function hunkHeading({ oldStart, oldCount, newStart, newCount }: Hunk): string {
  const range = (start: number, count: number) => (count === 1 ? `${start}` : `${start},${count}`);
  return `@@ -${range(oldStart, oldCount)} +${range(newStart, newCount)} @@`;
}
