import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { isAirlockError } from "../base/errors.js";
import type { SessionRecord } from "../model/session.js";
import { hasApplying } from "../session/apply/apply-folder.js";
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
    packageRoot: edge.packageRoot,
    signal: edge.signal,
    engineAddress: options.engine,
    onProgress: (step, detail) => progress.update(step, detail),
  });
  await reportRecovered(context, bench);
  return await work(bench);
}

// A project that is half written comes before everything else that a command does.
async function reportRecovered(context: CommandContext, bench: Workbench): Promise<void> {
  if (!(await hasApplying(bench.home))) return;
  const { recoverApplies } = await import("../session/apply/recover-applies.js");
  for (const note of await recoverApplies(bench)) context.warn(note);
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

async function isSession(context: CommandContext, bench: Workbench, word: string): Promise<SessionRecord | null> {
  if (!/^[a-z0-9][a-z0-9-]*$/.test(word)) return null;
  try {
    return await chooseSession(context, bench, word);
  } catch (error) {
    if (isAirlockError(error, "E_SESSION_NOT_FOUND")) return null;
    throw error;
  }
}

/** Splits `[ID] [PATH...]`: the first word is a session when it names one and the project has nothing of that name. */
export async function sessionAndPaths(
  context: CommandContext,
  bench: Workbench,
  words: readonly string[],
  session: string | undefined,
): Promise<{ readonly record: SessionRecord; readonly paths: readonly string[] }> {
  const [first, ...rest] = words;
  if (session !== undefined || first === undefined) {
    return { record: await chooseSession(context, bench, session), paths: words };
  }
  const project = await findProject(context.edge.cwd, context.options.project);
  const found = await isSession(context, bench, first);
  const isPath = await lstat(join(project, first)).then(
    () => true,
    () => false,
  );
  if (found !== null && (!isPath || found.id === first)) return { record: found, paths: rest };
  return { record: await chooseSession(context, bench, undefined), paths: words };
}
