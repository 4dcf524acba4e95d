import type { LayerObjects } from "./layer-objects.js";
import type { GitBranch, GitCommit, GitRef } from "./report.js";
import { type Walk, walkCommits } from "./walk.js";

/**
 * Asks the host's own repository, which the session could not write. Null: git is not there, or cannot tell.
 */
export interface HostHistory {
  /** How many commits of `tip` are in none of the histories of `kept`; of ids that the host does not have it knows nothing. */
  countMissing(tip: string, kept: readonly string[]): Promise<number | null>;
  /** Which of these the host has. */
  present(ids: readonly string[]): Promise<ReadonlySet<string> | null>;
}

interface BranchInput {
  readonly objects: LayerObjects;
  readonly history: HostHistory;
  /** Tips of the host. */
  readonly known: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

export interface MovedRef {
  readonly name: string;
  readonly before: string | null;
  readonly after: string | null;
  /** It changed on the host too. */
  readonly conflict: boolean;
}

const maxCommits = 2_000;
const listed = 100;

async function madeInside(walk: Walk, history: HostHistory): Promise<readonly GitCommit[]> {
  if (walk.commits.length === 0) return [];
  const present = await history.present(walk.commits.map(({ id }) => id));
  const made = present === null ? walk.commits : walk.commits.filter(({ id }) => !present.has(id));
  return made.map(({ id, author, date, subject }) => ({ id, author, date, subject }));
}

async function countLost(before: string, walk: Walk, history: HostHistory): Promise<number | null> {
  const visited = walk.commits.map(({ id }) => id);
  if (visited.includes(before) || walk.boundary.includes(before)) return 0;
  return await history.countMissing(before, [...walk.boundary, ...visited]);
}

/** What became of a branch, and the notes on what could not be read. */
export async function describeBranch(
  { name, before, after, conflict }: MovedRef,
  { objects, history, known, signal }: BranchInput,
): Promise<{ readonly branch: GitBranch; readonly notes: readonly string[] }> {
  const short = name.slice("refs/heads/".length);
  const none = { name: short, before, after, conflict, commits: [], more: 0, complete: true };
  if (after === null) return { branch: { ...none, kind: "deleted", lost: null }, notes: [] };
  const walk = await walkCommits(after, { objects, known, limit: maxCommits, signal });
  const commits = await madeInside(walk, history);
  const lost = before === null ? null : await countLost(before, walk, history);
  // What cannot be shown to be kept is taken for lost: silence would hide a rewritten history.
  const kind = before === null ? "added" : lost === 0 ? "moved" : "rewritten";
  const unread = walk.boundary.length > 0 && (await objects.unreadPacks()).length > 0;
  const complete = !walk.truncated && walk.broken.length === 0 && !unread;
  const shown = commits.slice(0, listed);
  const branch: GitBranch = { ...none, kind, lost, commits: shown, more: commits.length - shown.length, complete };
  return { branch, notes: walk.broken.map((each) => `${each} (on branch ${short})`) };
}

/** What became of a ref that is no branch. */
export function describeRef({ name, before, after }: MovedRef): GitRef {
  return { name, before, after, kind: before === null ? "added" : after === null ? "deleted" : "moved" };
}
