import type { Retention } from "../../config/retention.js";
import type { SnapshotRecord } from "../../model/session.js";

/** A snapshot that is to go, and why. */
export interface Outlived {
  readonly snapshot: string;
  readonly why: string;
}

interface Circumstances {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** What something else lies on: none of these ever goes. */
  readonly held: ReadonlySet<string>;
  /** What each takes on the disk; null: not known, so none goes for that. */
  readonly bytes: ReadonlyMap<string, number> | null;
}

/** The snapshots that a session is to lose, oldest first. By size the newest one stays: it is what was just made. */
export function planRetention(
  list: readonly SnapshotRecord[],
  { keep, maxAgeSeconds, maxBytes, appliesTo }: Retention,
  { now, held, bytes }: Circumstances,
): Outlived[] {
  const may = list.filter(({ id, reason }) => !held.has(id) && (appliesTo === "all" || reason === "auto"));
  const sizeOf = (id: string): number => bytes?.get(id) ?? 0;
  let left = may.reduce((sum, { id }) => sum + sizeOf(id), 0);
  const outlived: Outlived[] = [];
  for (const [index, { id, createdAt }] of may.entries()) {
    const rest = may.length - index;
    const isOld = maxAgeSeconds > 0 && now - Date.parse(createdAt) > maxAgeSeconds * 1_000;
    const isLarge = maxBytes > 0 && left > maxBytes && rest > 1;
    const why = keep > 0 && rest > keep ? "count" : isOld ? "age" : isLarge ? "size" : null;
    if (why === null) continue;
    outlived.push({ snapshot: id, why });
    left -= sizeOf(id);
  }
  return outlived;
}
