import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isAirlockError } from "../base/errors.js";
import { holderOf, isAbandoned } from "../base/file-lock.js";
import type { SessionRecord } from "../model/session.js";
import { discardSession, type Receipt, removeSession } from "./discard.js";
import { forksFirst, forkUses } from "./forks.js";
import { journalPaths, sessionFolder } from "./home.js";
import { keeperNames, removeSocketFolder } from "./keeper.js";
import { listSessions, loadSession } from "./store.js";
import type { Workbench } from "./workbench.js";

const hasWork: ReadonlySet<SessionRecord["state"]> = new Set(["running", "stopped", "interrupted"]);
const journalLifeMs = 30 * 24 * 3_600_000;
/** Between making a session's folder and locking it lies a moment. */
const claimLifeMs = 60_000;

/** What `prune` would do. Only things with this state folder's label are ever in it. */
export interface PrunePlan {
  /** Sessions whose discard was interrupted: to be finished. */
  readonly unfinished: readonly string[];
  /** Sessions of which the engine holds something but the state folder knows nothing. */
  readonly orphans: readonly string[];
  /** Keepers and runtime volumes of other versions of Airlock. */
  readonly outdated: readonly string[];
  /** Snapshots that the user's configuration keeps no longer. */
  readonly snapshots: readonly OutlivedSnapshot[];
  /** Journals of sessions discarded more than 30 days ago. */
  readonly journals: readonly string[];
}

export interface OutlivedSnapshot {
  readonly session: string;
  readonly snapshot: string;
  /** `count`, `age` or `size`. */
  readonly why: string;
}

/** What was done. */
export interface PruneResult {
  readonly receipts: readonly Receipt[];
  readonly removed: readonly string[];
}

async function labelledSessions(bench: Workbench): Promise<Set<string>> {
  const engine = await bench.engine();
  const labels = { "airlock.home": bench.home.id };
  const [containers, volumes, images, keeper] = await Promise.all([
    engine.listContainers(labels),
    engine.listVolumes(labels),
    engine.listImages(labels),
    bench.keeper(),
  ]);
  const found = [...containers, ...volumes, ...images].map((each) => each.labels["airlock.session"] ?? "");
  return new Set([...found, ...(await keeper.listSessions())].filter((id) => id !== ""));
}

// Killed before the record was written: the folder holds no work, and nobody is about to write one.
async function neverWritten(bench: Workbench, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      const folder = sessionFolder(bench.home, name);
      const files = await readdir(folder).catch(() => ["session.json"]);
      if (files.includes("session.json")) return [];
      const lock = join(folder, "runner");
      // Without a holder, or killed before it could write its name into the lock.
      const dead = (await holderOf(lock)) === null ? await isOld(folder) : await isAbandoned(lock);
      return dead ? [name] : [];
    }),
  );
  return found.flat();
}

async function isOld(folder: string): Promise<boolean> {
  return Date.now() - (await stat(folder)).mtimeMs > claimLifeMs;
}

async function finish(bench: Workbench, id: string): Promise<Receipt> {
  if ((await loadSession(bench.home, id)) !== null) return await discardSession(bench, id);
  const receipt = await removeSession(bench, id);
  if (receipt.clean) await forget(bench, id);
  return receipt;
}

async function forget(bench: Workbench, id: string): Promise<void> {
  await rm(sessionFolder(bench.home, id), { recursive: true, force: true });
  await rm(journalPaths(bench.home, id).head, { force: true });
}

async function findOutdated(bench: Workbench): Promise<string[]> {
  const engine = await bench.engine();
  const current = keeperNames(bench.home, bench.surroundings.imageHash);
  const ours = { "airlock.home": bench.home.id };
  const keepers = await engine.listContainers({ ...ours, "airlock.role": "keeper" });
  const runtimes = await engine.listVolumes({ ...ours, "airlock.role": "runtime" });
  return [...keepers, ...runtimes]
    .map(({ name }) => name)
    .filter((name) => name !== current.container && name !== current.runtime);
}

async function oldJournals(bench: Workbench, ids: readonly string[]): Promise<string[]> {
  const now = Date.now();
  const old: string[] = [];
  for (const id of ids) {
    const { mtimeMs } = await stat(join(sessionFolder(bench.home, id), "session.json"));
    if (now - mtimeMs > journalLifeMs) old.push(id);
  }
  return old;
}

async function oldSnapshots(
  bench: Workbench,
  records: readonly SessionRecord[],
  onDamaged: (error: unknown) => void,
): Promise<OutlivedSnapshot[]> {
  const { loadRetention, outlivedSnapshots } = await import("./auto/retain.js");
  const retention = await loadRetention(bench);
  const found: OutlivedSnapshot[] = [];
  for (const record of records.filter(({ state }) => hasWork.has(state))) {
    try {
      const outlived = await outlivedSnapshots(bench, record, retention);
      found.push(...outlived.map((each) => ({ session: record.id, ...each })));
    } catch (error) {
      onDamaged(error);
    }
  }
  return found;
}

async function removeSnapshots(bench: Workbench, plan: readonly OutlivedSnapshot[]): Promise<string[]> {
  const { retain } = await import("./auto/retain.js");
  const removed: string[] = [];
  for (const session of new Set(plan.map((each) => each.session))) {
    const shown = plan.filter((each) => each.session === session).map(({ snapshot }) => snapshot);
    const gone = await retain(bench, session, new Set(shown));
    removed.push(...gone.map(({ snapshot }) => `snapshot ${session}/${snapshot}`));
  }
  return removed;
}

/** Looks for what interrupted commands left behind, by label, so also when the state folder was lost. */
export async function planPrune(bench: Workbench, onDamaged: (error: unknown) => void): Promise<PrunePlan> {
  // First what the engine holds, then what is known: a session that begins meanwhile is not taken for an orphan.
  const held = await labelledSessions(bench);
  const records = await listSessions(bench.home, onDamaged);
  const known = new Map(records.map((record) => [record.id, record.state]));
  // A folder whose record is damaged or not yet written is known all the same: its work must not be taken for an orphan's.
  const unreadable = (await readdir(join(bench.home.path, "sessions"))).filter((name) => !known.has(name));
  for (const name of unreadable) known.set(name, "running");
  const abandonedStarts = await Promise.all(
    records
      .filter(({ state }) => state === "starting")
      .map(async ({ id }) => ((await isAbandoned(join(sessionFolder(bench.home, id), "runner"))) ? [id] : [])),
  );
  // A lost record of a session that forks lie on: what they share stays until the last of them is gone.
  const used = new Set(forkUses(records).map(({ session }) => session));
  return {
    unfinished: [
      ...forksFirst(records)
        .filter(({ id, state }) => state === "discarding" || (state === "discarded" && held.has(id)))
        .map(({ id }) => id),
      ...abandonedStarts.flat(),
      ...(await neverWritten(bench, unreadable)),
    ],
    orphans: [...held].filter((id) => !known.has(id) && !used.has(id)).sort(),
    outdated: await findOutdated(bench),
    snapshots: await oldSnapshots(bench, records, onDamaged),
    journals: await oldJournals(
      bench,
      records.filter(({ state }) => state === "discarded").map(({ id }) => id),
    ),
  };
}

// Nothing says of an orphan whether others lie on it but the keeper, which refuses as long as one does.
async function removeOrphans(bench: Workbench, ids: readonly string[]): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  const inUse: string[] = [];
  for (const [index, id] of ids.entries()) {
    try {
      receipts.push(await removeSession(bench, id));
    } catch (error) {
      const isLast = index === ids.length - 1 && receipts.length === 0;
      if (isLast || !(isAirlockError(error) && error.cause === "in_use")) throw error;
      inUse.push(id);
    }
  }
  return inUse.length === 0 ? receipts : [...receipts, ...(await removeOrphans(bench, inUse))];
}

/** Carries a plan out. */
export async function prune(bench: Workbench, plan: PrunePlan): Promise<PruneResult> {
  const engine = await bench.engine();
  const receipts: Receipt[] = [];
  for (const id of plan.unfinished) receipts.push(await finish(bench, id));
  receipts.push(...(await removeOrphans(bench, plan.orphans)));
  for (const name of plan.outdated) {
    const labels = (await engine.inspectContainer(name))?.labels ?? {};
    await engine.removeContainer(name);
    await removeSocketFolder(bench.home, labels);
    await engine.removeVolume(name);
  }
  for (const id of plan.journals) await forget(bench, id);
  const snapshots = await removeSnapshots(bench, plan.snapshots);
  return { receipts, removed: [...plan.outdated, ...snapshots, ...plan.journals.map((id) => `journal of ${id}`)] };
}
