import type { ParsedCommit } from "./commit.js";
import type { LayerObjects } from "./layer-objects.js";

/** What lies between a new tip and what the host has. */
export interface Walk {
  /** Newest first. */
  readonly commits: readonly ParsedCommit[];
  /** Where the walk ended: commits that the host has, or that could not be read. */
  readonly boundary: readonly string[];
  readonly broken: readonly string[];
  /** More commits than are walked. */
  readonly truncated: boolean;
}

interface WalkInput {
  readonly objects: LayerObjects;
  /** Commits of the host: nothing behind them is new. */
  readonly known: ReadonlySet<string>;
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** Goes back from a tip through the commits that the session made. A history that leads into itself ends as well. */
export async function walkCommits(tip: string, { objects, known, limit, signal }: WalkInput): Promise<Walk> {
  const commits: ParsedCommit[] = [];
  const boundary: string[] = [];
  const broken: string[] = [];
  const pending = [tip];
  const seen = new Set(pending);
  for (let id = pending.shift(); id !== undefined; id = pending.shift()) {
    signal.throwIfAborted();
    const found = known.has(id) ? null : await objects.find(id);
    if (found === null || found.kind === "absent") boundary.push(id);
    else if (found.kind === "broken") broken.push(`commit ${id} ${found.why}`);
    else commits.push(found.commit);
    const parents = found?.kind === "commit" ? found.commit.parents : [];
    for (const parent of parents) {
      if (seen.has(parent)) continue;
      if (seen.size >= limit) return { commits: newestFirst(commits), boundary, broken, truncated: true };
      seen.add(parent);
      pending.push(parent);
    }
  }
  return { commits: newestFirst(commits), boundary, broken, truncated: false };
}

function newestFirst(commits: ParsedCommit[]): ParsedCommit[] {
  return commits.sort((left, right) => right.time - left.time);
}
