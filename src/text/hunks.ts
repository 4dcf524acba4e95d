import { type Hunk, type HunkLine, hunkHeading, latin1, splitLines } from "./line-diff.js";

/** A line of the old text, counted from 0, at which a hunk begins. */
function startOf({ oldStart, oldCount }: Hunk): number {
  return oldCount === 0 ? oldStart : oldStart - 1;
}

function hunkFrom(lines: readonly HunkLine[], oldIndex: number, newIndex: number): Hunk {
  const oldCount = lines.filter(({ sign }) => sign !== "+").length;
  const newCount = lines.filter(({ sign }) => sign !== "-").length;
  return {
    oldStart: oldCount === 0 ? oldIndex : oldIndex + 1,
    oldCount,
    newStart: newCount === 0 ? newIndex : newIndex + 1,
    newCount,
    lines,
  };
}

/** Where each unbroken stretch of changed lines begins and ends. */
function changedStretches(lines: readonly HunkLine[]): [number, number][] {
  const stretches: [number, number][] = [];
  for (const [at, { sign }] of lines.entries()) {
    if (sign === " ") continue;
    const last = stretches.at(-1);
    if (last?.[1] === at) last[1] = at + 1;
    else stretches.push([at, at + 1]);
  }
  return stretches;
}

/**
 * The smallest hunks that a hunk is made of, one for each unbroken stretch of changed lines; the unchanged lines between
 * two of them belong to both, as git shows them. Only itself when there is nothing to split.
 */
export function splitHunk(hunk: Hunk): Hunk[] {
  const stretches = changedStretches(hunk.lines);
  if (stretches.length < 2) return [hunk];
  return stretches.map((_, at) => {
    const from = stretches[at - 1]?.[1] ?? 0;
    const until = stretches[at + 1]?.[0] ?? hunk.lines.length;
    const before = hunk.lines.slice(0, from);
    const newIndex = hunk.newCount === 0 ? hunk.newStart : hunk.newStart - 1;
    return hunkFrom(
      hunk.lines.slice(from, until),
      startOf(hunk) + before.filter(({ sign }) => sign !== "+").length,
      newIndex + before.filter(({ sign }) => sign !== "-").length,
    );
  });
}

/** The content with the chosen ones of its hunks applied, byte for byte. They may share unchanged lines. */
export function applyHunks(before: Uint8Array, chosen: readonly Hunk[]): Uint8Array {
  const old = splitLines(latin1(before));
  const removed = new Set<number>();
  const inserted = new Map<number, string[]>();
  for (const hunk of chosen) {
    let at = startOf(hunk);
    for (const { sign, text } of hunk.lines) {
      if (sign === "+") inserted.set(at, [...(inserted.get(at) ?? []), text]);
      else if (old[at] !== text) throw new Error(`the hunk ${hunkHeading(hunk)} does not belong to this content`);
      else if (sign === "-") removed.add(at);
      if (sign !== "+") at += 1;
    }
  }
  const lines: string[] = [];
  for (let at = 0; at <= old.length; at += 1) {
    for (const text of inserted.get(at) ?? []) lines.push(text);
    const text = old[at];
    if (text !== undefined && !removed.has(at)) lines.push(text);
  }
  return Buffer.from(joinLines(lines), "latin1");
}

// Only edited hunks can leave a line without line feed before another, and two lines must never become one.
function joinLines(lines: readonly string[]): string {
  return lines.map((text, at) => (at === lines.length - 1 || text.endsWith("\n") ? text : `${text}\n`)).join("");
}

const noLineFeed = "\\ No newline at end of file";

/** A hunk as it is edited and parsed again. */
export function formatHunk(hunk: Hunk): string {
  const lines = hunk.lines.map(({ sign, text }) => `${sign}${text}${text.endsWith("\n") ? "" : `\n${noLineFeed}\n`}`);
  return `${hunkHeading(hunk)}\n${lines.join("")}`;
}

/** What a person made of a hunk in an editor; `problem` says why it cannot be used. */
type EditedHunk = { readonly hunk: Hunk } | { readonly problem: string };

function parseLines(text: string): HunkLine[] | string {
  const lines: HunkLine[] = [];
  for (const line of splitLines(text)) {
    const whole = line.endsWith("\n") ? line : `${line}\n`;
    const sign = whole[0];
    if (sign === "#" || whole.startsWith("@@")) continue;
    if (sign === "\\") {
      const last = lines.pop();
      if (last === undefined) return "it begins with the mark of a missing line feed";
      lines.push({ sign: last.sign, text: last.text.replace(/\n$/, "") });
      // An editor takes the space of an empty line away.
    } else if (sign === "\n") lines.push({ sign: " ", text: "\n" });
    else if (sign === " " || sign === "+" || sign === "-") lines.push({ sign, text: whole.slice(1) });
    else return `a line begins with ${JSON.stringify(sign)}, not with a space, + or -`;
  }
  return lines;
}

/**
 * Reads an edited hunk. Its old lines (those with a space or `-`) must be the ones that were there; what is added is free.
 * Text is Latin-1, as in hunks.
 */
export function readEditedHunk(before: Uint8Array, hunk: Hunk, text: string): EditedHunk {
  const lines = parseLines(text);
  if (typeof lines === "string") return { problem: lines };
  if (lines.length === 0) return { problem: "nothing is left of it" };
  const oldOf = (all: readonly HunkLine[]) => all.filter(({ sign }) => sign !== "+").map((line) => line.text);
  const [wanted, found] = [oldOf(hunk.lines), oldOf(lines)];
  if (wanted.length !== found.length || wanted.some((line, at) => line !== found[at])) {
    return { problem: "its lines with a space or - in front are not those of the file any more" };
  }
  const newLines = lines.filter(({ sign }) => sign !== "-").map((line) => line.text);
  const isAtEnd = startOf(hunk) + wanted.length === splitLines(latin1(before)).length;
  const open = newLines.findIndex((line) => !line.endsWith("\n"));
  if (open !== -1 && !(isAtEnd && open === newLines.length - 1)) {
    return { problem: "a line without a line feed can only be the last of the file" };
  }
  return { hunk: hunkFrom(lines, startOf(hunk), hunk.newCount === 0 ? hunk.newStart : hunk.newStart - 1) };
}
