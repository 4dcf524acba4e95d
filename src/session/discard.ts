import { stat } from "node:fs/promises";
import { AirlockError } from "../base/errors.js";
import type { ContainerState, Engine } from "../model/engine.js";
import type { SessionRecord } from "../model/session.js";
import { loadSession, lockSession, saveSession } from "./store.js";
import type { Workbench } from "./workbench.js";

/** One thing that a session had, and whether it is gone, as the engine says after the removal. */
export interface ReceiptCheck {
  readonly what: string;
  readonly gone: boolean;
}

/** What `discard` prints. `clean` only when every check found its thing gone. */
export interface Receipt {
  readonly session: string;
  readonly checks: readonly ReceiptCheck[];
  readonly clean: boolean;
}

async function processIsGone(pid: number): Promise<boolean> {
  return stat(`/proc/${pid}`).then(
    () => false,
    () => true,
  );
}

async function removeContainers(engine: Engine, labels: Readonly<Record<string, string>>): Promise<ReceiptCheck[]> {
  const checks: ReceiptCheck[] = [];
  for (const { id, name } of await engine.listContainers(labels)) {
    const before: ContainerState | null = await engine.inspectContainer(id);
    const gone = await engine.removeContainer(id);
    checks.push({ what: `container ${name}`, gone });
    const pid = before?.pid ?? 0;
    if (pid > 0 && engine.endpoint.kind === "unix") {
      checks.push({ what: `processes of ${name}`, gone: gone && (await processIsGone(pid)) });
    }
  }
  return checks;
}

async function removeVolumes(engine: Engine, labels: Readonly<Record<string, string>>): Promise<ReceiptCheck[]> {
  const volumes = await engine.listVolumes(labels);
  return Promise.all(
    volumes.map(async ({ name }) => {
      await engine.removeVolume(name);
      return { what: `volume ${name}`, gone: (await engine.inspectVolume(name)) === null };
    }),
  );
}

async function removeImages(engine: Engine, labels: Readonly<Record<string, string>>): Promise<ReceiptCheck[]> {
  const checks: ReceiptCheck[] = [];
  for (const { id, tags } of await engine.listImages(labels)) {
    await engine.removeImage(id);
    checks.push({ what: `image ${tags[0] ?? id}`, gone: (await engine.inspectImage(id)) === null });
  }
  return checks;
}

async function removeLayers(bench: Workbench, session: string): Promise<ReceiptCheck[]> {
  const keeper = await bench.keeper();
  await keeper.deleteSession(session);
  const gone = !(await keeper.sessionExists(session));
  return ["layers", "snapshots"].map((what) => ({ what, gone }));
}

/**
 * Removes everything that carries a session's label and asks the engine, thing by thing, whether it is gone. Safe to
 * repeat: it goes by what is there, so it finishes what a killed one began. Needs no record.
 */
export async function removeSession(bench: Workbench, session: string): Promise<Receipt> {
  const engine = await bench.engine();
  const labels = { "airlock.home": bench.home.id, "airlock.session": session };
  const containers = await removeContainers(engine, labels);
  // Only now are the overlay mounts released.
  const volumes = await removeVolumes(engine, labels);
  const [layers, images] = await Promise.all([removeLayers(bench, session), removeImages(engine, labels)]);
  const none = (what: string, found: readonly ReceiptCheck[]): readonly ReceiptCheck[] =>
    found.length > 0 ? found : [{ what, gone: true }];
  const checks = [...none("container", containers), ...none("volumes", volumes), ...layers, ...images];
  const receipt = { session, checks: [...checks, { what: "credentials (none were handed out)", gone: true }] };
  return { ...receipt, clean: receipt.checks.every(({ gone }) => gone) };
}

/** Destroys a session whose lock the caller holds. */
export async function discardLocked(bench: Workbench, record: SessionRecord): Promise<Receipt> {
  const journal = bench.recorder(record.id);
  await journal({ kind: "session.discard" });
  await saveSession(bench.home, { ...record, state: "discarding" });
  const receipt = await removeSession(bench, record.id);
  await journal({ kind: "session.discarded", data: { checks: receipt.checks, clean: receipt.clean } });
  if (receipt.clean) await saveSession(bench.home, { ...record, state: "discarded", container: null });
  return receipt;
}

/** Destroys a session and proves it; the journal is kept until `prune`. */
export async function discardSession(bench: Workbench, id: string): Promise<Receipt> {
  await using _lock = await lockSession(bench.home, id, bench.signal);
  const record = await loadSession(bench.home, id);
  if (record === null) throw new AirlockError("E_SESSION_NOT_FOUND", `no session "${id}"`);
  return await discardLocked(bench, record);
}
