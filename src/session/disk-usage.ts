import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { SessionRecord } from "../model/session.js";
import { sessionFolder } from "./home.js";
import { type PrunePlan, planPrune } from "./prune.js";
import { listSessions } from "./store.js";
import type { Workbench } from "./workbench.js";

/** What a session takes on the disk, in bytes, as the file systems allot them; null: the engine cannot say. */
export interface SessionUse {
  readonly session: string;
  readonly state: SessionRecord["state"];
  readonly layers: number | null;
  /** Copies of the project and of other paths, where the engine does not see this machine's files. */
  readonly bases: number | null;
  /** A file that several of them share counts once. */
  readonly snapshots: number | null;
  /** Of journal, recordings and records, on this machine. */
  readonly records: number;
}

/** What all of it takes, and what `prune` would give back. */
export interface DiskUse {
  readonly sessions: readonly SessionUse[];
  readonly images: readonly { readonly image: string; readonly bytes: number }[];
  readonly total: number;
  readonly prunable: number;
  /** Sessions of which something is not known: total and prunable are at least what they say. */
  readonly unknown: readonly string[];
}

type EngineUse = Pick<SessionUse, "layers" | "bases" | "snapshots"> & {
  /** By snapshot. */
  readonly each: Readonly<Record<string, number>>;
};

type Counted = Readonly<Record<string, { readonly bytes: number }>>;

const sumOf = (counted: Counted): number => Object.values(counted).reduce((sum, { bytes }) => sum + bytes, 0);

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

async function engineUse(bench: Workbench, session: string): Promise<EngineUse> {
  const keeper = await bench.keeper();
  const usage = await keeper.usage(session).catch(() => null);
  const saved = await keeper.savedUsage(session).catch(() => null);
  return {
    layers: usage === null ? null : usage.bytes,
    bases: saved === null ? null : sumOf(saved.bases),
    snapshots: saved === null ? null : sumOf(saved.snapshots),
    each: Object.fromEntries(Object.entries(saved?.snapshots ?? {}).map(([id, { bytes }]) => [id, bytes])),
  };
}

const nothing: EngineUse = { layers: 0, bases: 0, snapshots: 0, each: {} };

const knownBytes = ({ layers, bases, snapshots }: EngineUse | SessionUse): number =>
  (layers ?? 0) + (bases ?? 0) + (snapshots ?? 0);

const isUnknown = ({ layers, bases, snapshots }: EngineUse | SessionUse): boolean =>
  layers === null || bases === null || snapshots === null;

// Images of other state folders are theirs; those of Airlock itself serve all of them.
async function ourImages(bench: Workbench): Promise<DiskUse["images"]> {
  const found = await (await bench.engine()).listImages({ "airlock.role": "image" });
  return found
    .filter(({ labels }) => (labels["airlock.home"] ?? bench.home.id) === bench.home.id)
    .map(({ id, tags, sizeBytes }) => ({ image: tags[0] ?? id, bytes: sizeBytes }));
}

interface Measured {
  readonly use: SessionUse;
  readonly each: EngineUse["each"];
}

// A snapshot of a session that goes altogether is counted with it.
function prunableBytes(plan: PrunePlan, measured: readonly Measured[]): number {
  const ends = new Set([...plan.journals, ...plan.unfinished]);
  const going = measured.filter(({ use }) => ends.has(use.session));
  const bySession = new Map(measured.map(({ use, each }) => [use.session, each]));
  const snapshots = plan.snapshots.filter(({ session }) => !ends.has(session));
  return (
    going.reduce((sum, { use }) => sum + knownBytes(use) + use.records, 0) +
    snapshots.reduce((sum, { session, snapshot }) => sum + (bySession.get(session)?.[snapshot] ?? 0), 0)
  );
}

/** Measures what Airlock takes: sessions one after the other, as each is a walk over its layers. */
export async function diskUse(bench: Workbench, onDamaged: (error: unknown) => void): Promise<DiskUse> {
  const measured: Measured[] = [];
  for (const { id, state } of await listSessions(bench.home, onDamaged)) {
    const { each, ...held } = state === "discarded" ? nothing : await engineUse(bench, id);
    const records = await folderBytes(sessionFolder(bench.home, id));
    measured.push({ use: { session: id, state, ...held, records }, each });
  }
  const plan = await planPrune(bench, onDamaged);
  const orphans: (EngineUse & { readonly session: string })[] = [];
  for (const session of plan.orphans) orphans.push({ session, ...(await engineUse(bench, session)) });
  const sessions = measured.map(({ use }) => use);
  const ofOrphans = orphans.reduce((sum, each) => sum + knownBytes(each), 0);
  return {
    sessions,
    images: await ourImages(bench),
    // What nobody knows any more takes its room all the same.
    total: sessions.reduce((sum, each) => sum + knownBytes(each) + each.records, ofOrphans),
    prunable: prunableBytes(plan, measured) + ofOrphans,
    unknown: [...sessions, ...orphans].filter(isUnknown).map(({ session }) => session),
  };
}
