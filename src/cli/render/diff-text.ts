import { displayPath, escapeText } from "../../base/escape.js";
import type { Rename } from "../../changes/renames.js";
import { largestShown } from "../../changes/settle.js";
import type { Change, ChangeTotals, EntryState } from "../../model/change.js";
import { diffContents } from "../../text/line-diff.js";
import type { Palette } from "./colour.js";
import type { ContentSource } from "./content-source.js";
import { renderHunk } from "./hunk-lines.js";
import { formatSize } from "./size.js";
import { formatTotals } from "./stat.js";
import { wrapLine } from "./wrap.js";

export interface DiffTextInput {
  readonly changes: readonly Change[];
  readonly totals: ChangeTotals;
  readonly warnings: readonly string[];
  readonly renames?: readonly Rename[];
  readonly source: ContentSource;
  readonly palette: Palette;
  /** Of the terminal: long reasons are wrapped at it. Absent: they are one line each, as a program wants them. */
  readonly columns?: number | undefined;
  readonly signal: AbortSignal;
}

/**
 * The change set for a person: deletions and high risk first with the reasons, then a unified diff in the same order. Each
 * change is named, and where a body is not shown a line says so. Everything that comes from the sandbox is escaped.
 */
export async function* renderDiffText(input: DiffTextInput): AsyncGenerator<string, void, void> {
  const { changes, totals, warnings, palette, columns } = input;
  yield `${palette.bold(formatTotals(totals))}\n`;
  for (const warning of warnings) yield `${palette.red(`! ${escapeText(warning)}`)}\n`;
  const first = changes.filter(({ kind, risk }) => kind === "deleted" || risk.level === "high");
  const rest = changes.filter(({ kind, risk }) => kind !== "deleted" && risk.level !== "high");
  if (first.length > 0) yield `\n${palette.bold("Deletions and high risk:")}\n`;
  const targets = new Map(input.renames?.map((each) => [each.from, each]));
  for (const change of first) yield listed(change, { palette, columns }, targets.get(change.path));
  if (totals.deleted > 0) {
    yield palette.dim("(contents of deleted files are not shown: the host still has them, and --patch shows them)\n");
  }
  const origins = new Map(input.renames?.map((each) => [each.to, each]));
  for (const change of [...first, ...rest]) {
    input.signal.throwIfAborted();
    if (change.kind !== "deleted") yield* renderChange(change, input, origins.get(change.path));
  }
}

type Look = Pick<DiffTextInput, "palette" | "columns">;

/** What is to be known of a change, each reason on lines of its own, wrapped and never cut. */
function reasonLines({ risk, conflict }: Change, { palette, columns }: Look, indent: string): string[] {
  const reasons = conflict ? [...risk.reasons, conflictText] : risk.reasons;
  return reasons.flatMap((reason) =>
    wrapLine(`${indent}${escapeText(reason)}`, columns ?? Number.POSITIVE_INFINITY, indent).map((line) =>
      line.replace(/\S.*/, palette.yellow),
    ),
  );
}

function listed(change: Change, look: Look, rename: Rename | undefined): string {
  const { palette } = look;
  const { path, kind, risk, before } = change;
  const size = kind === "deleted" && before?.type === "file" ? ` (${formatSize(before.size)})` : "";
  const slash = change.type === "dir" ? "/" : "";
  const mark = risk.level === "high" ? "!" : " ";
  const name = palette.red(`${mark} ${kind.padEnd(8)} ${displayPath(path)}${slash}`) + size + renamedTo(rename);
  return `${[name, ...reasonLines(change, look, " ".repeat(13))].join("\n")}\n`;
}

/** Where the content of a deleted file is now; empty when it is gone. */
export function renamedTo(rename: Rename | undefined): string {
  return rename === undefined ? "" : `, renamed to ${displayPath(rename.to)}`;
}

const conflictText = "conflict: it changed on the host since the session began";

async function* renderChange(
  change: Change,
  input: DiffTextInput,
  rename: Rename | undefined,
): AsyncGenerator<string, void, void> {
  const { palette, source } = input;
  yield `\n${renderHeading(change, palette, input.columns)}`;
  // What is of high risk at its new place is shown whole, however well known it was at the old one.
  const known = change.risk.level === "high" ? undefined : rename;
  if (rename !== undefined) {
    const alike = rename.similarity === 100 ? "the same content" : `${rename.similarity}% of it alike`;
    const shown = known === undefined ? "" : rename.similarity === 100 ? ", not shown" : "; what differs:";
    yield `${palette.cyan(`  renamed from ${displayPath(rename.from)}, ${alike}${shown}`)}\n`;
  }
  if (change.kind === "mode" || known?.similarity === 100) return;
  yield* renderBody(change, { source, palette, rename: known });
}

/** What a change is, and every reason to look at it. */
export function renderHeading(change: Change, palette: Palette, columns?: number): string {
  const { path, kind, before, after } = change;
  const slash = change.type === "dir" ? "/" : "";
  const name = `${palette.bold(`${kind} ${displayPath(path)}${slash}`)}${describeStates(before, after)}`;
  return `${[name, ...reasonLines(change, { palette, columns }, "  ")].join("\n")}\n`;
}

function describeStates(before: EntryState | null, after: EntryState | null): string {
  if (before === null) return after === null ? "" : `  ${describe(after)}`;
  if (after === null) return `  ${describe(before)}`;
  return describe(before) === describe(after) ? `  ${describe(after)}` : `  ${describe(before)} → ${describe(after)}`;
}

function describe({ type, mode, size }: EntryState): string {
  const bits = mode.toString(8).padStart(4, "0");
  if (type === "file") return `${bits} ${formatSize(size)}`;
  return type === "dir" ? `folder ${bits}` : type;
}

/** The difference itself, or a line that says why it is not shown. */
export async function* renderBody(
  change: Change,
  { source, palette, rename }: Pick<DiffTextInput, "source" | "palette"> & { readonly rename?: Rename | undefined },
): AsyncGenerator<string, void, void> {
  const { path, before, after } = change;
  if (before?.type === "symlink") yield `${palette.red(`-→ ${displayPath(before.target ?? "")}`)}\n`;
  if (after?.type === "symlink") yield `${palette.green(`+→ ${displayPath(after.target ?? "")}`)}\n`;
  const sizes = [before, after].map((state) => (state?.type === "file" ? state.size : 0));
  if (Math.max(...sizes) === 0) return;
  if (change.binary) yield notShown("binary", change);
  else if (Math.max(...sizes) > largestShown) yield notShown(`larger than ${formatSize(largestShown)}`, change);
  else {
    // Of a renamed file only what differs from the old one is new to the reader.
    const old =
      rename === undefined
        ? await contentOf(before, () => source.readBefore(path, largestShown))
        : await source.readBefore(rename.from, largestShown);
    const now = await contentOf(after, () => source.readAfter(path, largestShown));
    if (old === null || now === null) yield notShown("unreadable", change);
    else if (old.includes(0) || now.includes(0)) yield notShown("binary", change);
    else yield* renderHunks(old, now, palette);
  }
}

async function contentOf(state: EntryState | null, read: () => Promise<Uint8Array | null>): Promise<Uint8Array | null> {
  return state?.type === "file" && state.size > 0 ? await read() : new Uint8Array();
}

function notShown(why: string, { before, after }: Change): string {
  const side = (state: EntryState | null) =>
    state?.type === "file"
      ? `${formatSize(state.size)} (${state.size} bytes, sha256 ${state.sha256 ?? "not computed"})`
      : "nothing";
  return `  content not shown, ${why}: ${side(before)} → ${side(after)}\n`;
}

function* renderHunks(old: Uint8Array, now: Uint8Array, palette: Palette): Generator<string, void, void> {
  for (const hunk of diffContents(old, now)) yield* renderHunk(hunk, palette);
}
