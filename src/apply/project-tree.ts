import { chmodSync, closeSync, constants, fstatSync, lchownSync, lutimesSync, openSync } from "node:fs";
import { encodePath } from "../base/byte-path.js";
import { AirlockError } from "../base/errors.js";
import { displayPath } from "../base/escape.js";
import { hasDescriptorPaths, openSafeFolders, type SafeFolders } from "../base/safe-folders.js";
import type { HostState } from "../model/apply.js";
import { isSameInode, lookAt, nameOf, stateOfStats } from "./host-state.js";

/** A folder, and which one it was when its session began. */
export interface FolderIdentity {
  readonly path: string;
  readonly device: string;
  readonly inode: string;
}

const openPath = 0o10000000;
const dot = Buffer.from(".");

/** The names of a path of the project; "." is the project itself. */
export function componentsOf(path: string): string[] {
  return path === "." ? [] : path.split("/");
}

function nameOfPath(path: string): Buffer {
  return encodePath(path.slice(path.lastIndexOf("/") + 1));
}

/** The folder that holds a path; "." for what lies at the top. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? "." : path.slice(0, slash);
}

/** The project on the host, written and looked at through handles: no name is ever looked up through a symbolic link. */
export class ProjectTree implements Disposable {
  readonly #folders: SafeFolders;
  /** Which folder each path of a parent was when the record was made: another one in its place stops the apply. */
  readonly #known = new Map<string, HostState>();
  #checked: string | null = null;

  constructor(folders: SafeFolders) {
    this.#folders = folders;
  }

  /** From now on this folder must be this very one. */
  know(path: string, state: HostState): void {
    this.#known.set(path, state);
    this.#checked = null;
  }

  /** The system path of a folder, ending in a slash, checked at this moment; throws when it is not to be trusted. */
  folder(path: string): Buffer {
    const components = componentsOf(path);
    let found = this.#locateHeld(components);
    if (found === null) {
      this.#folders.forget();
      this.#checked = null;
      found = this.#locateHeld(components);
    }
    if (found === null) throw this.#untrusted(path);
    this.#requireKnown(path, found);
    return found;
  }

  #locateHeld(components: readonly string[]): Buffer | null {
    const found = this.#folders.locate(components);
    return found !== null && this.#folders.holds(components) ? found : null;
  }

  /** Like `folder`, for looking only: null when it is no folder of the project. */
  folderIfAny(path: string): Buffer | null {
    try {
      return this.folder(path);
    } catch (error) {
      if (error instanceof AirlockError && error.code === "E_APPLY_CONFLICT") return null;
      throw error;
    }
  }

  /** The system path of an entry, its parent checked at this moment. */
  at(path: string): Buffer {
    if (path === ".") return Buffer.concat([this.folder("."), dot]);
    return Buffer.concat([this.folder(folderOf(path)), nameOfPath(path)]);
  }

  look(path: string): HostState | null {
    if (path === ".") return lookAt(this.at("."));
    const folder = this.folderIfAny(folderOf(path));
    return folder === null ? null : lookAt(Buffer.concat([folder, nameOfPath(path)]));
  }

  /** Sets mode, owner or time of the very entry that `expected` describes, whatever is at its path by then. */
  adjust(path: string, expected: HostState, wanted: EntryAttributes): void {
    adjustAt(this.at(path), expected, wanted);
  }

  #requireKnown(path: string, found: Buffer): void {
    if (this.#checked === path) return;
    const known = this.#known.get(path);
    if (known !== undefined) {
      const now = lookAt(Buffer.concat([found, dot]));
      if (now?.inode !== known.inode || now.device !== known.device) {
        throw conflict(path, "was replaced by another folder");
      }
    }
    this.#checked = path;
  }

  #untrusted(path: string): AirlockError {
    const names = componentsOf(path);
    for (let depth = 1; depth <= names.length; depth += 1) {
      const parent = this.#folders.locate(names.slice(0, depth - 1));
      const part = names.slice(0, depth).join("/");
      if (parent === null) return conflict(part, "cannot be reached");
      const state = lookAt(Buffer.concat([parent, encodePath(names[depth - 1] ?? "")]));
      if (state === null) return conflict(part, "is not there any more");
      if (state.type !== "dir") return conflict(part, `is a ${nameOf(state.type)}, and nothing is written through it`);
      if (this.#folders.locate(names.slice(0, depth)) === null) return conflict(part, "is another file system");
    }
    return conflict(path, "was moved while it was written");
  }

  [Symbol.dispose](): void {
    this.#folders[Symbol.dispose]();
  }
}

/** What can be set on an entry without touching its content. */
export interface EntryAttributes {
  readonly owner?: { readonly uid: number; readonly gid: number } | null;
  readonly mode?: number;
  readonly mtimeNs?: bigint | null;
}

/** Sets attributes of an entry at a checked path: of this inode, never of what a link in its place leads to. */
export function adjustAt(path: Buffer, expected: HostState, { owner, mode, mtimeNs }: EntryAttributes): void {
  const changesOwner =
    owner !== undefined && owner !== null && (owner.uid !== expected.uid || owner.gid !== expected.gid);
  if (changesOwner) lchownSync(path, owner.uid, owner.gid);
  if (expected.type !== "symlink" && mode !== undefined) setMode(path, expected, mode);
  if (mtimeNs !== undefined && mtimeNs !== null) setTime(path, mtimeNs);
}

// chmod follows links, so it goes through a handle on the entry itself.
function setMode(path: Buffer, expected: HostState, mode: number): void {
  if (!hasDescriptorPaths()) {
    if (!isSameInode(lookAt(path), expected)) throw swapped();
    chmodSync(path, mode);
    return;
  }
  const handle = openSync(path, openPath | constants.O_NOFOLLOW);
  try {
    if (!isSameInode(stateOfStats(fstatSync(handle, { bigint: true })), expected)) throw swapped();
    chmodSync(`/proc/self/fd/${handle}`, mode);
  } finally {
    closeSync(handle);
  }
}

const swapped = (): AirlockError =>
  new AirlockError("E_APPLY_CONFLICT", "an entry was replaced while its mode was set");

function setTime(path: Buffer, mtimeNs: bigint): void {
  const seconds = secondsOf(mtimeNs);
  lutimesSync(path, seconds, seconds);
}

/**
 * A time as Node takes it. It cuts a double of seconds to microseconds: less than half of one on top keeps rounding from
 * losing another. A negative number means the present to it, so times before 1970 become 1970.
 */
export function secondsOf(timeNs: bigint): number {
  return timeNs < 0n ? 0 : Number(timeNs / 1000n) / 1e6 + 4e-7;
}

function conflict(path: string, why: string): AirlockError {
  return new AirlockError("E_APPLY_CONFLICT", `${displayPath(path)} ${why}`, { hint: "look again: airlock diff" });
}

/** Opens the project for writing: the very folder that the session was made for (threat: replaced by a link meanwhile). */
export function openProjectTree(root: FolderIdentity, portable?: boolean): ProjectTree {
  let folders: SafeFolders;
  try {
    folders = portable === undefined ? openSafeFolders(root.path) : openSafeFolders(root.path, portable);
  } catch (error) {
    throw new AirlockError("E_PROJECT_UNUSABLE", `cannot open the project folder ${displayPath(root.path)}`, {
      hint: "it must be where it was when the session began",
      cause: error,
    });
  }
  const found = lookAt(Buffer.concat([folders.locate([]) ?? encodePath(root.path), dot]));
  if (found?.type === "dir" && found.device === root.device && found.inode === root.inode)
    return new ProjectTree(folders);
  folders[Symbol.dispose]();
  throw new AirlockError(
    "E_PROJECT_UNUSABLE",
    `${displayPath(root.path)} is not the folder any more that the session was made for`,
    { hint: "move the project back to where it was" },
  );
}
