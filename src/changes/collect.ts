import { AirlockError } from "../base/errors.js";
import type { Change, ChangeTotals } from "../model/change.js";
import { comesFirst } from "../risk/comes-first.js";
import {
  bareRepositoryReasons,
  collisionReasons,
  deletionWarnings,
  massDeletions,
  type SetReason,
} from "../risk/whole-set.js";
import type { BaseReader } from "./base-reader.js";
import { parentOf } from "./tree-order.js";

/** All changes of a session, held: their records, never their contents. */
export interface CollectedChanges {
  /** In tree order. */
  readonly changes: readonly Change[];
  readonly totals: ChangeTotals;
  /** What to say about the set as a whole. */
  readonly warnings: readonly string[];
}

/** Records held at once: about 500 MB. */
const maxHeld = 1_000_000;
// A folder with more names than this is not listed to look for names that differ in case only.
const maxSiblings = 20_000;

/** Takes a stream of changes together, and adds the reasons that only the whole set shows. */
export async function collectChanges(
  stream: AsyncIterable<Change>,
  base: BaseReader | null = null,
  maxChanges = maxHeld,
): Promise<CollectedChanges> {
  const changes: Change[] = [];
  for await (const change of stream) {
    changes.push(change);
    if (changes.length > maxChanges) {
      throw new AirlockError("E_LAYER_LIMIT", `the session changed more than ${maxChanges} paths`, {
        hint: "name the paths you want to see",
      });
    }
  }
  const siblings = base === null ? undefined : siblingsFrom(base, changes);
  addReasons(changes, collisionReasons(changes, siblings));
  addReasons(changes, bareRepositoryReasons(changes, siblings));
  addReasons(changes, massDeletions(changes));
  const totals = countChanges(changes);
  return { changes, totals, warnings: deletionWarnings(changes) };
}

// Only folders that gained a name can gain a collision, so the cost follows the changes.
function siblingsFrom(base: BaseReader, changes: readonly Change[]): (folder: string) => readonly string[] {
  const gained = new Set(changes.filter(({ kind }) => kind === "added").map(({ path }) => parentOf(path)));
  return (folder) => (gained.has(folder) ? base.listSome(folder, maxSiblings) : []);
}

function addReasons(changes: Change[], reasons: readonly SetReason[]): void {
  if (reasons.length === 0) return;
  const byPath = new Map<string, string[]>();
  for (const { path, reason } of reasons) byPath.set(path, [...(byPath.get(path) ?? []), reason]);
  for (const [at, change] of changes.entries()) {
    const added = byPath.get(change.path);
    if (added === undefined) continue;
    changes[at] = { ...change, risk: { level: "high", reasons: [...added, ...change.risk.reasons] } };
  }
}

/** Counts what a list of changes holds. */
export function countChanges(changes: Iterable<Change>): ChangeTotals {
  const totals = { added: 0, modified: 0, deleted: 0, type: 0, mode: 0, highRisk: 0, conflicts: 0 };
  for (const { kind, risk, conflict } of changes) {
    totals[kind] += 1;
    if (risk.level === "high") totals.highRisk += 1;
    if (conflict) totals.conflicts += 1;
  }
  return totals;
}

/** For people: deletions and high risk first, tree order within both parts. */
export function orderForPeople(changes: readonly Change[]): Change[] {
  return [...changes.filter(comesFirst), ...changes.filter((change) => !comesFirst(change))];
}

/** Keeps the changes at or below some paths; all of them when none is given. */
export function selectChanges(changes: readonly Change[], paths: readonly string[]): Change[] {
  const wanted = paths.map((path) => path.replace(/^(?:\.\/)+|\/+$/g, "")).map((path) => (path === "." ? "" : path));
  if (wanted.length === 0 || wanted.includes("")) return [...changes];
  return changes.filter(({ path }) => wanted.some((each) => path === each || path.startsWith(`${each}/`)));
}
