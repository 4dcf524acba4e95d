import type { EntryState, EntryType } from "./change.js";

/** What a path shall become on the host. */
export interface WantedEntry {
  readonly type: "file" | "dir" | "symlink";
  /** Permission bits; never set-id or sticky bits that the host's entry does not have already. */
  readonly mode: number;
  /** Nanoseconds since the epoch; null: the moment of writing. */
  readonly mtimeNs: bigint | null;
  readonly target?: string;
  /** Of a file's content: bytes that do not match are never put in place. */
  readonly size?: number;
  readonly sha256?: string;
  /** Files of one apply with the same value become one file with several names. */
  readonly link?: string;
  /** Absent: of whom it replaces, else the project's. Only root can give files away. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** Where the content of a file comes from: a path of the content source, or bytes at hand (chosen hunks, a merge). */
export type OperationContent = { readonly from: string } | { readonly bytes: Uint8Array };

/** One step of an apply. */
export interface Operation {
  /** Relative to the project, in surrogateescape form. */
  readonly path: string;
  /** What the person saw there when deciding; anything else on the host stops the apply. */
  readonly expected: EntryState | null;
  /** Null deletes. */
  readonly after: WantedEntry | null;
  /** Null when no file content is written: folders, links, deletions, and changes of mode alone. */
  readonly content: OperationContent | null;
}

/** A part of a file: bytes, or so many zero bytes that take no room. */
export type ContentPart = Uint8Array | { readonly hole: number };

/** Gives the contents of files, in the order asked for. */
export interface OperationSource {
  /** All of a content that is at hand; null: it is to be fetched. */
  held?(path: string): Uint8Array | null;
  fetch(
    paths: readonly string[],
    signal: AbortSignal,
  ): AsyncIterable<{ readonly path: string; readonly parts: AsyncIterable<ContentPart> }>;
}

/** What a path of the host was, so closely that any later change of it shows. Numbers beyond a double are decimal strings. */
export interface HostState {
  readonly type: EntryType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
  readonly device: string;
  readonly inode: string;
  /** How many names it has. */
  readonly links: number;
  readonly target?: string;
  readonly sha256?: string;
}

/** What to do with a path that changed on the host after the session began. */
export type ConflictPolicy = "fail" | "keep-host" | "take-sandbox" | "both" | "merge";

/** A change that is not applied, and why. */
export interface Skipped {
  readonly path: string;
  readonly reason: string;
}

/** What an apply will do, as it is shown to the person who decides. */
export interface ApplyPlan {
  readonly operations: readonly Operation[];
  readonly skipped: readonly Skipped[];
  /** Paths that the policy leaves undecided: while there is one, nothing is applied. */
  readonly conflicts: readonly Skipped[];
}

/** `preparing`: nothing of the project was touched. `committing`: a crash from here on is rolled back. */
export type ApplyPhase = "preparing" | "committing" | "committed" | "rolled-back";

/** One apply, or one undo, of a session. */
export interface ApplySummary {
  readonly id: string;
  readonly session: string;
  readonly kind: "apply" | "undo";
  /** The apply that an undo takes back. */
  readonly undoes: string | null;
  readonly createdAt: string;
  readonly phase: ApplyPhase;
  readonly paths: number;
}
