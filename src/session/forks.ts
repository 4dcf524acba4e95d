import { AirlockError } from "../base/errors.js";
import type { SessionRecord } from "../model/session.js";
import type { AirlockHome } from "./home.js";
import { listSessions, loadSnapshots } from "./store.js";

/** That a fork lies on a snapshot. */
export interface ForkUse {
  readonly fork: string;
  readonly session: string;
  readonly snapshot: string;
}

/** All that forks need of other sessions, by their records. */
export function forkUses(records: readonly SessionRecord[]): ForkUse[] {
  return records
    .filter(({ state }) => state !== "discarded")
    .flatMap(({ id, lower = [] }) => lower.map((each) => ({ fork: id, ...each })));
}

/** The forks that lie on a session's snapshots. What one with a damaged record needs, the keeper does not let go either. */
export async function forksOn(home: AirlockHome, session: string): Promise<readonly ForkUse[]> {
  // Most sessions have no snapshot, so that nobody's record need be read.
  if ((await loadSnapshots(home, session)).length === 0) return [];
  const records = await listSessions(home, () => undefined);
  return forkUses(records).filter((use) => use.session === session);
}

/** Refuses to destroy a session while forks lie on its snapshots. The caller holds its lock. */
export async function requireNoForks(home: AirlockHome, session: string): Promise<void> {
  const forks = [...new Set((await forksOn(home, session)).map(({ fork }) => fork))];
  if (forks.length === 0) return;
  throw new AirlockError(
    "E_SESSION_STATE",
    `session ${session} has a snapshot that others lie on: ${forks.join(", ")}`,
    {
      hint: `airlock discard ${[...forks, session].join(" ")}`,
    },
  );
}

/** Forks before what they lie on, so that all can be destroyed one after the other. */
export function forksFirst(records: readonly SessionRecord[]): SessionRecord[] {
  return records.toSorted((a, b) => (b.lower?.length ?? 0) - (a.lower?.length ?? 0));
}
