import type { HostState, Operation, OperationContent } from "../model/apply.js";
import { canonicalNames, isInsideGit } from "../risk/canonical.js";
import { conflictAt, refusedAt } from "./failures.js";
import { folderOf } from "./project-tree.js";
import type { Step } from "./record.js";
import { inTreeOrder } from "./tree-names.js";

/** An operation with what the host has at its path. */
export interface Verified extends Operation {
  readonly before: HostState | null;
}

/** A step with what is needed to stage it; `staged` is filled in when that is done. */
export interface PlannedStep extends Omit<Step, "staged"> {
  staged: HostState | null;
  readonly content: OperationContent | null;
  /** The new inode's content is the host's own: only its mode or time changes, and it has other names too. */
  readonly copiesHost: boolean;
}

const deepest = 4096;

/** The last line of defence: whatever the plan says, these paths are never written. */
export function requirePlainPath(path: string): void {
  if (path === ".") return;
  const names = path.split("/");
  if (path.includes("\0") || names.some((name) => name === "" || name === "." || name === "..")) {
    throw refusedAt(path, "is no path inside the project");
  }
  if (names.length > deepest) throw refusedAt(`${path.slice(0, 100)}…`, "is too deep");
  const canonical = canonicalNames(path);
  if (isInsideGit(canonical)) throw refusedAt(path, "is git's own, which is never applied as files");
  if (canonical[0]?.startsWith(".airlock-apply-") === true) throw refusedAt(path, "is named like Airlock's own stage");
}

const makesFolder = ({ after, before }: Verified): boolean => after?.type === "dir" && before?.type !== "dir";

/** Finds the topmost new folder above a path: everything below arrives inside it. */
export class NewFolders {
  readonly #tops = new Map<string, string>();

  /** To be called in tree order. */
  add(operation: Pick<Operation, "path" | "after">): void {
    this.#tops.set(operation.path, this.topOf(operation.path) ?? operation.path);
  }

  /** The topmost new folder that holds this path; null when its folder is there already. */
  topOf(path: string): string | null {
    return this.#tops.get(folderOf(path)) ?? null;
  }
}

function needsNewInode(operation: Verified): boolean {
  const { before, after, content } = operation;
  if (after?.type !== "file") return false;
  return content !== null || before?.type !== "file" || after.link !== undefined || before.links > 1;
}

type Draft = Omit<PlannedStep, "number" | "carriedBy">;

function draftsOf(operation: Verified): { removal?: Draft; rest?: Draft } {
  const { path, before, after, content } = operation;
  const draft = (act: Step["act"], from: HostState | null, to: Verified["after"]): Draft => {
    const copiesHost = act === "replace" && to?.type === "file" && content === null;
    return { path, act, before: from, after: to, staged: null, content: to === null ? null : content, copiesHost };
  };
  if (before === null) return after === null ? {} : { rest: draft("make", null, after) };
  if (after === null) return { removal: draft("remove", before, null) };
  if (before.type === "dir" && after.type === "dir") return { rest: draft("adjust", before, after) };
  if (before.type === "dir" || after.type === "dir") {
    return { removal: draft("remove", before, null), rest: draft("make", null, after) };
  }
  const inPlace = after.type === "file" && !needsNewInode(operation);
  return { rest: draft(inPlace ? "adjust" : "replace", before, after) };
}

/**
 * The steps of an apply in the order in which they are carried out: removals from the deepest up, new folders from the top
 * down, files and links, then modes and times, of folders from the deepest up.
 */
export function planSteps(operations: readonly Verified[]): PlannedStep[] {
  const sorted = [...operations].sort(inTreeOrder);
  const folders = new NewFolders();
  const removals: Draft[] = [];
  const made: Draft[] = [];
  const files: Draft[] = [];
  const adjusted: Draft[] = [];
  for (const operation of sorted) {
    if (makesFolder(operation)) folders.add(operation);
    const { removal, rest } = draftsOf(operation);
    if (removal !== undefined) removals.push(removal);
    if (rest === undefined) continue;
    if (rest.act === "adjust") adjusted.push(rest);
    else if (rest.after?.type === "dir") made.push(rest);
    else files.push(rest);
  }
  const isFolder = ({ after }: Draft): boolean => after?.type === "dir";
  const ordered = [
    ...removals.reverse(),
    ...made,
    ...files,
    ...adjusted.filter((one) => !isFolder(one)),
    ...adjusted.filter(isFolder).reverse(),
  ];
  const makers = new Map<string, number>();
  for (const [number, one] of ordered.entries()) if (one.act === "make" && isFolder(one)) makers.set(one.path, number);
  return ordered.map((one, number) => {
    const top = one.act === "make" ? folders.topOf(one.path) : null;
    return { ...one, number, carriedBy: top === null ? null : (makers.get(top) ?? null) };
  });
}

/** Refuses sets that contradict themselves: two operations on a path, or something below what will be no folder. */
export function requireConsistent(operations: readonly Operation[]): void {
  const byPath = new Map<string, Operation>();
  for (const operation of operations) {
    requirePlainPath(operation.path);
    if (byPath.has(operation.path)) throw refusedAt(operation.path, "is in the plan twice");
    byPath.set(operation.path, operation);
  }
  for (const { path, after } of operations) {
    for (let at = path; after !== null && at !== "."; ) {
      at = folderOf(at);
      const above = byPath.get(at);
      if (above !== undefined && above.after?.type !== "dir") {
        throw conflictAt(path, "lies below something that will be no folder");
      }
      // A parent in the plan answers for its own parents.
      if (above !== undefined) break;
    }
    if (path === "." && after?.type !== "dir") throw refusedAt(path, "is the project itself");
  }
}
