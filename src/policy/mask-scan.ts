import { type BigIntStats, lstatSync, readdirSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { comparePaths, decodePath, encodePath } from "../base/byte-path.js";
import { AirlockError, systemCodeOf } from "../base/errors.js";
import { displayPath } from "../base/escape.js";
import type { HiddenFile } from "../model/session.js";
import { compileGlob, type Glob } from "../text/glob.js";
import { reasonOf } from "./resolve-path.js";
import { type FolderListing, ScanCache } from "./scan-cache.js";
import { isDependencyFolder, judgeDependencyName, judgeName } from "./secret-names.js";
import { fileHoldsSecret } from "./sniff.js";

export interface ScanRequest {
  /** Absolute path of the folder to scan. */
  readonly root: string;
  /** Another way to the same folder, which is taken in its place; the path is then only its name. */
  readonly through?: string;
  /** Patterns of what is hidden besides the defaults, and of what the defaults must not hide. */
  readonly mask: readonly string[];
  readonly unmask: readonly string[];
  /** File that makes the next scan of the same folder cheap; null: none. */
  readonly cachePath: string | null;
  readonly signal: AbortSignal;
  /** Called now and then with the number of entries seen. */
  readonly onProgress?: (count: number) => void;
}

/** A folder that holds something hidden, at any depth, as it has to be made anew around the masks. */
interface MaskFolder {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: string;
}

export interface SecretScan {
  readonly hidden: HiddenFile[];
  /** Every folder above something hidden, parents first, without the root. */
  readonly folders: MaskFolder[];
  /** Entries seen. */
  readonly scanned: number;
}

/** Where in the tree the walk is: rules differ in installed packages and in `.git`. */
interface Folder {
  readonly path: string;
  readonly zone: "project" | "dependencies" | "git";
  readonly unmasked: boolean;
}

interface Walk {
  /** How the folder is reached, and how it is called. */
  readonly root: string;
  readonly name: string;
  readonly mask: readonly Glob[];
  readonly unmask: readonly Glob[];
  readonly cache: ScanCache;
  readonly entersGit: boolean;
  readonly hidden: HiddenFile[];
  readonly waiting: Folder[];
  scanned: number;
}

const sliceMs = 10;
const at = (walk: Walk, path: string): string => (path === "" ? walk.root : `${walk.root}/${path}`);
const below = (folder: string, name: string): string => (folder === "" ? name : `${folder}/${name}`);
// Node reads a string path faster than a buffer; only names that are not UTF-8 need the latter.
const native = (path: string): string | Buffer => (/[\udc80-\udcff]/.test(path) ? encodePath(path) : path);

/**
 * Finds what must not be seen inside: secrets by name and by first bytes, and whatever the patterns say. Symbolic links are
 * never followed; one whose name is a secret's is hidden itself. Works in slices of 10 ms, so that it can run beside the
 * making of a container.
 */
export async function scanForSecrets(request: ScanRequest): Promise<SecretScan> {
  const { root, through = root, mask, unmask, cachePath, signal, onProgress } = request;
  const entersGit = mask.some((pattern) => pattern.includes(".git/"));
  const walk: Walk = {
    root: through === "/" ? "" : through,
    name: root,
    mask: mask.map(compileGlob),
    unmask: unmask.map(compileGlob),
    cache: new ScanCache(cachePath, JSON.stringify([root, mask])),
    entersGit,
    hidden: [],
    waiting: [{ path: "", zone: "project", unmasked: false }],
    scanned: 0,
  };
  let sliceEnd = performance.now() + sliceMs;
  for (let folder = walk.waiting.pop(); folder !== undefined; folder = walk.waiting.pop()) {
    visit(walk, folder);
    if (performance.now() < sliceEnd) continue;
    onProgress?.(walk.scanned);
    await setImmediate();
    signal.throwIfAborted();
    sliceEnd = performance.now() + sliceMs;
  }
  await walk.cache.save();
  const folders = foldersAbove(walk);
  const there = new Set(folders.map(({ path }) => path));
  const hidden = walk.hidden
    .filter(({ path }) => ancestorsOf(path).every((folder) => there.has(folder)))
    .sort((left, right) => comparePaths(left.path, right.path));
  return { hidden, folders, scanned: walk.scanned };
}

function visit(walk: Walk, folder: Folder): void {
  const listing = listFolder(walk, folder);
  if (listing === undefined) return;
  walk.scanned += listing.entries;
  for (const name of listing.candidates) {
    const rule = judge(walk, folder, name);
    if (rule !== undefined) walk.hidden.push({ path: below(folder.path, name), rule });
  }
  for (const name of listing.folders) enter(walk, folder, name);
}

function enter(walk: Walk, folder: Folder, name: string): void {
  const path = below(folder.path, name);
  const rule = maskRule(walk, path, true);
  if (rule !== undefined) {
    walk.hidden.push({ path, rule });
    return;
  }
  const zone =
    name === ".git" ? "git" : isDependencyFolder(name) && folder.zone === "project" ? "dependencies" : folder.zone;
  if (zone === "git" && !walk.entersGit) return;
  const unmasked = folder.unmasked || walk.unmask.some((glob) => glob.matches(path, true));
  walk.waiting.push({ path, zone, unmasked });
}

function maskRule(walk: Walk, path: string, isFolder: boolean): string | undefined {
  const glob = walk.mask.find((each) => each.matches(path, isFolder));
  return glob === undefined ? undefined : `mask ${glob.pattern}`;
}

const judgeIn = { project: judgeName, dependencies: judgeDependencyName, git: () => undefined } as const;

function judge(walk: Walk, folder: Folder, name: string): string | undefined {
  const path = below(folder.path, name);
  const asked = maskRule(walk, path, false);
  if (asked !== undefined) return asked;
  const verdict = judgeIn[folder.zone](name);
  if (verdict === undefined || folder.unmasked || walk.unmask.some((glob) => glob.matches(path, false)))
    return undefined;
  const { rule, look } = verdict;
  return look === "name" || fileHoldsSecret(native(at(walk, path)), look) ? rule : undefined;
}

// What vanished meanwhile is not there to be hidden. What cannot be read is hidden as a whole: the agent has its owner's id
// and could make it readable inside.
function listFolder(walk: Walk, folder: Folder): FolderListing | undefined {
  const path = native(at(walk, folder.path) || "/");
  try {
    const stats = lstatSync(path, { bigint: true });
    const known = walk.cache.find(folder.path, stats);
    if (known !== undefined) return known;
    const listing = readFolder(walk, folder, path);
    walk.cache.remember(folder.path, stats, listing);
    return listing;
  } catch (error) {
    const code = systemCodeOf(error);
    if (folder.path !== "" && (code === "ENOENT" || code === "ENOTDIR")) return undefined;
    if (folder.path !== "" && (code === "EACCES" || code === "EPERM")) {
      walk.hidden.push({ path: folder.path, rule: "unreadable folder" });
      return undefined;
    }
    const what = displayPath(folder.path === "" ? walk.name : `${walk.name}/${folder.path}`);
    throw new AirlockError("E_PROJECT_UNUSABLE", `${what} could not be searched for secrets: ${reasonOf(error)}`, {
      hint: "make the folder readable and run the command again",
      cause: error,
    });
  }
}

function readFolder(walk: Walk, folder: Folder, path: string | Buffer): FolderListing {
  const folders: string[] = [];
  const candidates: string[] = [];
  const judgeHere = judgeIn[folder.zone];
  const entries = readEntries(path);
  for (const { name, isFolder } of entries) {
    if (isFolder) folders.push(name);
    else if (judgeHere(name) !== undefined || maskRule(walk, below(folder.path, name), false) !== undefined) {
      candidates.push(name);
    }
  }
  return { entries: entries.length, folders, candidates };
}

// Names are read as text first, which is faster; U+FFFD in one means that some may not be UTF-8.
function readEntries(path: string | Buffer): { readonly name: string; readonly isFolder: boolean }[] {
  const entries = readdirSync(path, { withFileTypes: true });
  if (!entries.some(({ name }) => name.includes("\ufffd"))) {
    return entries.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }));
  }
  return readdirSync(path, { withFileTypes: true, encoding: "buffer" }).map((entry) => ({
    name: decodePath(entry.name),
    isFolder: entry.isDirectory(),
  }));
}

// A folder that vanished since takes what is in it along.
function foldersAbove(walk: Walk): MaskFolder[] {
  const paths = new Set<string>();
  for (const { path } of walk.hidden) for (const folder of ancestorsOf(path)) paths.add(folder);
  return [...paths].sort(comparePaths).flatMap((path) => {
    const stats = lstatSync(native(at(walk, path)), { bigint: true, throwIfNoEntry: false });
    return stats?.isDirectory() ? [{ path, ...ownershipOf(stats) }] : [];
  });
}

function ownershipOf({ mode, uid, gid, mtimeNs }: BigIntStats): Omit<MaskFolder, "path"> {
  return { mode: Number(mode) & 0o7777, uid: Number(uid), gid: Number(gid), mtimeNs: String(mtimeNs) };
}

function ancestorsOf(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}
