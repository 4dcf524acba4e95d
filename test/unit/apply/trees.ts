import { createHash } from "node:crypto";
import {
  chmodSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
} from "node:fs";
import { comparePaths, decodePath, encodePath } from "../../../src/base/byte-path.js";
import type { ContentPart, Operation, OperationSource, WantedEntry } from "../../../src/model/apply.js";
import type { EntryState } from "../../../src/model/change.js";

/** Everything of an entry that an apply promises to carry over. */
export interface Seen {
  readonly type: string;
  readonly mode: number;
  /** Microseconds: Node sets no finer. */
  readonly mtime: string;
  readonly owner: string;
  readonly content: string;
  /** The first of all names of the same file. */
  readonly sameAs: string;
}

export const pathOf = (root: string, path: string): Buffer =>
  path === "." ? encodePath(root) : Buffer.concat([encodePath(`${root}/`), encodePath(path)]);

export const hashOf = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

/** Every path below a folder, itself as ".", in byte order. */
export function walk(root: string, folder = "."): string[] {
  const names = readdirSync(pathOf(root, folder), { encoding: "buffer" }).sort(Buffer.compare).map(decodePath);
  const below = names.flatMap((name) => {
    const path = folder === "." ? name : `${folder}/${name}`;
    return lstatSync(pathOf(root, path)).isDirectory() ? walk(root, path) : [path];
  });
  return [folder, ...below];
}

function typeOf(path: Buffer): "file" | "dir" | "symlink" {
  const stats = lstatSync(path);
  return stats.isDirectory() ? "dir" : stats.isSymbolicLink() ? "symlink" : "file";
}

function contentOf(path: Buffer, type: string): string {
  if (type === "dir") return "";
  return type === "symlink" ? decodePath(readlinkSync(path, { encoding: "buffer" })) : hashOf(readFileSync(path));
}

/** A tree as data, to be compared. */
export function snapshot(root: string, { folderTimes = true } = {}): Record<string, Seen> {
  const first = new Map<string, string>();
  const seen: Record<string, Seen> = {};
  for (const path of walk(root)) {
    const at = pathOf(root, path);
    const stats = lstatSync(at, { bigint: true });
    const type = typeOf(at);
    const inode = `${stats.dev}:${stats.ino}`;
    if (!first.has(inode)) first.set(inode, path);
    const timed = type !== "dir" || folderTimes;
    seen[path] = {
      type,
      mode: Number(stats.mode) & 0o7777,
      mtime: timed ? String(stats.mtimeNs / 1000n) : "",
      owner: `${stats.uid}:${stats.gid}`,
      content: contentOf(at, type),
      sameAs: first.get(inode) ?? path,
    };
  }
  return seen;
}

/** The same without what undo does not promise: links to names that the apply never touched. */
export function withoutLinks(tree: Record<string, Seen>): Record<string, Seen> {
  return Object.fromEntries(Object.entries(tree).map(([path, seen]) => [path, { ...seen, sameAs: "" }]));
}

export function stateAt(root: string, path: string): EntryState {
  const at = pathOf(root, path);
  const stats = lstatSync(at);
  const type = typeOf(at);
  const common = { type, mode: stats.mode & 0o7777 };
  if (type === "dir") return { ...common, size: 0 };
  const content = contentOf(at, type);
  return type === "file"
    ? { ...common, size: stats.size, sha256: content }
    : { ...common, size: stats.size, target: content };
}

function wantedAt(root: string, path: string, seen: Seen): WantedEntry {
  const state = stateAt(root, path);
  const { mtimeNs, nlink, ino } = lstatSync(pathOf(root, path), { bigint: true });
  const common = { mode: seen.mode, mtimeNs };
  if (state.type === "symlink") return { ...common, type: "symlink", target: state.target ?? "" };
  if (state.type === "dir") return { ...common, type: "dir" };
  const link = nlink > 1n ? { link: String(ino) } : {};
  return { ...common, ...link, type: "file", size: state.size, sha256: state.sha256 ?? "" };
}

function namesOf(tree: Record<string, Seen>): Map<string, string> {
  const groups = new Map<string, string[]>();
  for (const [path, { sameAs }] of Object.entries(tree)) groups.set(sameAs, [...(groups.get(sameAs) ?? []), path]);
  return new Map([...groups.values()].flatMap((paths) => paths.map((path) => [path, paths.join("\0")] as const)));
}

/** What turns one tree into the other, as a plan would have it. */
export function operationsBetween(from: string, to: string): Operation[] {
  const [before, after] = [snapshot(from), snapshot(to)];
  const [oldNames, newNames] = [namesOf(before), namesOf(after)];
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort(comparePaths);
  return paths.flatMap((path): Operation[] => {
    const [old, wanted] = [before[path], after[path]];
    const expected = old === undefined ? null : stateAt(from, path);
    if (wanted === undefined) return [{ path, expected, after: null, content: null }];
    const regrouped = oldNames.get(path) !== newNames.get(path);
    const { sameAs: _old, owner: _owner, ...was } = old ?? { sameAs: "", owner: "" };
    const { sameAs: _new, owner: _owned, ...is } = wanted;
    if (JSON.stringify(was) === JSON.stringify(is) && !regrouped) return [];
    const { link, ...rest } = wantedAt(to, path, wanted);
    const linked = link === undefined ? rest : { ...rest, link };
    const writes =
      wanted.type === "file" &&
      (old?.content !== wanted.content || old.type !== "file" || regrouped || link !== undefined);
    return [{ path, expected, after: linked, content: writes ? { from: path } : null }];
  });
}

/** Gives contents of a tree, in pieces, with long runs of zeros as holes. */
export function sourceFrom(root: string, piece = 5000): OperationSource {
  async function* parts(path: string): AsyncGenerator<ContentPart> {
    const bytes = readFileSync(pathOf(root, path));
    for (let at = 0; at < bytes.length; at += piece) {
      const part = bytes.subarray(at, at + piece);
      yield part.length > 1000 && part.every((byte) => byte === 0) ? { hole: part.length } : part;
    }
  }
  return {
    async *fetch(paths) {
      for (const path of paths) yield { path, parts: parts(path) };
    },
  };
}

export const noSource: OperationSource = {
  // biome-ignore lint/correctness/useYield: nothing is ever asked of it.
  async *fetch() {
    throw new Error("no content was to be asked for");
  },
};

/** A folder with a mode and a time that nobody set by chance. */
export function makeFolder(path: string, mode = 0o755): void {
  mkdirSync(path, { recursive: true });
  chmodSync(path, mode);
  lutimesSync(path, 1_500_000_000.25, 1_500_000_000.25);
}

export const hardLink = (root: string, from: string, to: string): void =>
  linkSync(pathOf(root, from), pathOf(root, to));
