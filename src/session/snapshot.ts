import { AirlockError } from "../base/errors.js";
import type { SessionRecord, SnapshotRecord } from "../model/session.js";
import { wantsAuto } from "./auto/auto-place.js";
import { type Program, reopenSession } from "./reopen.js";
import { pauseSandbox } from "./sandbox/pause.js";
import { emptySnapshot, loadSnapshots, lockSession, requireLiveSession, saveSession, saveSnapshots } from "./store.js";
import type { Workbench } from "./workbench.js";

interface SnapshotWish {
  readonly message: string;
  readonly reason: SnapshotRecord["reason"];
}

/** The empty beginning of every session: it costs nothing, because at the start nothing has been written. */
export function startSnapshot(record: SessionRecord): SnapshotRecord {
  return {
    id: emptySnapshot,
    createdAt: record.createdAt,
    message: "the start of the session",
    reason: "start",
    files: 0,
    bytes: 0,
    manifestSha256: null,
    image: null,
  };
}

/** All snapshots of a session, oldest first, with the one of its start. */
export async function listSnapshots(bench: Workbench, record: SessionRecord): Promise<readonly SnapshotRecord[]> {
  const start = { ...startSnapshot(record), image: await rootAtStart(bench, record) };
  return [start, ...(await loadSnapshots(bench.home, record.id))];
}

// A fork's writable root begins as it was in the snapshot that the fork lies on.
async function rootAtStart(bench: Workbench, { lower = [] }: SessionRecord): Promise<string | null> {
  const [top] = lower;
  if (top === undefined) return null;
  return (await loadSnapshots(bench.home, top.session)).find(({ id }) => id === top.snapshot)?.image ?? null;
}

/** A snapshot of a session; throws `E_SNAPSHOT_NOT_FOUND`. */
export async function requireSnapshot(
  bench: Workbench,
  record: SessionRecord,
  wanted: string,
): Promise<SnapshotRecord> {
  const found = (await listSnapshots(bench, record)).find(({ id }) => id === wanted);
  if (found !== undefined) return found;
  throw new AirlockError("E_SNAPSHOT_NOT_FOUND", `session ${record.id} has no snapshot "${wanted}"`, {
    hint: `airlock snapshots ${record.id}`,
  });
}

// Only a writable root is part of the work, and the engine's commit is the one way to keep it.
async function commitRoot(bench: Workbench, record: SessionRecord, snapshot: string): Promise<string | null> {
  if (record.user !== "root" || record.container === null) return null;
  const engine = await bench.engine();
  if ((await engine.inspectContainer(record.container)) === null) return record.rootImage;
  const labels = { "airlock.home": bench.home.id, "airlock.session": record.id, "airlock.role": "image" };
  return engine.commitContainer(record.container, {
    repository: `airlock/snapshot-${record.id}`,
    tag: snapshot,
    labels,
  });
}

const forgotten = async (): Promise<void> => undefined;

// Only while snapshots are taken automatically does anybody ask what the last one was of.
async function stampIfWanted(bench: Workbench, record: SessionRecord, id: string): Promise<() => Promise<void>> {
  if (!wantsAuto(bench.home, record.id)) return forgotten;
  const { stampSnapshot } = await import("./auto/auto-file.js");
  return await stampSnapshot(bench, record, id);
}

async function takeSnapshot(bench: Workbench, record: SessionRecord, wish: SnapshotWish): Promise<SnapshotRecord> {
  const list = await loadSnapshots(bench.home, record.id);
  const id = `s${record.nextSnapshot}`;
  // The number is spent before anything is made, so that a crash never leads to two snapshots of one name.
  await saveSession(bench.home, { ...record, nextSnapshot: record.nextSnapshot + 1 });
  const keeper = await bench.keeper();
  const layers = record.layers.map(({ name }) => name);
  const { saved, image, remember } = await (async () => {
    await using _still = await pauseSandbox(bench, record);
    const remember = await stampIfWanted(bench, record, id);
    const previous = list.at(-1)?.id;
    const saved = await keeper.createSnapshot({
      session: record.id,
      snapshot: id,
      layers,
      ...(previous === undefined ? {} : { previous }),
    });
    return { saved, image: await commitRoot(bench, record, id), remember };
  })();
  // Before each call that would be reading all of it each time; a restore verifies what it brings back in any case.
  if (wish.reason !== "auto") await keeper.verifySnapshot({ session: record.id, snapshot: id });
  const snapshot: SnapshotRecord = {
    id,
    createdAt: new Date().toISOString(),
    message: wish.message,
    reason: wish.reason,
    files: saved.files,
    bytes: saved.bytes,
    manifestSha256: saved.manifestSha256,
    image,
  };
  await saveSnapshots(bench.home, record.id, [...list, snapshot]);
  await bench.recorder(record.id)({ kind: "snapshot.create", data: { ...snapshot } });
  await remember();
  return snapshot;
}

/** Saves the session's layers, holding the sandbox still meanwhile, and verifies what was saved. */
export async function snapshotSession(bench: Workbench, id: string, wish: SnapshotWish): Promise<SnapshotRecord> {
  await using _lock = await lockSession(bench.home, id, bench.signal);
  return await takeSnapshot(bench, await requireLiveSession(bench.home, id), wish);
}

/** The same, unless a snapshot that is there would bring back just what the session has now: then null. */
export async function snapshotIfChanged(
  bench: Workbench,
  id: string,
  wish: SnapshotWish,
): Promise<SnapshotRecord | null> {
  await using _lock = await lockSession(bench.home, id, bench.signal);
  const record = await requireLiveSession(bench.home, id);
  const { isSaved } = await import("./auto/auto-file.js");
  const known = await loadSnapshots(bench.home, id);
  const isThere = await isSaved(
    bench,
    record,
    known.map((each) => each.id),
  );
  return isThere ? null : await takeSnapshot(bench, record, wish);
}

/** What `restore` did: where it went back to, and the snapshot that takes it back. */
export interface RestoreResult {
  readonly restored: string;
  readonly before: SnapshotRecord;
  readonly record: SessionRecord;
}

async function removeSandbox(bench: Workbench, record: SessionRecord): Promise<boolean> {
  if (record.container === null) return false;
  const engine = await bench.engine();
  const state = await engine.inspectContainer(record.container);
  if (!(await engine.removeContainer(record.container))) {
    throw new AirlockError("E_ENGINE_FAILED", `the sandbox of ${record.id} cannot be removed`);
  }
  return state?.status === "running" || state?.status === "paused";
}

/** Goes back to a snapshot: saves the present first, replaces the layers with a verified copy, replaces the sandbox. */
export async function restoreSession(
  bench: Workbench,
  id: string,
  wanted: string,
  program: Program,
): Promise<RestoreResult> {
  await using _lock = await lockSession(bench.home, id, bench.signal);
  const found = await requireSnapshot(bench, await requireLiveSession(bench.home, id), wanted);
  const before = await takeSnapshot(bench, await requireLiveSession(bench.home, id), {
    message: `before the restore of ${wanted}`,
    reason: "restore",
  });
  const record = await requireLiveSession(bench.home, id);
  const journal = bench.recorder(id);
  await journal({ kind: "snapshot.restore", data: { snapshot: wanted, before: before.id } });
  const wasRunning = await removeSandbox(bench, record);
  const stopped: SessionRecord = {
    ...record,
    state: "stopped",
    container: null,
    rootImage: found.image,
    generation: record.generation + 1,
  };
  await saveSession(bench.home, stopped);
  const keeper = await bench.keeper();
  const layers = record.layers.map(({ name }) => name);
  if (found.id === emptySnapshot) await keeper.resetLayers({ session: id, layers });
  else await keeper.restoreSnapshot({ session: id, snapshot: found.id, layers });
  await journal({ kind: "snapshot.restored", data: { snapshot: wanted } });
  // A started session goes on; a `run` has ended with its sandbox.
  if (!wasRunning || record.command !== null) return { restored: wanted, before, record: stopped };
  return { restored: wanted, before, record: await reopenSession(bench, stopped, program) };
}
