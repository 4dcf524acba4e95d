/** A commit, for people. Everything in it was written by whoever made it: it is escaped before it is shown. */
export interface GitCommit {
  readonly id: string;
  readonly author: string;
  /** UTC, as in `2026-01-31T12:00:00.000Z`; empty where the commit has no usable time. */
  readonly date: string;
  readonly subject: string;
}

export type BranchKind = "added" | "moved" | "rewritten" | "deleted";

/** A branch that differs between host and session. Object ids; null: not there. */
export interface GitBranch {
  readonly name: string;
  readonly before: string | null;
  readonly after: string | null;
  /** `rewritten`: the host's tip is not part of the new history, or that it is cannot be shown. */
  readonly kind: BranchKind;
  /** Commits made inside, newest first. */
  readonly commits: readonly GitCommit[];
  /** How many more of them there are, at least. */
  readonly more: number;
  /** Whether `commits` and `more` are all of them. */
  readonly complete: boolean;
  /** Commits of the host that the new history does not hold; null: not known. */
  readonly lost: number | null;
  /** The host's own branch changed after the session began, so that the two may have parted without anybody's ill will. */
  readonly conflict: boolean;
}

/** A ref that is no branch: a tag, a remote's branch, the stash, notes, replacements. */
export interface GitRef {
  readonly name: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly kind: "added" | "moved" | "deleted";
}

export interface GitConfigChange {
  readonly path: string;
  readonly key: string;
  readonly kind: "added" | "changed" | "removed";
  /** What git does with it when it runs; null: nothing that runs or redirects. */
  readonly effect: string | null;
  /** The new value, cut to a length; null when it was removed. */
  readonly value: string | null;
}

/** A file of git's that is named one by one. */
export interface GitFile {
  readonly path: string;
  readonly kind: "added" | "modified" | "deleted" | "type" | "mode";
  /** Why it matters; null: it is only named. */
  readonly effect: string | null;
}

/** Git data at another place of the project than its top: nested repositories, submodules, other spellings of `.git`. */
export interface GitElsewhere {
  readonly path: string;
  readonly kind: "added" | "changed" | "deleted";
  readonly paths: number;
}

/** What a session did to git, found without running git on anything that was made in it. */
export interface GitReport {
  /** What is checked out: `refs/heads/main` or an object id. */
  readonly head: { readonly before: string | null; readonly after: string | null } | null;
  readonly branches: readonly GitBranch[];
  readonly refs: readonly GitRef[];
  readonly config: readonly GitConfigChange[];
  readonly hooks: readonly GitFile[];
  readonly files: readonly GitFile[];
  readonly elsewhere: readonly GitElsewhere[];
  /** Changed paths that are only counted. */
  readonly counts: {
    readonly objects: number;
    readonly packs: number;
    readonly logs: number;
    readonly folders: number;
    /** Data of submodules, of further work trees and of other programs. */
    readonly others: number;
  };
  /** All changed paths of git's, counted once each. */
  readonly paths: number;
  /** What could not be read or was not looked at, and why. */
  readonly notes: readonly string[];
  /** Of high risk, each a sentence. */
  readonly risks: readonly string[];
}

/** Reads a file of one side; null: no regular file is there, or it is larger than that. Paths are the project's. */
export type ReadFile = (path: string, maxBytes: number) => Promise<Uint8Array | null>;
