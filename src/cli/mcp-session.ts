import { createHash } from "node:crypto";
import { join } from "node:path";
import { takeLock } from "../base/file-lock.js";
import type { SessionRecord } from "../model/session.js";
import { findProject } from "../session/project.js";
import { ensureRunning } from "../session/reopen.js";
import { startSession } from "../session/start.js";
import { liveState } from "../session/status.js";
import { findSession, listSessions, lockSession, requireLiveSession } from "../session/store.js";
import type { Workbench } from "../session/workbench.js";
import type { CommandContext } from "./context.js";
import { makePlan } from "./plan-options.js";
import { programOf } from "./with-bench.js";

const startWaitMs = 120_000;

async function newestRunning(bench: Workbench, project: string): Promise<SessionRecord | null> {
  const records = await listSessions(bench.home, () => undefined);
  for (const record of records.filter((each) => each.project.path === project && each.state === "running")) {
    const state = await liveState(bench, record);
    if (state === "running" || state === "paused") return record;
  }
  return null;
}

// Several clients begin at once when an editor opens: they share one session.
async function sessionOfProject(context: CommandContext, bench: Workbench): Promise<SessionRecord> {
  const project = await findProject(context.edge.cwd, context.options.project);
  const name = `starting-${createHash("sha256").update(project).digest("hex").slice(0, 16)}`;
  await using _lock = await takeLock(join(bench.home.path, name), { waitMs: startWaitMs, signal: bench.signal });
  const running = await newestRunning(bench, project);
  if (running !== null) return running;
  const { plan, env } = await makePlan(context, bench, context.options, { command: null, tty: false });
  const record = await startSession(bench, { plan, env, program: programOf(context) });
  context.note(`airlock: started session ${record.id} of ${project}`);
  return record;
}

/** The session that an agent's client works in: the one named, else the newest that runs for the project, else a new one. */
export async function sessionForClient(
  context: CommandContext,
  bench: Workbench,
  id: string | undefined,
): Promise<SessionRecord> {
  if (id === undefined) return await sessionOfProject(context, bench);
  const { id: found } = await findSession(bench.home, { id, project: "" });
  await using _lock = await lockSession(bench.home, found, bench.signal);
  return await ensureRunning(bench, await requireLiveSession(bench.home, found), programOf(context));
}
