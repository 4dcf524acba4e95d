import { encodePath } from "../../base/byte-path.js";
import { displayPath } from "../../base/escape.js";
import type { Change, EntryState } from "../../model/change.js";
import { diffContents, hunkHeading } from "../../text/line-diff.js";
import type { ContentSource } from "./content-source.js";
import { binaryLiteral, blobName, gitName } from "./git-format.js";
import { findUnexpressed, gitMode, isContent } from "./patch-limits.js";

export interface PatchInput {
  readonly changes: readonly Change[];
  readonly source: ContentSource;
  /** Told what the patch cannot carry. */
  readonly warn: (text: string) => void;
  readonly signal: AbortSignal;
  /** A file above this is not put into the patch. */
  readonly maxBytes?: number;
}

const largestFile = 64 * 1024 * 1024;
/** A text of more lines is carried like a binary file. */
const mostLines = 200_000;
const noName = "0".repeat(40);

interface Side {
  readonly state: EntryState;
  readonly content: Uint8Array;
}

/**
 * A patch in git's format that `git apply` and `patch -p1` take in a copy of the base. What such a patch cannot say is
 * said in comments before the first file and through `warn`. Deletions come first, so that their names are free again.
 */
export async function* renderPatch(input: PatchInput): AsyncGenerator<Buffer, void, void> {
  const left = findUnexpressed(input.changes, input.maxBytes ?? largestFile);
  for (const { path, why } of left.notes) yield comment(path, why);
  for (const text of left.warnings) input.warn(text);
  const carried = input.changes.filter((change) => !left.omitted.has(change));
  for (const change of carried) {
    if (change.kind === "deleted" || change.kind === "type") yield* renderPart(input, change, change.before, null);
  }
  for (const change of carried) {
    if (change.kind === "deleted") continue;
    yield* renderPart(input, change, change.kind === "type" ? null : change.before, change.after);
  }
}

function comment(path: string, why: string): Buffer {
  return Buffer.from(`# airlock: not in this patch: ${displayPath(path)}: ${why}\n`, "utf8");
}

async function* renderPart(
  input: PatchInput,
  { path, kind }: Change,
  before: EntryState | null,
  after: EntryState | null,
): AsyncGenerator<Buffer, void, void> {
  input.signal.throwIfAborted();
  const old = isContent(before) ? before : null;
  const now = isContent(after) ? after : null;
  if (old === null && now === null) return;
  const sides = await readSides(input, path, kind, old, now);
  if (sides === null) {
    input.warn(`not in the patch: ${displayPath(path)}: its content cannot be read`);
    yield comment(path, "its content cannot be read");
    return;
  }
  yield Buffer.from(patchFor(path, sides.before, sides.after), "latin1");
}

async function readSides(
  { source, maxBytes = largestFile }: PatchInput,
  path: string,
  kind: Change["kind"],
  old: EntryState | null,
  now: EntryState | null,
): Promise<{ before: Side | null; after: Side | null } | null> {
  const empty = new Uint8Array();
  const read = async (state: EntryState, side: "readBefore" | "readAfter"): Promise<Uint8Array | null> => {
    if (state.type === "symlink") return encodePath(state.target ?? "");
    if (kind === "mode" || state.size === 0) return empty;
    return await source[side](path, maxBytes);
  };
  const before = old === null ? empty : await read(old, "readBefore");
  const after = now === null ? empty : await read(now, "readAfter");
  if (before === null || after === null) return null;
  return {
    before: old === null ? null : { state: old, content: before },
    after: now === null ? null : { state: now, content: after },
  };
}

function patchFor(path: string, before: Side | null, after: Side | null): string {
  const oldMode = before === null ? null : gitMode(before.state);
  const newMode = after === null ? null : gitMode(after.state);
  const lines = [`diff --git ${gitName("a/", path)} ${gitName("b/", path)}`];
  if (oldMode === null) lines.push(`new file mode ${newMode}`);
  else if (newMode === null) lines.push(`deleted file mode ${oldMode}`);
  else if (oldMode !== newMode) lines.push(`old mode ${oldMode}`, `new mode ${newMode}`);
  const old = before?.content ?? new Uint8Array();
  const now = after?.content ?? new Uint8Array();
  const same = Buffer.compare(old, now) === 0;
  if (same && oldMode !== null && newMode !== null) return `${lines.join("\n")}\n`;
  const names = `${before === null ? noName : blobName(old)}..${after === null ? noName : blobName(now)}`;
  lines.push(`index ${names}${oldMode === newMode ? ` ${oldMode}` : ""}`);
  const head = `${lines.join("\n")}\n`;
  if (same) return head;
  return head + (isText(old) && isText(now) ? textBody(path, before, after) : binaryBody(old, now));
}

// Lines are held one by one, so a file of nothing but line feeds would take a hundred times its size.
function isText(content: Uint8Array): boolean {
  let lines = 0;
  for (let at = content.indexOf(10); at !== -1; at = content.indexOf(10, at + 1)) {
    lines += 1;
    if (lines > mostLines) return false;
  }
  return !content.includes(0);
}

function binaryBody(old: Uint8Array, now: Uint8Array): string {
  return `GIT binary patch\n${binaryLiteral(now)}${binaryLiteral(old)}`;
}

function textBody(path: string, before: Side | null, after: Side | null): string {
  const parts = [
    `--- ${before === null ? "/dev/null" : gitName("a/", path)}\n`,
    `+++ ${after === null ? "/dev/null" : gitName("b/", path)}\n`,
  ];
  for (const hunk of diffContents(before?.content ?? new Uint8Array(), after?.content ?? new Uint8Array())) {
    parts.push(`${hunkHeading(hunk)}\n`);
    for (const { sign, text } of hunk.lines) {
      parts.push(sign, text, text.endsWith("\n") ? "" : "\n\\ No newline at end of file\n");
    }
  }
  return parts.join("");
}
