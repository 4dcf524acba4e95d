/** Everything a path can be. */
export type EntryType = "file" | "dir" | "symlink" | "special";

export type ChangeKind = "added" | "modified" | "deleted" | "type" | "mode";

/** One side of a change. `sha256` is set for files, `target` for symbolic links. */
export interface EntryState {
  readonly type: EntryType;
  /** Permission bits with set-id and sticky bits, as a number (0o755 = 493). */
  readonly mode: number;
  readonly size: number;
  readonly sha256?: string;
  readonly target?: string;
}

export type RiskLevel = "none" | "low" | "high";

export interface Risk {
  readonly level: RiskLevel;
  readonly reasons: readonly string[];
}

/** One path that differs between base and workspace. Paths are in surrogateescape form, relative to the project. */
export interface Change {
  readonly path: string;
  readonly kind: ChangeKind;
  readonly type: EntryType;
  readonly before: EntryState | null;
  readonly after: EntryState | null;
  readonly binary: boolean;
  readonly risk: Risk;
  /** The host's file changed after the session began. */
  readonly conflict: boolean;
  /** The path is hidden from the sandbox (a secret): it was created anew inside. */
  readonly masked: boolean;
}

export interface ChangeTotals {
  readonly added: number;
  readonly modified: number;
  readonly deleted: number;
  readonly type: number;
  readonly mode: number;
  readonly highRisk: number;
  readonly conflicts: number;
}

/** A layer's entry as the keeper lists it. */
export interface LayerEntry {
  readonly path: string;
  readonly kind: "file" | "dir" | "symlink" | "whiteout" | "fifo" | "socket" | "chardev" | "blockdev";
  /** A folder that hides everything below it in the base. */
  readonly opaque: boolean;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeNs: bigint;
  readonly links: number;
  readonly inode: string;
  readonly target?: string;
  readonly sha256?: string;
  /** Extended attributes other than the overlay's own. */
  readonly attributes: readonly string[];
}
