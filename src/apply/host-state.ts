import { createHash } from "node:crypto";
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  read,
  readlinkSync,
  readSync,
} from "node:fs";
import { promisify } from "node:util";
import { decodePath } from "../base/byte-path.js";
import { systemCodeOf } from "../base/errors.js";
import { meansAbsent } from "../base/safe-folders.js";
import type { HostState } from "../model/apply.js";
import type { EntryState, EntryType } from "../model/change.js";

const chunkBytes = 1024 * 1024;
const smallBytes = 256 * 1024;
const readAsync = promisify(read);

function typeOf(stats: BigIntStats): EntryType {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "dir";
  return stats.isSymbolicLink() ? "symlink" : "special";
}

/** A state from what the system says, without content. */
export function stateOfStats(stats: BigIntStats): HostState {
  return {
    type: typeOf(stats),
    mode: Number(stats.mode) & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    size: stats.isDirectory() ? 0 : Number(stats.size),
    mtimeNs: String(stats.mtimeNs),
    ctimeNs: String(stats.ctimeNs),
    device: String(stats.dev),
    inode: String(stats.ino),
    links: Number(stats.nlink),
  };
}

/** What is at a system path, links not followed; null when nothing is. */
export function lookAt(path: Buffer): HostState | null {
  for (let tries = 100; ; tries -= 1) {
    try {
      const state = stateOfStats(lstatSync(path, { bigint: true }));
      if (state.type !== "symlink") return state;
      return { ...state, target: decodePath(readlinkSync(path, { encoding: "buffer" })) };
    } catch (error) {
      if (meansAbsent(error)) return null;
      // A link that is none any more: somebody swapped it between the two calls.
      if (systemCodeOf(error) !== "EINVAL" || tries === 1) throw error;
    }
  }
}

async function readSome(handle: number, into: Buffer, size: number): Promise<number> {
  // A detour through the thread pool costs more than reading a small file.
  if (size <= smallBytes) return readSync(handle, into, 0, into.length, null);
  return (await readAsync(handle, into, 0, into.length, null)).bytesRead;
}

/** The state of a regular file with its hash; null when the path is no file, or changed while it was read. */
export async function hashFileAt(path: Buffer, signal: AbortSignal): Promise<HostState | null> {
  const seen = lookAt(path);
  if (seen?.type !== "file") return null;
  const handle = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const before = stateOfStats(fstatSync(handle, { bigint: true }));
    const hash = createHash("sha256");
    const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, Math.max(1, before.size)));
    for (;;) {
      signal.throwIfAborted();
      const got = await readSome(handle, chunk, before.size);
      if (got === 0) break;
      hash.update(chunk.subarray(0, got));
    }
    const after = stateOfStats(fstatSync(handle, { bigint: true }));
    if (!isUntouched(before, after) || !isUntouched(seen, after)) return null;
    return { ...after, sha256: hash.digest("hex") };
  } finally {
    closeSync(handle);
  }
}

/** Whether two states are of the same inode. */
export function isSameInode(left: HostState | null, right: HostState | null): boolean {
  return left !== null && right !== null && left.inode === right.inode && left.device === right.device;
}

/** Whether it is the same inode and nobody wrote to it; its names, mode and ctime may have changed. */
export function isSameContent(left: HostState | null, right: HostState | null): boolean {
  if (left === null || right === null || !isSameInode(left, right) || left.type !== right.type) return false;
  return left.type === "dir" || (left.size === right.size && left.mtimeNs === right.mtimeNs);
}

/** Whether nothing at all was done to an entry: every change of an inode moves its ctime. */
export function isUntouched(left: HostState | null, right: HostState | null): boolean {
  return isSameContent(left, right) && left?.ctimeNs === right?.ctimeNs && left?.mode === right?.mode;
}

/** What keeps a state of the host from being what a person saw; null when it is that. */
export function differenceFrom(expected: EntryState | null, found: HostState | null): string | null {
  if (expected === null) return found === null ? null : "something is there now";
  if (found === null) return "is not there any more";
  if (expected.type !== found.type) return `is a ${nameOf(found.type)} now`;
  if (expected.type !== "symlink" && expected.mode !== found.mode) return "has another mode now";
  if (expected.type === "symlink") return expected.target === found.target ? null : "leads somewhere else now";
  if (expected.type !== "file") return null;
  if (expected.size !== found.size) return "has other content now";
  return expected.sha256 === undefined || expected.sha256 === found.sha256 ? null : "has other content now";
}

/** What people call a type of entry. */
export function nameOf(type: EntryType): string {
  return { file: "file", dir: "folder", symlink: "symbolic link", special: "device, pipe or socket" }[type];
}
