import { messageOf } from "../base/errors.js";
import type { SessionRecord } from "../model/session.js";
import { hasWire } from "./network/hatch.js";
import { reportNetwork } from "./network/network-ready.js";
import { takeRunnerLock } from "./reopen.js";
import { watchLimits } from "./sandbox/watch.js";
import { loadSession, lockSession, saveSession } from "./store.js";
import { endAnyTrustAll } from "./tools/end-any-trust.js";
import { watchTrust } from "./tools/watch-trust.js";
import type { Workbench } from "./workbench.js";

const handOverMs = 15_000;

async function endReason(bench: Workbench, container: string, watched: string | null): Promise<string | null> {
  if (watched !== null) return watched;
  const state = await (await bench.engine()).inspectContainer(container);
  if (state === null) return "its container was removed";
  return state.oomKilled ? "memory: it used more than its limit" : null;
}

async function recordEnd(
  bench: Workbench,
  watched: SessionRecord,
  exitCode: number,
  reason: string | null,
): Promise<void> {
  await using _lock = await lockSession(bench.home, watched.id);
  const record = await loadSession(bench.home, watched.id);
  // Discarded or replaced by another command: that one has written what there is to say.
  if (record === null || record.state !== "running" || record.container !== watched.container) return;
  const state = reason === null ? "stopped" : "interrupted";
  await bench.recorder(record.id)({ kind: "sandbox.end", data: { exitCode, reason } });
  await saveSession(bench.home, { ...record, state, lastExit: { code: exitCode, reason } });
}

// A sandbox whose network cannot be connected is sealed, and goes on: who started it is told.
async function connectNetwork(bench: Workbench, record: SessionRecord): Promise<AsyncDisposable | null> {
  const { holdNetwork } = await import("./network/network.js");
  try {
    const network = await holdNetwork(bench, record, { say: () => undefined, asksHere: false });
    await reportNetwork(bench, record, "");
    return network;
  } catch (error) {
    const reason = messageOf(error);
    await bench.recorder(record.id)({ kind: "network.sealed", data: { reason } });
    await endAnyTrustAll(bench, record, "the sandbox was sealed");
    await reportNetwork(bench, record, reason.replaceAll("\n", " "));
    return null;
  }
}

/** Watches a started session until its sandbox ends: enforces its limits and writes down how it ended. */
export async function superviseSession(bench: Workbench, id: string): Promise<void> {
  await using lock = await takeRunnerLock(bench, id, handOverMs);
  const record = await loadSession(bench.home, id);
  if (lock === null || record === null || record.container === null || record.state !== "running") return;
  const engine = await bench.engine();
  const exit = engine.waitContainer(record.container, bench.signal);
  exit.catch(() => undefined);
  const state = await engine.inspectContainer(record.container);
  if (state?.status !== "running" && state?.status !== "paused")
    return await recordEnd(bench, record, state?.exitCode ?? 137, null);
  await using _network = hasWire(record) ? await connectNetwork(bench, record) : null;
  await using watch = watchLimits(bench, record, record.container);
  // Nobody looks here: what it ends is in the journal, and said by whoever has a terminal.
  await using _trust = watchTrust(bench, record, () => undefined);
  const { exitCode } = await exit;
  await recordEnd(bench, record, exitCode, await endReason(bench, record.container, watch.reason()));
}
