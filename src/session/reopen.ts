import { spawn } from "node:child_process";
import { join } from "node:path";
import { takeLock } from "../base/file-lock.js";
import type { ContainerState } from "../model/engine.js";
import type { SessionRecord } from "../model/session.js";
import { sessionFolder } from "./home.js";
import { requireImage } from "./image.js";
import { awaitNetwork } from "./network/network-ready.js";
import { providedOf } from "./network/provided.js";
import { acceptVerdict } from "./open.js";
import { createLayerVolumes } from "./sandbox/layers.js";
import { releaseSandbox, sandboxRequest, startSandbox } from "./sandbox/sandbox.js";
import type { Workbench } from "./workbench.js";

/** How this program is called, for the background process that watches a started session. */
export interface Program {
  readonly execPath: string;
  readonly script: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

// It stays for hours and mostly waits; left alone, V8 keeps several times what a burst of connections needed.
const lean = ["--optimize-for-size", "--max-semi-space-size=2"];

/** Starts the supervisor of a session whose sandbox holds: a background process of this same program. */
export function spawnSupervisor(program: Program, id: string): void {
  const child = spawn(program.execPath, [...lean, program.script, "supervise", id], {
    detached: true,
    stdio: "ignore",
    cwd: "/",
    // It stays for hours, and the C library would keep memory for each of its threads.
    env: { MALLOC_ARENA_MAX: "1", ...program.env },
  });
  child.unref();
}

// A kept container with a writable root is work: it is started again. Any other is replaced.
async function containerFor(
  bench: Workbench,
  record: SessionRecord,
): Promise<{ readonly record: SessionRecord; readonly kept: ContainerState | null }> {
  const engine = await bench.engine();
  if (record.container !== null) {
    const state = await engine.inspectContainer(record.container);
    if (state !== null && record.user === "root") return { record, kept: state };
    if (state !== null) await engine.removeContainer(state.id);
  }
  // One that was killed here before it could write the record left a container of the next generation's name.
  const labels = { "airlock.home": bench.home.id, "airlock.session": record.id };
  for (const { id } of await engine.listContainers(labels)) await engine.removeContainer(id);
  return { record: { ...record, generation: record.generation + 1 }, kept: null };
}

/**
 * Gives a stopped session a sandbox again, proved like the first, and lets it hold. The caller has the session's lock.
 */
export async function reopenSession(
  bench: Workbench,
  stopped: SessionRecord,
  program: Program,
): Promise<SessionRecord> {
  const engine = await bench.engine();
  const image = await requireImage(bench, stopped.rootImage ?? stopped.image.id);
  await bench.keeperContainer();
  await createLayerVolumes(bench, stopped);
  const { record, kept } = await containerFor(bench, stopped);
  const tty = kept?.tty === true;
  const request = await sandboxRequest(bench, { record, image, tty });
  const container = kept?.id ?? (await engine.createContainer(request));
  await using sandbox = await startSandbox(bench, { container, request, record, image, tty });
  const proved = await acceptVerdict(bench, { ...record, command: null }, sandbox);
  releaseSandbox(sandbox, {
    mode: "hold",
    record: proved,
    image,
    command: [],
    env: new Map(),
    term: undefined,
    cwd: record.workspace,
    provided: await providedOf(bench, record),
  });
  spawnSupervisor(program, proved.id);
  await awaitNetwork(bench, proved);
  return proved;
}

/** The sandbox of a session, running: unpaused after a crash in the middle of a snapshot, reopened when it had stopped. */
export async function ensureRunning(bench: Workbench, record: SessionRecord, program: Program): Promise<SessionRecord> {
  const engine = await bench.engine();
  const state = record.container === null ? null : await engine.inspectContainer(record.container);
  if (state?.status === "running") return record;
  if (state?.status === "paused") {
    await engine.unpauseContainer(state.id);
    return record;
  }
  return reopenSession(bench, record, program);
}

/** Whether somebody watches over the session: the `run` that began it, or its supervisor. */
export async function takeRunnerLock(bench: Workbench, id: string, waitMs: number): Promise<AsyncDisposable | null> {
  return takeLock(join(sessionFolder(bench.home, id), "runner"), { waitMs, signal: bench.signal });
}
