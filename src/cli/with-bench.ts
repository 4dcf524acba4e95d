import { join } from "node:path";
import type { SessionRecord } from "../model/session.js";
import { findProject } from "../session/project.js";
import { reconcileSessions } from "../session/reconcile.js";
import type { Program } from "../session/reopen.js";
import { findSession } from "../session/store.js";
import { openWorkbench, type Workbench } from "../session/workbench.js";
import type { CommandContext } from "./context.js";
import { Progress } from "./render/progress.js";

/** How this program is started again in the background. */
export function programOf({ edge }: CommandContext): Program {
  return { execPath: edge.execPath, script: join(edge.packageRoot, "bin/airlock"), env: edge.env };
}

/** Opens the workbench for a command and closes it after, whatever happens. */
export async function withBench<T>(context: CommandContext, work: (bench: Workbench) => Promise<T>): Promise<T> {
  const { edge, options } = context;
  using progress = new Progress({ stream: edge.stderr, quiet: options.quiet === true, now: Date.now });
  await using bench = await openWorkbench({
    env: edge.env,
    homedir: edge.homedir,
    platform: edge.platform,
    uid: edge.uid,
    gid: edge.gid,
    imageHash: edge.imageHash,
    signal: edge.signal,
    engineAddress: options.engine,
    onProgress: (step, detail) => progress.update(step, detail),
  });
  return await work(bench);
}

/** Says what killed commands left behind; the next command is where a person learns of it. */
export async function reportAbandoned(context: CommandContext, bench: Workbench): Promise<void> {
  for (const note of await reconcileSessions(bench, programOf(context))) context.warn(note);
}

/** The session that a command means: an id, a unique prefix, or the newest of the project. */
export async function chooseSession(
  context: CommandContext,
  bench: Workbench,
  id: string | undefined,
  { includeDiscarded = false } = {},
): Promise<SessionRecord> {
  const project = await findProject(context.edge.cwd, context.options.project);
  return findSession(bench.home, { id, project, includeDiscarded });
}
