import type { Change, EntryState } from "../model/change.js";

/** A path that at least one of two sessions changed. */
export interface Compared {
  readonly path: string;
  /** `same`: both left the same there. */
  readonly found: "first" | "second" | "same" | "different";
  readonly first: Change | null;
  readonly second: Change | null;
}

// Times are not compared: two agents that write the same file do not write it at the same moment.
function isSame(one: EntryState | null, other: EntryState | null): boolean {
  if (one === null || other === null) return one === other;
  const { type, mode, target, sha256 } = one;
  if (type !== other.type || mode !== other.mode || target !== other.target) return false;
  return type !== "file" || (sha256 !== undefined && sha256 === other.sha256);
}

/** Lays two change sets of one base side by side, in the order of their paths. They have to have the hashes of all files. */
export function compareChanges(first: readonly Change[], second: readonly Change[]): Compared[] {
  const [ones, others] = [first, second].map((changes) => new Map(changes.map((change) => [change.path, change])));
  const paths = [...new Set([...first, ...second].map(({ path }) => path))].sort();
  return paths.map((path) => {
    const [one = null, other = null] = [ones?.get(path), others?.get(path)];
    if (other === null) return { path, found: "first", first: one, second: other };
    if (one === null) return { path, found: "second", first: one, second: other };
    return { path, found: isSame(one.after, other.after) ? "same" : "different", first: one, second: other };
  });
}
