import { isAirlockError, messageOf } from "../../base/errors.js";
import { loadConfigFile, userConfigPath } from "../../config/load.js";
import { type Retention, retentionOf } from "../../config/retention.js";
import type { SessionRecord, SnapshotRecord } from "../../model/session.js";
import { compileGlob } from "../../text/glob.js";
import { forksOn } from "../forks.js";
import { loadSnapshots, lockSession, requireLiveSession, saveSnapshots } from "../store.js";
import { loadTrust } from "../tools/trust-file.js";
import type { Workbench } from "../workbench.js";
import { type Outlived, planRetention } from "./plan-retention.js";

/** What the user's own configuration says; a project has no say in what is kept. */
export async function loadRetention({ surroundings }: Workbench): Promise<Retention> {
  const loaded = await loadConfigFile(userConfigPath(surroundings), "user", compileGlob);
  return retentionOf(loaded?.config.snapshots ?? {});
}

/** Snapshots that something of the session itself lies on: a trust in everything that still holds, the root of the sandbox. */
async function heldSnapshots(
  bench: Workbench,
  record: SessionRecord,
  list: readonly SnapshotRecord[],
): Promise<Set<string>> {
  const { trustAll } = await loadTrust(bench.home, record);
  const roots = list.filter(({ image }) => image !== null && image === record.rootImage).map(({ id }) => id);
  return new Set([...roots, ...(trustAll === null ? [] : [trustAll.snapshot])]);
}

// A walk over all of them. What cannot be counted goes by number and age alone.
async function sizesOf(bench: Workbench, session: string): Promise<ReadonlyMap<string, number> | null> {
  const saved = await (await bench.keeper()).savedUsage(session).catch(() => null);
  return saved && new Map(Object.entries(saved.snapshots).map(([id, { bytes }]) => [id, bytes]));
}

/** The snapshots that a session is to lose, as things are now. */
export async function outlivedSnapshots(
  bench: Workbench,
  record: SessionRecord,
  retention: Retention,
): Promise<readonly Outlived[]> {
  const list = await loadSnapshots(bench.home, record.id);
  const held = await heldSnapshots(bench, record, list);
  const bounded = list.filter(({ reason }) => retention.appliesTo === "all" || reason === "auto");
  // The newest never goes for its size, so one alone need not be measured.
  const bytes = retention.maxBytes > 0 && bounded.length > 1 ? await sizesOf(bench, record.id) : null;
  const now = Date.now();
  const outlived = planRetention(list, retention, { now, held, bytes });
  // Everybody's records are read only where something would go.
  if (outlived.length === 0) return outlived;
  for (const { snapshot } of await forksOn(bench.home, record.id)) held.add(snapshot);
  return planRetention(list, retention, { now, held, bytes });
}

/** False: the keeper knows of a fork that lies on it, though no record says so. */
async function removeSnapshot(bench: Workbench, session: string, { snapshot, why }: Outlived): Promise<boolean> {
  const list = await loadSnapshots(bench.home, session);
  const image = list.find(({ id }) => id === snapshot)?.image ?? null;
  const rest = list.filter(({ id }) => id !== snapshot);
  await bench.recorder(session)({ kind: "snapshot.remove", data: { snapshot, why } });
  // Off the list first: what is on it can be gone back to.
  await saveSnapshots(bench.home, session, rest);
  try {
    await (await bench.keeper()).deleteSnapshot({ session, snapshot });
  } catch (error) {
    await saveSnapshots(bench.home, session, list);
    if (!isAirlockError(error) || error.cause !== "in_use") throw error;
    const data = { snapshot, error: messageOf(error) };
    await bench.recorder(session)({ kind: "snapshot.retention", data, isOutcome: true });
    return false;
  }
  // One that another image is made of stays until the session is discarded.
  if (image !== null) await (await bench.engine()).removeImage(image);
  return true;
}

// A command that was killed between list and store, either way, left one that nobody can go back to.
async function removeUnlisted(bench: Workbench, session: string): Promise<void> {
  const keeper = await bench.keeper();
  const listed = new Set((await loadSnapshots(bench.home, session)).map(({ id }) => id));
  for (const snapshot of await keeper.listSnapshots(session)) {
    if (!listed.has(snapshot)) await keeper.deleteSnapshot({ session, snapshot });
  }
}

/**
 * Removes the snapshots of a session that are to be kept no longer; gives those that went. With `shown`, none but those: somebody has seen
 * the list.
 */
export async function retain(
  bench: Workbench,
  id: string,
  shown: ReadonlySet<string> | null = null,
): Promise<readonly Outlived[]> {
  const retention = await loadRetention(bench);
  await using _lock = await lockSession(bench.home, id, bench.signal);
  const record = await requireLiveSession(bench.home, id);
  const removed: Outlived[] = [];
  const refused = new Set<string>();
  // What one shared with the next counts for the next once it is gone: what is left is measured again.
  for (;;) {
    const found = await outlivedSnapshots(bench, record, retention);
    const outlived = found.filter(({ snapshot }) => !refused.has(snapshot) && (shown?.has(snapshot) ?? true));
    if (outlived.length === 0) break;
    for (const each of outlived) {
      if (await removeSnapshot(bench, id, each)) removed.push(each);
      else refused.add(each.snapshot);
    }
  }
  if (removed.length > 0) await removeUnlisted(bench, id);
  return removed;
}
