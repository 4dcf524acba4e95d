import { readFile, rm } from "node:fs/promises";
import * as z from "zod/mini";
import { writeFileAtomic } from "../../base/atomic-file.js";
import type { SessionRecord } from "../../model/session.js";
import type { KeeperClient } from "../../workspace/keeper-client.js";
import type { AirlockHome } from "../home.js";
import { lockSession, requireLiveSession } from "../store.js";
import type { Workbench } from "../workbench.js";
import { autoPath, wantsAuto } from "./auto-place.js";

/** The newest snapshot, and what told the layers of that moment from any others. */
interface LastSnapshot {
  readonly snapshot: string;
  readonly stamp: string;
}

const schema = z.strictObject({
  version: z.literal(1),
  last: z.nullable(z.strictObject({ snapshot: z.string(), stamp: z.string() })),
});

async function saveLast(home: AirlockHome, session: string, last: LastSnapshot | null): Promise<void> {
  await writeFileAtomic(autoPath(home, session), `${JSON.stringify({ version: 1, last })}\n`);
}

// What cannot be read is no reason to do without a snapshot.
async function loadLast(home: AirlockHome, session: string): Promise<LastSnapshot | null> {
  try {
    return schema.parse(JSON.parse(await readFile(autoPath(home, session), "utf8"))).last;
  } catch {
    return null;
  }
}

/*
 * The home is left out: agents note something there at every turn, and a row of snapshots that differ in nothing else would push out those that
 * somebody wants to go back to.
 */
function stampLayers(keeper: KeeperClient, { id, layers }: SessionRecord): ReturnType<KeeperClient["stampLayers"]> {
  const names = layers.map(({ name }) => name).filter((name) => name !== "home");
  return keeper.stampLayers({ session: id, layers: names });
}

/** For a snapshot that is being taken while the sandbox is held still; what it gives is to be called once the snapshot is there. */
export async function stampSnapshot(
  bench: Workbench,
  record: SessionRecord,
  snapshot: string,
): Promise<() => Promise<void>> {
  const { stamp } = await stampLayers(await bench.keeper(), record);
  return async () => {
    if (wantsAuto(bench.home, record.id)) await saveLast(bench.home, record.id, { snapshot, stamp });
  };
}

/** Whether one of the snapshots that are there would bring back just what the session has now. The caller holds its lock. */
export async function isSaved(bench: Workbench, record: SessionRecord, known: readonly string[]): Promise<boolean> {
  // What root wrote beside the layers cannot be compared without looking at all of it.
  if (record.user === "root") return false;
  const { stamp, entries } = await stampLayers(await bench.keeper(), record);
  // As at the start, and there is always a snapshot of that.
  if (entries === 0) return true;
  const last = await loadLast(bench.home, record.id);
  return last?.stamp === stamp && known.includes(last.snapshot);
}

/** Says for a new session, whose lock nobody needs, that a snapshot is taken before each tool call that writes. */
export async function beginAuto(bench: Workbench, session: string): Promise<void> {
  await bench.recorder(session)({ kind: "snapshot.auto", data: { on: true } });
  await saveLast(bench.home, session, null);
}

/** Says from now on whether a snapshot is taken before each tool call that writes. */
export async function setAuto(bench: Workbench, id: string, isOn: boolean): Promise<void> {
  await using _lock = await lockSession(bench.home, id, bench.signal);
  await requireLiveSession(bench.home, id);
  if (isOn === wantsAuto(bench.home, id)) return;
  if (isOn) return await beginAuto(bench, id);
  await bench.recorder(id)({ kind: "snapshot.auto", data: { on: false } });
  await rm(autoPath(bench.home, id), { force: true });
}
