import { createHash } from "node:crypto";
import type { Operation, OperationContent, WantedEntry } from "../model/apply.js";
import type { Change, LayerEntry } from "../model/change.js";
import { leaveOff } from "./refuse.js";

/** How a change is written. */
export interface Writing {
  /** Another path than the change's own: beside the host's version, or in a folder that lands beside it. */
  readonly path: string;
  /** Instead of the layer's content: chosen hunks, or a merge. */
  readonly bytes?: Uint8Array | undefined;
  readonly merged?: true;
  /** What to tell of it besides the operation itself. */
  readonly why?: string;
}

interface MadeOperation {
  readonly operation: Operation;
  /** What of the change is not applied. */
  readonly notes: readonly string[];
}

/** The operation that carries out a change, and what of the change it leaves off. */
export function operationFor(change: Change, writing: Writing, entry: LayerEntry | undefined): MadeOperation {
  const { path, why } = writing;
  const expected = path === change.path ? change.before : null;
  const told = why === undefined ? [] : [why];
  if (change.after === null) return { operation: { path, expected, after: null, content: null }, notes: told };
  const { after, notes } = wantedOf(change, writing, entry);
  return { operation: { path, expected, after, content: contentOf(change, writing) }, notes: [...told, ...notes] };
}

function contentOf({ path, kind, after }: Change, { bytes }: Writing): OperationContent | null {
  if (after?.type !== "file") return null;
  if (bytes !== undefined) return { bytes };
  return kind === "mode" ? null : { from: path };
}

function wantedOf(
  change: Change,
  { bytes, merged }: Writing,
  entry: LayerEntry | undefined,
): { after: WantedEntry | null; notes: readonly string[] } {
  const { before, after } = change;
  if (after === null || after.type === "special") return { after: null, notes: [] };
  const { type, target, size, sha256 } = after;
  const left = leaveOff(change, entry);
  if (type === "symlink") {
    return { after: { type, mode: 0o777, mtimeNs: entry?.mtimeNs ?? null, target: target ?? "" }, notes: left.notes };
  }
  if (type === "dir") return { after: { type, mode: left.mode, mtimeNs: entry?.mtimeNs ?? null }, notes: left.notes };
  if (bytes !== undefined) {
    const hash = createHash("sha256").update(bytes).digest("hex");
    // Which side changed the mode is not known, so the host's stays as well.
    const keeps = merged === true && before !== null && (before.mode & 0o777) !== left.mode;
    const mode = keeps ? before.mode & 0o777 : left.mode;
    const notes = keeps ? [`its mode stays ${mode.toString(8).padStart(4, "0")}, as on the host`] : [];
    return {
      after: { type, mode, mtimeNs: null, size: bytes.length, sha256: hash },
      notes: [...notes, ...left.notes],
    };
  }
  const proof = sha256 === undefined ? {} : { sha256 };
  return { after: { type, mode: left.mode, mtimeNs: entry?.mtimeNs ?? null, size, ...proof }, notes: left.notes };
}

/** Lets files that are one file with several names in the layer become one on the host, where all of them are written whole. */
export function linkTogether(operations: readonly Operation[], entries: ReadonlyMap<string, LayerEntry>): Operation[] {
  const groups = new Map<string, Operation[]>();
  for (const operation of operations) {
    const key = linkKey(operation, entries);
    if (key !== null) groups.set(key, [...(groups.get(key) ?? []), operation]);
  }
  const links = new Map<Operation, string>();
  for (const [key, group] of groups)
    if (group.length > 1) for (const each of group) links.set(each, key.slice(0, key.indexOf(" ")));
  return operations.map((operation) => {
    const link = links.get(operation);
    if (link === undefined || operation.after === null) return operation;
    return { ...operation, after: { ...operation.after, link } };
  });
}

// One inode has one content, mode and time: whatever would differ on the host is no link there.
function linkKey({ after, content }: Operation, entries: ReadonlyMap<string, LayerEntry>): string | null {
  if (after === null || content === null || !("from" in content)) return null;
  const entry = entries.get(content.from);
  if (entry === undefined || entry.kind !== "file" || entry.links < 2) return null;
  return `${entry.inode} ${after.mode} ${after.mtimeNs} ${after.sha256}`;
}
