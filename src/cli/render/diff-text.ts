import { displayPath, escapeText } from "../../base/escape.js";
import { largestShown } from "../../changes/settle.js";
import type { Change, ChangeTotals, EntryState } from "../../model/change.js";
import { diffContents } from "../../text/line-diff.js";
import type { Palette } from "./colour.js";
import type { ContentSource } from "./content-source.js";
import { renderHunk } from "./hunk-lines.js";
import { formatSize } from "./size.js";
import { formatTotals } from "./stat.js";

export interface DiffTextInput {
  readonly changes: readonly Change[];
  readonly totals: ChangeTotals;
  readonly warnings: readonly string[];
  readonly source: ContentSource;
  readonly palette: Palette;
  readonly signal: AbortSignal;
}

/**
 * The change set for a person: deletions and high risk first with the reasons, then a unified diff in the same order. Each
 * change is named, and where a body is not shown a line says so. Everything that comes from the sandbox is escaped.
 */
export async function* renderDiffText(input: DiffTextInput): AsyncGenerator<string, void, void> {
  const { changes, totals, warnings, palette } = input;
  yield `${palette.bold(formatTotals(totals))}\n`;
  for (const warning of warnings) yield `${palette.red(`! ${escapeText(warning)}`)}\n`;
  const first = changes.filter(({ kind, risk }) => kind === "deleted" || risk.level === "high");
  const rest = changes.filter(({ kind, risk }) => kind !== "deleted" && risk.level !== "high");
  if (first.length > 0) yield `\n${palette.bold("Deletions and high risk:")}\n`;
  for (const change of first) yield listed(change, palette);
  if (totals.deleted > 0) {
    yield palette.dim("(contents of deleted files are not shown: the host still has them, and --patch shows them)\n");
  }
  for (const change of [...first, ...rest]) {
    input.signal.throwIfAborted();
    if (change.kind !== "deleted") yield* renderChange(change, input);
  }
}

function listed(change: Change, palette: Palette): string {
  const { path, kind, risk, conflict, before } = change;
  const size = kind === "deleted" && before?.type === "file" ? ` (${formatSize(before.size)})` : "";
  const slash = change.type === "dir" ? "/" : "";
  const mark = risk.level === "high" ? "!" : " ";
  const lines = [palette.red(`${mark} ${kind.padEnd(8)} ${displayPath(path)}${slash}`) + size];
  for (const reason of risk.reasons) lines.push(`             ${palette.yellow(escapeText(reason))}`);
  if (conflict) lines.push(`             ${palette.yellow(conflictText)}`);
  return `${lines.join("\n")}\n`;
}

const conflictText = "conflict: it changed on the host since the session began";

async function* renderChange(change: Change, input: DiffTextInput): AsyncGenerator<string, void, void> {
  yield `\n${renderHeading(change, input.palette)}`;
  if (change.kind !== "mode") yield* renderBody(change, input);
}

/** What a change is, and every reason to look at it. */
export function renderHeading(change: Change, palette: Palette): string {
  const { path, kind, before, after, risk, conflict } = change;
  const slash = change.type === "dir" ? "/" : "";
  const lines = [`${palette.bold(`${kind} ${displayPath(path)}${slash}`)}${describeStates(before, after)}\n`];
  for (const reason of risk.reasons) lines.push(`${palette.yellow(`  ${escapeText(reason)}`)}\n`);
  if (conflict) lines.push(`${palette.yellow(`  ${conflictText}`)}\n`);
  return lines.join("");
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
  { source, palette }: Pick<DiffTextInput, "source" | "palette">,
): AsyncGenerator<string, void, void> {
  const { path, before, after } = change;
  if (before?.type === "symlink") yield `${palette.red(`-→ ${displayPath(before.target ?? "")}`)}\n`;
  if (after?.type === "symlink") yield `${palette.green(`+→ ${displayPath(after.target ?? "")}`)}\n`;
  const sizes = [before, after].map((state) => (state?.type === "file" ? state.size : 0));
  if (Math.max(...sizes) === 0) return;
  if (change.binary) yield notShown("binary", change);
  else if (Math.max(...sizes) > largestShown) yield notShown(`larger than ${formatSize(largestShown)}`, change);
  else {
    const old = await contentOf(before, () => source.readBefore(path, largestShown));
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
