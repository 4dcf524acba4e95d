import type { NetworkMode } from "./network.js";

/** How the base of the workspace reaches the sandbox. */
export type BaseKind = "overlay" | "upload";

export type PathMode = "ro" | "cow" | "rw";

/** A host path that the user allowed in, with the identity it had when it was allowed. */
export interface ApprovedPath {
  readonly hostPath: string;
  readonly target: string;
  readonly mode: PathMode;
  readonly kind: "file" | "folder";
  /** Decimal strings: inode numbers do not fit a double. */
  readonly device: string;
  readonly inode: string;
}

export type LayerName = "workspace" | "home" | `path-${number}`;

/** One copy-on-write mount: the session's writes over a base. */
export interface Layer {
  readonly name: LayerName;
  /** Folder on the host that lies under it; null for the home, whose base is empty. */
  readonly hostPath: string | null;
  readonly base: BaseKind | "empty";
  readonly target: string;
  readonly volume: string;
}

export interface Limits {
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly pids: number;
  readonly diskBytes: number;
  /** Seconds of wall-clock time; 0: none. */
  readonly timeoutSeconds: number;
}

export type SandboxUser = "agent" | "root";

/**
 * `starting` → `running` → `stopped`; `discarding` is on disk before anything is deleted, so that whoever comes next can
 * finish it. `interrupted`: its sandbox vanished under it. `discarded`: only the journal is left.
 */
export type SessionState = "starting" | "running" | "stopped" | "interrupted" | "discarding" | "discarded";

/** A file hidden from the sandbox, and why. */
export interface HiddenFile {
  readonly path: string;
  readonly rule: string;
}

/** What `session.json` holds. */
export interface SessionRecord {
  readonly version: 1;
  readonly id: string;
  readonly createdAt: string;
  /** Milliseconds since the epoch by the host's clock when the base was fixed: later host changes are conflicts. */
  readonly baseTimeMs: number;
  readonly project: { readonly path: string; readonly device: string; readonly inode: string };
  /** The project's path inside. */
  readonly workspace: string;
  readonly engine: string;
  readonly image: { readonly reference: string; readonly id: string };
  readonly user: SandboxUser;
  readonly uid: number;
  readonly gid: number;
  readonly runtime: string | null;
  readonly limits: Limits;
  readonly layers: readonly Layer[];
  readonly paths: readonly ApprovedPath[];
  readonly hidden: readonly HiddenFile[];
  readonly state: SessionState;
  readonly container: string | null;
  /** Image that holds the container's own file system for a writable root restored from a snapshot. */
  readonly rootImage: string | null;
  /** Increases with each new sandbox of the session. */
  readonly generation: number;
  /** The command of `run`, for `ls`; null for `start`. */
  readonly command: readonly string[] | null;
  readonly lastExit: { readonly code: number; readonly reason: string | null } | null;
  readonly proof: {
    readonly ok: boolean;
    readonly at: string;
    readonly failed: readonly string[];
    readonly checks: number;
  } | null;
  readonly nextSnapshot: number;
  /** Whether it gets a wire, and by which kind of policy; absent: none. */
  readonly network?: NetworkMode | undefined;
  /** Absent: its terminals are recorded. */
  readonly isRecorded?: false | undefined;
  /** Whether calls of AWS are decided on the host, or the sandbox has narrowed keys; absent: no AWS. */
  readonly aws?: "gateway" | "direct" | undefined;
  /** The agent that was prepared for it, and the files of the user's own that it was given. */
  readonly agent?: { readonly name: string; readonly carried: readonly string[] } | undefined;
  /** It gets a wire for the hooks of agents, too; absent: their tools ask nobody here. */
  readonly hooks?: true | undefined;
  /** Of a fork: the snapshots that its layers lie on, from the top down, shared and never written; absent: none. */
  readonly lower?: readonly SnapshotReference[] | undefined;
}

/** A snapshot of whichever session. */
export interface SnapshotReference {
  readonly session: string;
  readonly snapshot: string;
}

/** What is remembered of a snapshot. `s0` is the empty beginning, which costs nothing. */
export interface SnapshotRecord {
  readonly id: string;
  readonly createdAt: string;
  readonly message: string;
  readonly reason: "start" | "request" | "restore" | "trust-all" | "auto";
  readonly files: number;
  readonly bytes: number;
  readonly manifestSha256: string | null;
  /** The committed container file system, where it is writable. */
  readonly image: string | null;
}
