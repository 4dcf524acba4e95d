import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isAirlockError, messageOf } from "../base/errors.js";
import { isAbandoned } from "../base/file-lock.js";
import type { Program } from "./reopen.js";
import { loadSession, lockSession, saveSession } from "./store.js";
import type { Workbench } from "./workbench.js";

/** Sessions whose watcher was killed: their `runner` lock names a dead process. Cheap: no record is read. */
async function findAbandoned(bench: Workbench): Promise<string[]> {
  const folder = join(bench.home.path, "sessions");
  // Discarded sessions keep their journals for a month, so there may be thousands: one quick look at each.
  const watched = (await readdir(folder)).filter((name) => existsSync(join(folder, name, "runner")));
  const abandoned = await Promise.all(watched.map((name) => isAbandoned(join(folder, name, "runner"))));
  return watched.filter((_, index) => abandoned[index] === true);
}

async function reconcileOne(bench: Workbench, id: string, program: Program): Promise<string | null> {
  await using _lock = await lockSession(bench.home, id, bench.signal);
  const record = await loadSession(bench.home, id);
  if (record === null || record.state === "starting")
    return `session ${id} was killed while it started: airlock prune removes what is left of it`;
  if (record.state === "discarding") return `the discard of session ${id} was interrupted: airlock prune finishes it`;
  if (record.state !== "running" || record.container === null) return null;
  const engine = await bench.engine();
  const state = await engine.inspectContainer(record.container);
  const runs = state?.status === "running" || state?.status === "paused";
  if (runs && record.command === null) {
    if (state.status === "paused") await engine.unpauseContainer(state.id);
    (await import("./reopen.js")).spawnSupervisor(program, id);
    return `session ${id} had lost its supervisor; another one watches it now`;
  }
  // Nobody enforced its limits or read its output since: it is stopped, and its work is kept.
  if (runs) await engine.killContainer(record.container, "SIGKILL");
  const reason = runs ? "the airlock command that ran it was killed" : "its sandbox ended while nobody watched";
  await bench.recorder(id)({ kind: "session.interrupted", data: { reason } });
  await saveSession(bench.home, {
    ...record,
    state: "interrupted",
    lastExit: { code: state?.exitCode ?? 137, reason },
  });
  return `session ${id} was interrupted (${reason}); its work is kept: airlock diff ${id}, airlock discard ${id}`;
}

const failureNote =
  (id: string) =>
  (error: unknown): string => {
    if (isAirlockError(error, "E_CANCELLED")) throw error;
    return `session ${id} was interrupted and cannot be looked after: ${messageOf(error)}`;
  };

/** Finds what killed commands left behind, puts the records right, and says what it found. */
export async function reconcileSessions(bench: Workbench, program: Program): Promise<string[]> {
  const notes: string[] = [];
  for (const id of await findAbandoned(bench)) {
    // One session that is damaged or busy must not stand in the way of the others.
    const note = await reconcileOne(bench, id, program).catch(failureNote(id));
    if (note !== null) notes.push(note);
  }
  return notes;
}
