import { createHash } from "node:crypto";
import type { Change, EntryState } from "../model/change.js";
import { canonicalNames, isInsideGit } from "../risk/canonical.js";
import { latin1, splitLines } from "../text/line-diff.js";

/** A deleted file whose content is found in a new one: for people, who read it as one thing. Both stay changes of their own. */
export interface Rename {
  readonly from: string;
  readonly to: string;
  /** In percent; 100 only when the contents are equal. */
  readonly similarity: number;
}

/** Gives the contents of both sides; null for what cannot be read or is larger than `maxBytes`. */
interface RenameSource {
  readBefore(path: string, maxBytes: number): Promise<Uint8Array | null>;
  readAfter(path: string, maxBytes: number): Promise<Uint8Array | null>;
}

/** A file on one side, with what was found out about it. */
interface Candidate {
  readonly path: string;
  readonly state: EntryState;
  readonly binary: boolean;
  hash: string | undefined;
  content: Uint8Array | null | undefined;
}

type Read = (candidate: Candidate) => Promise<Uint8Array | null>;

const least = 50;
const largestRead = 1024 * 1024;
const largestCompared = 64 * 1024;
// Beyond this many on a side every one would have to be held against every other: only equal contents are found then.
const mostCompared = 100;
const mostRead = 500;

function candidatesOf(changes: readonly Change[], kind: "added" | "deleted"): Candidate[] {
  return changes.flatMap((change): Candidate[] => {
    const state = kind === "added" ? change.after : change.before;
    if (change.kind !== kind || change.masked || state?.type !== "file" || state.size === 0) return [];
    if (isInsideGit(canonicalNames(change.path))) return [];
    return [{ path: change.path, state, binary: change.binary, hash: state.sha256, content: undefined }];
  });
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** Reads each file once, and no more of them than is worth it. */
function boundedReader(read: (path: string, maxBytes: number) => Promise<Uint8Array | null>): Read {
  let left = mostRead;
  return async (candidate) => {
    if (candidate.content !== undefined) return candidate.content;
    const worthIt = candidate.state.size <= largestRead && left > 0;
    if (worthIt) left -= 1;
    candidate.content = worthIt ? await read(candidate.path, largestRead) : null;
    return candidate.content;
  };
}

/** Hashes what only a hash can tell apart: files of a size that the other side has as well. */
async function fillHashes(candidates: readonly Candidate[], others: readonly Candidate[], read: Read): Promise<void> {
  const sizes = new Set(others.map(({ state }) => state.size));
  for (const each of candidates) {
    if (each.hash !== undefined || !sizes.has(each.state.size)) continue;
    const content = await read(each);
    if (content !== null) each.hash = createHash("sha256").update(content).digest("hex");
  }
}

function equalPairs(gone: readonly Candidate[], come: readonly Candidate[]): Rename[] {
  const byHash = new Map<string, Candidate[]>();
  for (const each of come) {
    if (each.hash !== undefined) byHash.set(each.hash, [...(byHash.get(each.hash) ?? []), each]);
  }
  return gone.flatMap((each): Rename[] => {
    const group = byHash.get(each.hash ?? "") ?? [];
    // One of the same name first, else the first in order.
    const same = group.findIndex(({ path }) => nameOf(path) === nameOf(each.path));
    const to = group.splice(Math.max(0, same), 1)[0];
    return to === undefined ? [] : [{ from: each.path, to: to.path, similarity: 100 }];
  });
}

/** The renames that the hashes of a change set show, without reading anything. */
export function knownRenames(changes: readonly Change[]): Rename[] {
  return equalPairs(candidatesOf(changes, "deleted"), candidatesOf(changes, "added"));
}

/** How many bytes each line of a text takes in all. */
function weigh(content: Uint8Array): Map<string, number> {
  const weights = new Map<string, number>();
  for (const line of splitLines(latin1(content))) weights.set(line, (weights.get(line) ?? 0) + line.length);
  return weights;
}

function similarityOf(left: Map<string, number>, right: Map<string, number>, largest: number): number {
  let common = 0;
  for (const [line, weight] of left) common += Math.min(weight, right.get(line) ?? 0);
  return Math.min(99, Math.floor((common * 100) / largest));
}

async function textsOf(candidates: readonly Candidate[], read: Read): Promise<[Candidate, Map<string, number>][]> {
  const texts: [Candidate, Map<string, number>][] = [];
  for (const each of candidates) {
    if (each.binary || each.state.size > largestCompared) continue;
    const content = await read(each);
    if (content !== null && !content.includes(0)) texts.push([each, weigh(content)]);
  }
  return texts;
}

async function similarPairs(
  gone: readonly Candidate[],
  come: readonly Candidate[],
  reads: readonly [Read, Read],
): Promise<Rename[]> {
  if (Math.min(gone.length, come.length) === 0 || Math.max(gone.length, come.length) > mostCompared) return [];
  const [old, now] = [await textsOf(gone, reads[0]), await textsOf(come, reads[1])];
  const pairs: Rename[] = [];
  for (const [from, left] of old) {
    for (const [to, right] of now) {
      const [small, large] = [from.state.size, to.state.size].sort((a, b) => a - b) as [number, number];
      if (small * 100 < large * least) continue;
      const similarity = similarityOf(left, right, large);
      if (similarity >= least) pairs.push({ from: from.path, to: to.path, similarity });
    }
  }
  const sameName = ({ from, to }: Rename): number => Number(nameOf(from) === nameOf(to));
  pairs.sort((a, b) => b.similarity - a.similarity || sameName(b) - sameName(a));
  return pickOnce(pairs);
}

function pickOnce(pairs: readonly Rename[]): Rename[] {
  const used = new Set<string>();
  return pairs.filter(({ from, to }) => {
    if (used.has(`-${from}`) || used.has(`+${to}`)) return false;
    used.add(`-${from}`).add(`+${to}`);
    return true;
  });
}

/**
 * The renames in a change set: files of equal content, and small texts that have at least half of their lines in common. Each
 * file is in one at most. Its cost is bounded: of very many files only those are found whose hashes are known already.
 */
export async function findRenames(
  changes: readonly Change[],
  source: RenameSource,
  signal: AbortSignal,
): Promise<Rename[]> {
  const gone = candidatesOf(changes, "deleted");
  const come = candidatesOf(changes, "added");
  if (gone.length === 0 || come.length === 0) return [];
  const guarded = (read: RenameSource["readBefore"]) => {
    return boundedReader(async (path, maxBytes) => {
      signal.throwIfAborted();
      return await read(path, maxBytes);
    });
  };
  const reads = [
    guarded((path, maxBytes) => source.readBefore(path, maxBytes)),
    guarded((path, maxBytes) => source.readAfter(path, maxBytes)),
  ] as const;
  await fillHashes(gone, come, reads[0]);
  await fillHashes(come, gone, reads[1]);
  const equal = equalPairs(gone, come);
  const [from, to] = [new Set(equal.map((each) => each.from)), new Set(equal.map((each) => each.to))];
  const left = [gone.filter(({ path }) => !from.has(path)), come.filter(({ path }) => !to.has(path))] as const;
  const renames = [...equal, ...(await similarPairs(left[0], left[1], reads))];
  const order = new Map(changes.map(({ path }, at) => [path, at]));
  return renames.sort((a, b) => (order.get(a.to) ?? 0) - (order.get(b.to) ?? 0));
}
