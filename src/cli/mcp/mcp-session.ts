import { createHash } from "node:crypto";
import { join } from "node:path";
import { takeLock } from "../../base/file-lock.js";
import type { SessionRecord } from "../../model/session.js";
import { findProject } from "../../session/project.js";
import { ensureRunning } from "../../session/reopen.js";
import { startSession } from "../../session/start.js";
import { liveState } from "../../session/status.js";
import { findSession, listSessions, lockSession, requireLiveSession } from "../../session/store.js";
import { grantAll } from "../../session/tools/grant-all.js";
import { addTrust, usualTrustAllSeconds } from "../../session/tools/trust-all.js";
import type { Workbench } from "../../session/workbench.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { makePlan } from "../options/plan-options.js";
import { type TrustOptions, trustWish } from "../options/trust-options.js";
import { reachableText } from "../render/reachable.js";
import { programOf } from "../with-bench.js";

const startWaitMs = 120_000;

async function newestRunning(bench: Workbench, project: string): Promise<SessionRecord | null> {
  const records = await listSessions(bench.home, () => undefined);
  for (const record of records.filter((each) => each.project.path === project && each.state === "running")) {
    const state = await liveState(bench, record);
    if (state === "running" || state === "paused") return record;
  }
  return null;
}

/** Which session a client wants, and what it may do there without asking. */
export interface ClientWish extends GlobalOptions, TrustOptions {
  readonly session?: string;
}

// In a session that runs already, the flags say what `airlock tools` would, and `airlock tools reset` takes them back.
async function trustMore(
  context: CommandContext,
  bench: Workbench,
  record: SessionRecord,
  wish: ClientWish,
): Promise<SessionRecord> {
  const { rules, all } = trustWish(wish, []);
  if (rules.length > 0)
    await addTrust(
      bench,
      record,
      rules.map((rule) => ({ ...rule, origin: "airlock tools" })),
    );
  if (all) {
    context.warn(await reachableText(context, bench, record));
    await grantAll(bench, record, { seconds: usualTrustAllSeconds, calls: null, task: "airlock mcp" });
  }
  return record;
}

// Several clients begin at once when an editor opens: they share one session.
async function sessionOfProject(context: CommandContext, bench: Workbench, wish: ClientWish): Promise<SessionRecord> {
  const project = await findProject(context.edge.cwd, context.options.project);
  const name = `starting-${createHash("sha256").update(project).digest("hex").slice(0, 16)}`;
  await using _lock = await takeLock(join(bench.home.path, name), { waitMs: startWaitMs, signal: bench.signal });
  const running = await newestRunning(bench, project);
  if (running !== null) return await trustMore(context, bench, running, wish);
  const { plan, env } = await makePlan(context, bench, wish, { command: null, tty: false });
  const record = await startSession(bench, { plan, env, program: programOf(context) });
  context.note(`airlock: started session ${record.id} of ${project}`);
  return record;
}

/** The session that an agent's client works in: the one named, else the newest that runs for the project, else a new one. */
export async function sessionForClient(
  context: CommandContext,
  bench: Workbench,
  wish: ClientWish,
): Promise<SessionRecord> {
  if (wish.session === undefined) return await sessionOfProject(context, bench, wish);
  const { id } = await findSession(bench.home, { id: wish.session, project: "" });
  return await trustMore(context, bench, await runningSession(context, bench, id), wish);
}

async function runningSession(context: CommandContext, bench: Workbench, id: string): Promise<SessionRecord> {
  await using _lock = await lockSession(bench.home, id, bench.signal);
  return await ensureRunning(bench, await requireLiveSession(bench.home, id), programOf(context));
}
