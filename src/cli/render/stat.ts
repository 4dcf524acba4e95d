import { displayPath } from "../../base/escape.js";
import type { Rename } from "../../changes/renames.js";
import type { Change, ChangeTotals, EntryState } from "../../model/change.js";
import { diffContents, latin1, splitLines } from "../../text/line-diff.js";
import type { Palette } from "./colour.js";
import type { ContentSource } from "./content-source.js";
import { countOf } from "./size.js";
import { widthOf } from "./table.js";

export interface StatInput {
  readonly changes: readonly Change[];
  readonly source: ContentSource;
  readonly palette: Palette;
  readonly columns: number;
  readonly signal: AbortSignal;
  readonly maxBytes?: number;
  readonly renames?: readonly Rename[];
}

interface StatLine {
  readonly name: string;
  readonly added: number;
  readonly removed: number;
  /** Shown instead of counted lines. */
  readonly instead: string | null;
}

const largestBody = 1024 * 1024;

/** Like `git diff --stat`: a line for each change, then the sum. */
export async function* renderStat(input: StatInput): AsyncGenerator<string, void, void> {
  const lines: StatLine[] = [];
  const targets = new Map(input.renames?.map(({ from, to }) => [from, to]));
  const origins = new Map(input.renames?.map((each) => [each.to, each]));
  for (const change of input.changes) {
    input.signal.throwIfAborted();
    const rename = change.kind === "deleted" ? targets.get(change.path) : origins.get(change.path);
    lines.push(await statLine(change, rename, input));
  }
  const counted = lines.filter(({ instead }) => instead === null);
  const most = Math.max(1, ...chunkMaxima(counted.map(({ added, removed }) => added + removed)));
  const digits = String(most).length;
  const names = Math.max(1, ...chunkMaxima(lines.map(({ name }) => widthOf(name))));
  const width = Math.min(names, Math.max(20, input.columns - digits - 30));
  const room = Math.max(10, input.columns - width - digits - 5);
  for (const line of lines) yield ` ${formatLine(line, { width, digits, most, room }, input.palette)}\n`;
  const added = counted.reduce((sum, line) => sum + line.added, 0);
  const removed = counted.reduce((sum, line) => sum + line.removed, 0);
  const total = `${countOf(lines.length, "path")} changed`;
  yield ` ${total}, ${countOf(added, "insertion")}(+), ${countOf(removed, "deletion")}(-)\n`;
}

// `Math.max` takes no 100,000 arguments.
function* chunkMaxima(numbers: readonly number[]): Generator<number> {
  for (let at = 0; at < numbers.length; at += 10_000) yield Math.max(...numbers.slice(at, at + 10_000));
}

interface Measures {
  readonly width: number;
  readonly digits: number;
  readonly most: number;
  readonly room: number;
}

function formatLine({ name, added, removed, instead }: StatLine, measures: Measures, palette: Palette): string {
  const { width, digits, most, room } = measures;
  const padded = name + " ".repeat(Math.max(0, width - widthOf(name)));
  if (instead !== null) return `${padded} | ${instead}`;
  const scale = (count: number) =>
    most <= room || count === 0 ? count : Math.max(1, Math.floor((count * room) / most));
  const bar = palette.green("+".repeat(scale(added))) + palette.red("-".repeat(scale(removed)));
  return `${padded} | ${String(added + removed).padStart(digits)}${bar === "" ? "" : ` ${bar}`}`;
}

function labelOf({ path, kind }: Change, rename: Rename | string | undefined): string {
  if (typeof rename === "object") {
    const { from, similarity } = rename;
    return `${displayPath(path)} (renamed from ${displayPath(from)}, ${similarity}%)`;
  }
  if (kind !== "deleted") return displayPath(path);
  return `${displayPath(path)} (${rename === undefined ? "deleted" : `renamed to ${displayPath(rename)}`})`;
}

async function statLine(change: Change, rename: Rename | string | undefined, input: StatInput): Promise<StatLine> {
  const name = labelOf(change, rename);
  const none = { name, added: 0, removed: 0 };
  const instead = insteadOf(change, input.maxBytes ?? largestBody);
  if (instead !== null) return { ...none, instead };
  const before = await textOf(change.before, () => input.source.readBefore(change.path, largestBody));
  const after = await textOf(change.after, () => input.source.readAfter(change.path, largestBody));
  if (before === null || after === null) return { ...none, instead: "unreadable" };
  if (before.includes(0) || after.includes(0)) return { ...none, instead: binarySizes(change) };
  if (before.length === 0) return { name, added: lineCount(after), removed: 0, instead: null };
  if (after.length === 0) return { name, added: 0, removed: lineCount(before), instead: null };
  const signs = diffContents(before, after).flatMap(({ lines }) => lines.map(({ sign }) => sign));
  const count = (wanted: string) => signs.filter((sign) => sign === wanted).length;
  return { name, added: count("+"), removed: count("-"), instead: null };
}

function insteadOf({ kind, before, after, binary, type }: Change, maxBytes: number): string | null {
  const octal = (state: EntryState | null) => (state?.mode ?? 0).toString(8).padStart(4, "0");
  if (kind === "mode") return `mode ${octal(before)} -> ${octal(after)}`;
  if (kind === "type") return `${before?.type ?? "nothing"} -> ${after?.type ?? "nothing"}`;
  if (type === "dir") return kind === "deleted" ? "folder" : "new folder";
  if (type !== "file") return type;
  if (binary || Math.max(before?.size ?? 0, after?.size ?? 0) > maxBytes) return binarySizes({ before, after });
  return null;
}

function binarySizes({ before, after }: Pick<Change, "before" | "after">): string {
  return `Bin ${before?.size ?? 0} -> ${after?.size ?? 0} bytes`;
}

async function textOf(state: EntryState | null, read: () => Promise<Uint8Array | null>): Promise<Uint8Array | null> {
  return state === null || state.size === 0 || state.type !== "file" ? new Uint8Array() : await read();
}

function lineCount(content: Uint8Array): number {
  return splitLines(latin1(content)).length;
}

/** `3 added, 1 modified, 12 deleted; 2 of high risk`, or that nothing changed. */
export function formatTotals(totals: ChangeTotals): string {
  const kinds = [
    [totals.added, "added"],
    [totals.modified, "modified"],
    [totals.deleted, "deleted"],
    [totals.type, "of another type"],
    [totals.mode, "of another mode"],
  ] as const;
  const parts = kinds.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  if (parts.length === 0) return "nothing changed";
  const marks = [
    ...(totals.highRisk > 0 ? [`${totals.highRisk} of high risk`] : []),
    ...(totals.conflicts > 0 ? [countOf(totals.conflicts, "conflict")] : []),
  ];
  return parts.join(", ") + (marks.length > 0 ? `; ${marks.join(", ")}` : "");
}
