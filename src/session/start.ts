import type { Secret } from "../base/secret.js";
import type { SessionRecord } from "../model/session.js";
import { awaitNetwork } from "./network/network-ready.js";
import { providedOf } from "./network/provided.js";
import { openSession } from "./open.js";
import type { SessionPlan } from "./plan.js";
import { type Program, spawnSupervisor } from "./reopen.js";
import { releaseSandbox } from "./sandbox/sandbox.js";
import type { Workbench } from "./workbench.js";

/** Starts a sandbox that stays until it is discarded, watched by a supervisor in the background. */
export async function startSession(
  bench: Workbench,
  {
    plan,
    env,
    program,
  }: { readonly plan: SessionPlan; readonly env: ReadonlyMap<string, Secret>; readonly program: Program },
): Promise<SessionRecord> {
  await using opened = await openSession(bench, plan);
  const { record, image, sandbox } = opened;
  releaseSandbox(sandbox, {
    mode: "hold",
    record,
    image,
    command: [],
    env,
    term: undefined,
    cwd: record.workspace,
    provided: await providedOf(bench, record),
  });
  spawnSupervisor(program, record.id);
  // The supervisor waits for this lock; it holds the network, and so is waited for in turn.
  await opened[Symbol.asyncDispose]();
  await awaitNetwork(bench, record);
  return record;
}
