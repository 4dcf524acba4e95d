import { setTimeout as sleep } from "node:timers/promises";
import type { SessionRecord } from "../model/session.js";
import type { Workbench } from "./workbench.js";

const firstLookMs = 1_500;
const intervalMs = 1_000;
const graceMs = 5_000;
const gibibyte = 1024 ** 3;
/** Free space on the engine's disk below which a sandbox is stopped, whatever its own limit says. */
const reserveBytes = gibibyte;

/** Watches a running sandbox; disposing ends the watch. `reason` is why the sandbox was stopped by it, if it was. */
export interface LimitWatch extends AsyncDisposable {
  reason(): string | null;
}

function describeBytes(bytes: number): string {
  return bytes >= gibibyte ? `${(bytes / gibibyte).toFixed(1)} GiB` : `${Math.ceil(bytes / 1024 ** 2)} MiB`;
}

async function watchDisk(
  bench: Workbench,
  record: SessionRecord,
  signal: AbortSignal,
  stop: (reason: string) => Promise<void>,
): Promise<void> {
  await sleep(firstLookMs, undefined, { signal });
  await using keeper = await bench.connectKeeper();
  const { diskBytes } = record.limits;
  for await (const { bytes, freeBytes } of keeper.watch({ session: record.id, intervalMs })) {
    if (signal.aborted) return;
    if (bytes > diskBytes)
      return await stop(`disk: it wrote ${describeBytes(bytes)}, the limit is ${describeBytes(diskBytes)}`);
    if (freeBytes < reserveBytes)
      return await stop(`disk: only ${describeBytes(freeBytes)} are left on the engine's disk`);
  }
}

async function watchClock(
  bench: Workbench,
  record: SessionRecord,
  container: string,
  signal: AbortSignal,
  stop: (reason: string) => Promise<void>,
): Promise<void> {
  const { timeoutSeconds } = record.limits;
  if (timeoutSeconds === 0) return;
  await sleep(timeoutSeconds * 1_000, undefined, { signal });
  const engine = await bench.engine();
  await engine.killContainer(container, "SIGTERM").catch(() => undefined);
  await sleep(graceMs, undefined, { signal }).catch(() => undefined);
  await stop(`timeout: it ran for ${timeoutSeconds} s`);
}

/** Enforces what the engine cannot: the size of the layers, the free disk, the time. */
export function watchLimits(bench: Workbench, record: SessionRecord, container: string): LimitWatch {
  const controller = new AbortController();
  let reason: string | null = null;
  const stop = async (why: string): Promise<void> => {
    reason ??= why;
    const engine = await bench.engine();
    await engine.killContainer(container, "SIGKILL").catch(() => undefined);
  };
  const ignoreAbort = (error: unknown): void => {
    if (!controller.signal.aborted) reason ??= `the watch over its limits failed: ${String(error)}`;
  };
  // The timeout's own reason must stand even when the command obeys SIGTERM at once.
  const timedOut = (): void => {
    reason ??= `timeout: it ran for ${record.limits.timeoutSeconds} s`;
  };
  const { timeoutSeconds } = record.limits;
  const timer = timeoutSeconds > 0 ? setTimeout(timedOut, timeoutSeconds * 1_000) : undefined;
  const watches = [
    watchDisk(bench, record, controller.signal, stop).catch(ignoreAbort),
    watchClock(bench, record, container, controller.signal, stop).catch(ignoreAbort),
  ];
  return {
    reason: () => reason,
    async [Symbol.asyncDispose]() {
      clearTimeout(timer);
      controller.abort();
      await Promise.race([Promise.all(watches), sleep(500, undefined, { ref: false })]);
    },
  };
}
