import type { ChangeKind, EntryState, EntryType, LayerEntry } from "../model/change.js";
import type { BaseEntry } from "./base-reader.js";

/** A layer's entry, with what a keeper may know beyond it. */
export interface ScannedEntry extends LayerEntry {
  /** Copied up from the base (`trusted.overlay.origin`) as opposed to made inside; absent: not known. */
  readonly copiedUp?: boolean | undefined;
  /** All of a file's bytes, where the keeper sent them along. */
  readonly content?: Uint8Array;
}

/** A difference found by looking alone, before any content was read. */
export interface Draft {
  readonly path: string;
  /** `undecided`: two files of one size, whose contents must be compared. */
  readonly kind: ChangeKind | "undecided";
  readonly before: EntryState | null;
  readonly after: EntryState | null;
  readonly masked: boolean;
  readonly conflict: boolean;
  /** What a person must know beyond the two states; makes the change one of high risk. */
  readonly warnings: readonly string[];
  /** Worth saying, without raising the risk beyond low. */
  readonly remarks: readonly string[];
  /** What the layer's file holds, all of it, where that is known already. */
  readonly content?: Uint8Array | undefined;
}

const typeOfKind: Record<Exclude<LayerEntry["kind"], "whiteout">, EntryType> = {
  file: "file",
  dir: "dir",
  symlink: "symlink",
  fifo: "special",
  socket: "special",
  chardev: "special",
  blockdev: "special",
};

/** The layer's side of a change. */
export function stateOfEntry(entry: LayerEntry): EntryState | null {
  if (entry.kind === "whiteout") return null;
  const type = typeOfKind[entry.kind];
  const mode = type === "symlink" ? 0o777 : entry.mode & 0o7777;
  const target = type === "symlink" ? { target: entry.target ?? "" } : {};
  const sha256 = entry.sha256 !== undefined && type === "file" ? { sha256: entry.sha256 } : {};
  return { type, mode, size: type === "file" || type === "symlink" ? entry.size : 0, ...sha256, ...target };
}

/** The base's side of a change. */
export function stateOfBase(entry: BaseEntry): EntryState {
  const { type, mode, size, target } = entry;
  return { type, mode: type === "symlink" ? 0o777 : mode, size, ...(target === undefined ? {} : { target }) };
}

/** What differs between two states; null when nothing does. Specials are never taken for the same. */
export function kindBetween(before: EntryState | null, after: EntryState): ChangeKind | "undecided" | null {
  if (before === null) return "added";
  if (before.type !== after.type) return "type";
  if (after.type === "symlink") return before.target === after.target ? null : "modified";
  if (after.type === "special") return "modified";
  if (after.type === "file") return before.size === after.size ? "undecided" : "modified";
  return before.mode === after.mode ? null : "mode";
}
