import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { SessionRecord } from "../model/session.js";
import { sessionFolder } from "./home.js";
import { planPrune } from "./prune.js";
import { listSnapshots } from "./snapshot.js";
import { listSessions } from "./store.js";
import type { Workbench } from "./workbench.js";

/** What a session takes on the disk, in bytes. */
export interface SessionUse {
  readonly session: string;
  readonly state: SessionRecord["state"];
  /** Of its layers, as the file system allots them; null: the engine cannot say. */
  readonly layers: number | null;
  readonly snapshots: number;
  /** Of journal, recordings and records, on this machine. */
  readonly records: number;
}

/** What all of it takes, and what `prune` would give back. */
export interface DiskUse {
  readonly sessions: readonly SessionUse[];
  readonly images: readonly { readonly image: string; readonly bytes: number }[];
  readonly total: number;
  readonly prunable: number;
}

async function folderBytes(path: string): Promise<number> {
  // A session that is discarded meanwhile takes nothing.
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  const sizes = entries.map(async (entry) => {
    const below = join(path, entry.name);
    if (entry.isDirectory()) return await folderBytes(below);
    const stat = await lstat(below).catch(() => null);
    return stat === null ? 0 : stat.blocks * 512;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function layerBytes(bench: Workbench, session: string): Promise<number | null> {
  const keeper = await bench.keeper();
  return await keeper.usage(session).then(
    ({ bytes }) => bytes,
    () => null,
  );
}

async function useOf(bench: Workbench, record: SessionRecord): Promise<SessionUse> {
  const { id, state } = record;
  const isGone = state === "discarded";
  const snapshots = isGone ? [] : await listSnapshots(bench, record);
  return {
    session: id,
    state,
    layers: isGone ? 0 : await layerBytes(bench, id),
    snapshots: snapshots.reduce((sum, { bytes }) => sum + bytes, 0),
    records: await folderBytes(sessionFolder(bench.home, id)),
  };
}

const bytesOf = ({ layers, snapshots, records }: SessionUse): number => (layers ?? 0) + snapshots + records;

/** Measures what Airlock takes: sessions one after the other, as each is a walk over its layers. */
export async function diskUse(bench: Workbench, onDamaged: (error: unknown) => void): Promise<DiskUse> {
  const sessions: SessionUse[] = [];
  for (const record of await listSessions(bench.home, onDamaged)) sessions.push(await useOf(bench, record));
  const found = await (await bench.engine()).listImages({ "airlock.role": "image" });
  const images = found.map(({ id, tags, sizeBytes }) => ({ image: tags[0] ?? id, bytes: sizeBytes }));
  const { journals, unfinished, orphans } = await planPrune(bench, onDamaged);
  const ends = new Set([...journals, ...unfinished]);
  let prunable = sessions.filter(({ session }) => ends.has(session)).reduce((sum, each) => sum + bytesOf(each), 0);
  for (const orphan of orphans) prunable += (await layerBytes(bench, orphan)) ?? 0;
  return { sessions, images, total: sessions.reduce((sum, each) => sum + bytesOf(each), 0), prunable };
}
