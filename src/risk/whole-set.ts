import type { Change } from "../model/change.js";
import { canonicalNames, foldName, isInsideGit } from "./canonical.js";

/** From how many deleted files on a deletion is called a mass deletion. */
const massDeletionFiles = 50;

/** Reasons that only show when all changes are seen together, each with the paths it is about. */
export interface SetReason {
  readonly path: string;
  readonly reason: string;
}

/**
 * New names that a file system without case, or with one form for composed letters, takes for each other
 * (CVE-2021-37712, CVE-2026-23950). `siblings` adds what the base has in a folder.
 */
export function collisionReasons(
  changes: readonly Change[],
  siblings: (folder: string) => readonly string[] = () => [],
): SetReason[] {
  const folders = new Map<string, Set<string>>();
  const deleted = new Set<string>();
  for (const { path, after } of changes) {
    if (after === null) {
      deleted.add(path);
      continue;
    }
    const slash = path.lastIndexOf("/");
    const folder = slash === -1 ? "" : path.slice(0, slash);
    const names = folders.get(folder) ?? new Set();
    folders.set(folder, names.add(path.slice(slash + 1)));
  }
  return [...folders].flatMap(([folder, names]) => collisionsIn(folder, names, siblings(folder), deleted));
}

function collisionsIn(
  folder: string,
  changed: ReadonlySet<string>,
  present: readonly string[],
  deleted: ReadonlySet<string>,
): SetReason[] {
  const prefix = folder === "" ? "" : `${folder}/`;
  const byFold = new Map<string, string[]>();
  for (const name of new Set([...changed, ...present.filter((each) => !deleted.has(prefix + each))])) {
    const fold = foldName(name);
    const group = byFold.get(fold);
    if (group === undefined) byFold.set(fold, [name]);
    else group.push(name);
  }
  const reasons: SetReason[] = [];
  for (const group of byFold.values()) {
    if (group.length < 2) continue;
    for (const name of group) {
      if (!changed.has(name)) continue;
      const other = group.find((each) => each !== name) ?? "";
      reasons.push({ path: prefix + name, reason: `has the same name as ${JSON.stringify(other)} on some systems` });
    }
  }
  return reasons;
}

/**
 * Folders that git takes for a repository without a work tree: its configuration runs commands as soon as git, or an
 * editor, looks into the folder, though nothing in it is called `.git`.
 */
export function bareRepositoryReasons(
  changes: readonly Change[],
  siblings: (folder: string) => readonly string[] = () => [],
): SetReason[] {
  const folders = new Map<string, { readonly names: Set<string>; readonly paths: string[] }>();
  for (const { path, after } of changes) {
    const slash = path.lastIndexOf("/");
    const [name = ""] = canonicalNames(path.slice(slash + 1));
    if (after === null || !bareParts.has(name)) continue;
    const folder = slash === -1 ? "" : path.slice(0, slash);
    const found = folders.get(folder) ?? { names: new Set(), paths: [] };
    found.names.add(name);
    found.paths.push(path);
    folders.set(folder, found);
  }
  return [...folders].flatMap(([folder, { names, paths }]) => {
    if (isInsideGit(canonicalNames(folder))) return [];
    const all = new Set([...names, ...siblings(folder).map((each) => canonicalNames(each)[0] ?? "")]);
    if (!["head", "objects", "refs"].every((each) => all.has(each))) return [];
    const reason = "is part of a git repository without a `.git` folder, whose configuration git obeys";
    return paths.map((path) => ({ path, reason }));
  });
}

const bareParts = new Set(["head", "objects", "refs", "config", "hooks"]);

/** What to say about how much is deleted: in all, and below each folder at the top. */
export function deletionWarnings(changes: readonly Change[]): string[] {
  const deleted = changes.filter(({ kind }) => kind === "deleted");
  if (deleted.length < massDeletionFiles) return [];
  const counts = new Map<string, number>();
  for (const { path } of deleted) {
    const top = path.slice(0, Math.max(0, path.indexOf("/")));
    if (top !== "") counts.set(top, (counts.get(top) ?? 0) + 1);
  }
  const large = [...counts].filter(([, count]) => count >= massDeletionFiles).sort(([, a], [, b]) => b - a);
  return [
    `${deleted.length} paths are deleted`,
    ...large.map(([top, count]) => `${count} paths are deleted in ${top}/`),
  ];
}

/** Folders that went with many paths below them; only the topmost ones, so that each deletion is named once. */
export function massDeletions(changes: readonly Change[]): SetReason[] {
  const counts = new Map<string, number>();
  const gone = new Set(changes.filter(losesFolder).map(({ path }) => path));
  for (const { path, kind } of changes) {
    if (kind !== "deleted") continue;
    const top = topmost(path, gone);
    if (top !== null) counts.set(top, (counts.get(top) ?? 0) + 1);
  }
  const many = [...counts].filter(([, count]) => count >= massDeletionFiles);
  return many.map(([path, count]) => ({ path, reason: `${count} paths below it are deleted` }));
}

function losesFolder({ kind, before }: Change): boolean {
  return before?.type === "dir" && (kind === "deleted" || kind === "type");
}

function topmost(path: string, gone: ReadonlySet<string>): string | null {
  for (let slash = path.indexOf("/"); slash !== -1; slash = path.indexOf("/", slash + 1)) {
    const folder = path.slice(0, slash);
    if (gone.has(folder)) return folder;
  }
  return null;
}
