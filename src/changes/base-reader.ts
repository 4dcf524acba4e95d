import type { EntryType } from "../model/change.js";

/** What the base holds at a path. */
export interface BaseEntry {
  readonly type: EntryType;
  /** Permission bits with set-id and sticky bits. */
  readonly mode: number;
  /** Bytes of a file or of a link's target; 0 for the rest. */
  readonly size: number;
  /** When the entry last changed, by the host's clock. */
  readonly ctimeMs: number;
  readonly target?: string;
}

/**
 * Reads the base: the host's project, which other programs (and the agent, through approved `rw` paths) may change at any
 * moment. No symbolic link is followed, in no component of a path; nothing but regular files is ever opened for reading.
 * Paths are in surrogateescape form, relative, without a leading slash; "" is the base itself.
 */
export interface BaseReader extends AsyncDisposable {
  /** Null: nothing is there, or a parent is no folder. */
  look(path: string): BaseEntry | null;
  /** Names in byte order; null when the folder may not be read. Empty when it is no folder. */
  list(path: string): readonly string[] | null;
  /** At most so many names, in no order. */
  listSome(path: string, most: number): readonly string[];
  /** The first bytes of a regular file; null when there is none or it may not be read. */
  read(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | null>;
  /** SHA-256 in hex of a regular file of any size; null as for `read`. */
  hash(path: string, signal: AbortSignal): Promise<string | null>;
}
