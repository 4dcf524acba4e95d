import type { Change, EntryState } from "../../model/change.js";
import { countOf, formatSize } from "./size.js";

/** Tells whether git's format knows such an entry: files and links. */
export function isContent(state: EntryState | null): state is EntryState {
  return state?.type === "file" || state?.type === "symlink";
}

/** Git knows two kinds of files: executable and not. */
export function gitMode({ type, mode }: EntryState): string {
  if (type === "symlink") return "120000";
  return (mode & 0o100) === 0 ? "100644" : "100755";
}

interface Unexpressed {
  /** Changes of which the patch holds nothing. */
  readonly omitted: ReadonlySet<Change>;
  readonly notes: readonly { readonly path: string; readonly why: string }[];
  readonly warnings: readonly string[];
}

type Category = "special" | "folder" | "masked" | "large" | "mode";

const words: Record<Category, readonly [string, string]> = {
  special: ["special file", "special files"],
  folder: ["change of a folder", "changes of folders"],
  masked: ["hidden path made anew", "hidden paths made anew"],
  large: ["large file", "large files"],
  mode: ["change of permission bits", "changes of permission bits"],
};

function parentsOf(paths: Iterable<string>): Set<string> {
  const parents = new Set<string>();
  for (const path of paths) {
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
      const parent = path.slice(0, slash);
      if (parents.has(parent)) break;
      parents.add(parent);
    }
  }
  return parents;
}

function largest({ before, after }: Change): number {
  return Math.max(before?.size ?? 0, after?.size ?? 0);
}

/** What a patch in git's format cannot carry: nothing of it may get lost without a word. */
export function findUnexpressed(changes: readonly Change[], maxBytes: number): Unexpressed {
  const carries = ({ masked }: Change, state: EntryState | null) => !masked && isContent(state);
  const made = parentsOf(changes.filter((each) => carries(each, each.after)).map(({ path }) => path));
  const emptied = parentsOf(changes.filter((each) => carries(each, each.before)).map(({ path }) => path));
  const omitted = new Set<Change>();
  const notes: { path: string; why: string }[] = [];
  const counts = new Map<Category, number>();
  for (const change of changes) {
    const found = reasonFor(change, maxBytes, made, emptied);
    if (found === null) continue;
    notes.push({ path: change.path, why: found.why });
    counts.set(found.category, (counts.get(found.category) ?? 0) + 1);
    if (found.whole) omitted.add(change);
  }
  const warnings = [...counts].map(([category, count]) => `not in the patch: ${countOf(count, ...words[category])}`);
  return { omitted, notes, warnings };
}

interface Reason {
  readonly category: Category;
  readonly why: string;
  /** The patch holds nothing at all of the change. */
  readonly whole: boolean;
}

function reasonFor(
  change: Change,
  maxBytes: number,
  made: ReadonlySet<string>,
  emptied: ReadonlySet<string>,
): Reason | null {
  const { path, before, after, kind, masked } = change;
  if (masked) return { category: "masked", why: "the host has a file there that the sandbox never saw", whole: true };
  if (after?.type === "special") {
    return { category: "special", why: "it is a pipe, a socket or a device", whole: !isContent(before) };
  }
  if (before?.type === "special") return { category: "special", why: "a special file goes", whole: !isContent(after) };
  if (kind !== "mode" && largest(change) > maxBytes) {
    return { category: "large", why: `it is ${formatSize(largest(change))} large`, whole: true };
  }
  return folderReason(path, before, after, made, emptied) ?? modeReason(change);
}

function folderReason(
  path: string,
  before: EntryState | null,
  after: EntryState | null,
  made: ReadonlySet<string>,
  emptied: ReadonlySet<string>,
): Reason | null {
  if (after?.type === "dir") {
    if (before?.type === "dir") return { category: "folder", why: `its mode becomes ${octal(after)}`, whole: true };
    return made.has(path) ? null : { category: "folder", why: "it is a new, empty folder", whole: !isContent(before) };
  }
  if (before?.type !== "dir" || emptied.has(path) || isContent(after)) return null;
  return { category: "folder", why: "an empty folder goes", whole: true };
}

function modeReason({ kind, before, after }: Change): Reason | null {
  if (after?.type !== "file") return null;
  const carried = gitMode(after) === "100755" ? 0o755 : 0o644;
  // Also from 0600 to 0644: git, which knows no other bits, refuses a patch without anything in it.
  const whole = kind === "mode" && before !== null && gitMode(before) === gitMode(after);
  if (!whole && (after.mode === carried || after.mode === before?.mode)) return null;
  return { category: "mode", why: `its mode ${octal(after)}, only whether it is executable`, whole };
}

function octal({ mode }: EntryState): string {
  return mode.toString(8).padStart(4, "0");
}
