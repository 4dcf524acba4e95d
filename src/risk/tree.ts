/** A content by its structure. Scalars are text that is equal only where the values are. */
export type Tree = string | readonly Tree[] | ReadonlyMap<string, Tree>;

/** What a parser made of a content, or why it could make nothing of it. */
export type Parsed = { readonly tree: Tree } | { readonly problem: string };

/** Where parsers stop: a content made to be expensive is one that cannot be compared. */
export const parseLimits = { depth: 100, nodes: 200_000 } as const;

/** Thrown inside parsers, caught at their entrance. */
export class ParseProblem extends Error {}

/** A key that differs, as its names and indices from the root. */
export interface ChangedKey {
  readonly steps: readonly (string | number)[];
  readonly gone: boolean;
}

const isMap = (tree: Tree): tree is ReadonlyMap<string, Tree> => tree instanceof Map;
const isList = (tree: Tree): tree is readonly Tree[] => Array.isArray(tree);

function isSame(left: Tree, right: Tree): boolean {
  if (isMap(left)) {
    if (!isMap(right) || left.size !== right.size) return false;
    for (const [key, value] of left) {
      const other = right.get(key);
      if (other === undefined || !isSame(value, other)) return false;
    }
    return true;
  }
  if (!isList(left)) return left === right;
  return isList(right) && left.length === right.length && left.every((each, at) => isSame(each, right[at] ?? ""));
}

class Comparison {
  readonly keys: ChangedKey[] = [];
  readonly #steps: (string | number)[] = [];

  #within(step: string | number, compare: () => void): void {
    this.#steps.push(step);
    compare();
    this.#steps.pop();
  }

  /** Names every leaf of what is on one side only. */
  #name(tree: Tree, gone: boolean): void {
    if (isMap(tree) && tree.size > 0) {
      for (const [key, value] of tree) this.#within(key, () => this.#name(value, gone));
    } else if (isList(tree) && tree.length > 0) {
      for (const [at, value] of tree.entries()) this.#within(at, () => this.#name(value, gone));
    } else this.keys.push({ steps: [...this.#steps], gone });
  }

  compare(before: Tree | undefined, after: Tree | undefined): void {
    if (after === undefined) {
      if (before !== undefined) this.#name(before, true);
    } else if (before === undefined) this.#name(after, false);
    else if (isMap(before) && isMap(after)) this.#maps(before, after);
    else if (isList(before) && isList(after)) this.#lists(before, after);
    else if (!isSame(before, after)) this.#name(after, false);
  }

  #maps(before: ReadonlyMap<string, Tree>, after: ReadonlyMap<string, Tree>): void {
    for (const [key, value] of after) this.#within(key, () => this.compare(before.get(key), value));
    for (const [key, value] of before) if (!after.has(key)) this.#within(key, () => this.compare(value, undefined));
  }

  // A step put between others moves those behind it: what is the same at both ends is passed over.
  #lists(before: readonly Tree[], after: readonly Tree[]): void {
    const most = Math.min(before.length, after.length);
    let head = 0;
    while (head < most && isSame(before[head] ?? "", after[head] ?? "")) head += 1;
    let tail = 0;
    while (tail < most - head && isSame(before.at(-1 - tail) ?? "", after.at(-1 - tail) ?? "")) tail += 1;
    for (let at = head; at < Math.max(before.length, after.length) - tail; at += 1) {
      const old = at < before.length - tail ? before[at] : undefined;
      const now = at < after.length - tail ? after[at] : undefined;
      this.#within(at, () => this.compare(old, now));
    }
  }
}

/** The keys whose values differ between two contents; null stands for no content at all. */
export function changedKeys(before: Tree | null, after: Tree): ChangedKey[] {
  const comparison = new Comparison();
  comparison.compare(before ?? undefined, after);
  return comparison.keys;
}
