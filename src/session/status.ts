import { isAirlockError } from "../base/errors.js";
import type { ContainerState } from "../model/engine.js";
import type { GateKey } from "../model/key.js";
import type { SessionRecord, SnapshotRecord } from "../model/session.js";
import type { TrustState } from "../model/trust.js";
import { type ApplyWish, loadApplyWish } from "./apply/apply-wish.js";
import { appliesOf, type NamedApply } from "./apply/undo.js";
import { wantsAuto } from "./auto/auto-place.js";
import { type AwsFile, loadAws } from "./aws/aws-file.js";
import { loadKeys } from "./network/keys-file.js";
import { listSnapshots } from "./snapshot.js";
import type { Workbench } from "./workbench.js";

/** What is known of a session's sandbox now; `unknown` when the engine does not answer. */
export type LiveState = SessionRecord["state"] | "paused" | "unknown";

/** All that `airlock status` shows. */
export interface SessionStatus {
  readonly record: SessionRecord;
  readonly state: LiveState;
  readonly usage: { readonly bytes: number; readonly entries: number } | null;
  readonly snapshots: readonly SnapshotRecord[];
  /** Whether one is taken before each tool call that writes. */
  readonly takesSnapshots: boolean;
  /** What was written to the project from it, and taken back. */
  readonly applies: readonly NamedApply[];
  /** What is trusted now; null when it cannot be read, so that nothing is, or the session is gone. */
  readonly trust: TrustState | null;
  /** An agent's wish for a review that nobody has made yet. */
  readonly wish: ApplyWish | null;
  /** Null: it has none. */
  readonly aws: AwsFile | null;
  /** Secrets of the host that the gate puts into its requests. */
  readonly keys: readonly GateKey[];
}

function stateFrom(record: SessionRecord, container: ContainerState | null): LiveState {
  if (record.state !== "running") return record.state;
  if (container?.status === "running" || container?.status === "paused") return container.status;
  return "interrupted";
}

/** The state of a session as record and engine agree on it: a record that says `running` may be of before a power cut. */
export async function liveState(bench: Workbench, record: SessionRecord): Promise<LiveState> {
  if (record.state !== "running" || record.container === null) return record.state;
  try {
    return stateFrom(record, await (await bench.engine()).inspectContainer(record.container));
  } catch (error) {
    if (isAirlockError(error) && error.code.startsWith("E_ENGINE")) return "unknown";
    throw error;
  }
}

// A session can be made so deep that it cannot be counted; everything else about it is still worth showing.
async function countUsage(bench: Workbench, id: string): Promise<SessionStatus["usage"]> {
  try {
    return await (await bench.keeper()).usage(id);
  } catch (error) {
    if (isAirlockError(error, "E_LAYER_LIMIT")) return null;
    throw error;
  }
}

async function trustOf(bench: Workbench, record: SessionRecord): Promise<TrustState | null> {
  if (record.state === "discarded" || record.state === "discarding") return null;
  const { currentTrust } = await import("./tools/trust-all.js");
  try {
    return await currentTrust(bench, record);
  } catch (error) {
    if (isAirlockError(error, "E_STATE_DAMAGED")) return null;
    throw error;
  }
}

/** Gathers what is known of a session. */
export async function sessionStatus(bench: Workbench, record: SessionRecord): Promise<SessionStatus> {
  const state = await liveState(bench, record);
  const gone = record.state === "discarded" || state === "unknown";
  const usage = gone ? null : await countUsage(bench, record.id);
  const applies = await appliesOf(bench, record.id);
  const snapshots = gone ? [] : await listSnapshots(bench, record);
  return {
    record,
    state,
    usage,
    snapshots,
    takesSnapshots: !gone && wantsAuto(bench.home, record.id),
    applies,
    aws: await loadAws(bench.home, record.id),
    keys: await loadKeys(bench.home, record.id),
    trust: await trustOf(bench, record),
    wish: await loadApplyWish(bench.home, record.id),
  };
}
