import { stat } from "node:fs/promises";
import { AirlockError } from "../base/errors.js";
import { together } from "../base/together.js";
import { type JournalHead, readHead } from "../journal/head.js";
import type { ContainerSummary, Engine, ImageState, VolumeState } from "../model/engine.js";
import type { JournalEvent } from "../model/journal.js";
import type { SessionRecord } from "../model/session.js";
import { requireNoForks } from "./forks.js";
import { journalPaths } from "./home.js";
import { forgetBases } from "./sandbox/bases.js";
import { loadSession, lockSession, saveSession } from "./store.js";
import { endAnyTrustAll } from "./tools/end-any-trust.js";
import type { Workbench } from "./workbench.js";

/** One thing that a session had, and whether it is gone, as the engine says after the removal. */
export interface ReceiptCheck {
  readonly what: string;
  readonly gone: boolean;
  /** A command that somebody with more rights can finish it with. */
  readonly todo?: string;
}

/** What `discard` prints. `clean` only when every check found its thing gone. */
export interface Receipt {
  readonly session: string;
  readonly checks: readonly ReceiptCheck[];
  readonly clean: boolean;
  /** Where its journal ends: kept elsewhere, it shows later that nothing of it was changed. Null: there is none. */
  readonly journal: JournalHead | null;
}

async function processIsGone(pid: number): Promise<boolean> {
  return stat(`/proc/${pid}`).then(
    () => false,
    () => true,
  );
}

/** Everything of a session that the engine holds; the lists come when they come. */
interface Holdings {
  readonly containers: Promise<readonly ContainerSummary[]>;
  readonly volumes: Promise<readonly VolumeState[]>;
  readonly images: Promise<readonly ImageState[]>;
}

async function findHoldings(bench: Workbench, session: string, hasImages = true): Promise<Holdings> {
  const engine = await bench.engine();
  const labels = { "airlock.home": bench.home.id, "airlock.session": session };
  const holdings = {
    containers: engine.listContainers(labels),
    volumes: engine.listVolumes(labels),
    images: hasImages ? engine.listImages(labels) : Promise.resolve([]),
  };
  for (const list of Object.values(holdings)) list.catch(() => undefined);
  return holdings;
}

async function removeContainer(engine: Engine, { id, name, status }: ContainerSummary): Promise<ReceiptCheck[]> {
  const before = status === "exited" ? null : await engine.inspectContainer(id);
  const gone = await engine.removeContainer(id);
  const check = { what: `container ${name}`, gone };
  const pid = before?.pid ?? 0;
  if (pid === 0 || engine.endpoint.kind !== "unix") return [check];
  return [check, { what: `processes of ${name}`, gone: gone && (await processIsGone(pid)) }];
}

async function removeVolume(engine: Engine, { name }: VolumeState): Promise<ReceiptCheck> {
  await engine.removeVolume(name);
  return { what: `volume ${name}`, gone: (await engine.inspectVolume(name)) === null };
}

// One after the other: a snapshot's image may be made of another's.
async function removeImages(engine: Engine, images: readonly ImageState[]): Promise<ReceiptCheck[]> {
  const checks: ReceiptCheck[] = [];
  for (const { id, tags } of images) {
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

// What a session without AWS does not need is not loaded.
async function takeBack(bench: Workbench, session: string): Promise<ReceiptCheck[]> {
  const { loadAws } = await import("./aws/aws-file.js");
  const file = await loadAws(bench.home, session);
  if (file === null) return [{ what: "credentials (none were handed out)", gone: true }];
  const { takeBackCredentials } = await import("./aws/take-back.js");
  const { wish, trace } = file;
  const mode = wish.mode === "direct" ? wish.mode : "gateway";
  return await takeBackCredentials({ mode, trace }, bench.surroundings.env, bench.signal);
}

/**
 * Removes everything that carries a session's label and asks the engine, thing by thing, whether it is gone. Safe to
 * repeat: it goes by what is there, so it finishes what a killed one began. Needs no record.
 */
export async function removeSession(
  bench: Workbench,
  session: string,
  holdings = findHoldings(bench, session),
): Promise<Receipt> {
  const found = await holdings;
  const engine = await bench.engine();
  const containers = (await Promise.all((await found.containers).map((each) => removeContainer(engine, each)))).flat();
  // Only now are the overlay mounts released.
  const [volumes, layers, images, credentials] = await together(
    found.volumes.then((list) => Promise.all(list.map((each) => removeVolume(engine, each)))),
    removeLayers(bench, session),
    found.images.then((list) => removeImages(engine, list)),
    takeBack(bench, session),
  );
  const none = (what: string, found: readonly ReceiptCheck[]): readonly ReceiptCheck[] =>
    found.length > 0 ? found : [{ what, gone: true }];
  const checks = [...none("container", containers), ...none("volumes", volumes), ...layers, ...images];
  const receipt = { session, checks: [...checks, ...credentials] };
  return { ...receipt, clean: receipt.checks.every(({ gone }) => gone), journal: null };
}

/** Destroys a session whose lock the caller holds; `before` is what its journal has to say first. */
export async function discardLocked(
  bench: Workbench,
  record: SessionRecord,
  before: readonly JournalEvent[] = [],
): Promise<Receipt> {
  await requireNoForks(bench.home, record.id);
  const journal = bench.recorder(record.id);
  // Only a writable root is ever made an image of, and an engine looks through all its images for those of one session.
  const holdings = findHoldings(bench, record.id, record.user === "root");
  holdings.catch(() => undefined);
  await endAnyTrustAll(bench, record, "the session is discarded");
  // On disk before anything is removed.
  await together(
    journal(...before, { kind: "session.discard" }),
    saveSession(bench.home, { ...record, state: "discarding" }),
  );
  const receipt = await removeSession(bench, record.id, holdings);
  await journal({ kind: "session.discarded", data: { checks: receipt.checks, clean: receipt.clean } });
  if (receipt.clean) {
    await together(
      forgetBases(bench, record.id),
      saveSession(bench.home, { ...record, state: "discarded", container: null }),
    );
  }
  return { ...receipt, journal: await readHead(journalPaths(bench.home, record.id).head) };
}

/** Destroys a session and proves it; the journal is kept until `prune`. */
export async function discardSession(
  bench: Workbench,
  id: string,
  before: readonly JournalEvent[] = [],
): Promise<Receipt> {
  await using _lock = await lockSession(bench.home, id, bench.signal);
  const record = await loadSession(bench.home, id);
  if (record === null) throw new AirlockError("E_SESSION_NOT_FOUND", `no session "${id}"`);
  return await discardLocked(bench, record, before);
}
