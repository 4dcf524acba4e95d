import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../base/errors.js";
import type { SessionRecord } from "../../model/session.js";
import type { WatchedUsage } from "../../workspace/keeper-protocol.js";
import type { Workbench } from "../workbench.js";
import type { Census } from "./census.js";

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

/** What was last seen: in the layers, and elsewhere. */
interface Written {
  layers: number;
  elsewhere: number;
}

async function watchDisk(
  bench: Workbench,
  record: SessionRecord,
  written: Written,
  signal: AbortSignal,
  stop: (reason: string) => Promise<void>,
): Promise<void> {
  await sleep(firstLookMs, undefined, { signal });
  await using keeper = await bench.connectKeeper();
  const { diskBytes: limitBytes } = record.limits;
  const close = (): void => void keeper[Symbol.asyncDispose]();
  signal.addEventListener("abort", close, { once: true });
  for await (const usage of keeper.watch({ session: record.id, intervalMs, limitBytes, reserveBytes })) {
    if (signal.aborted) return;
    if (usage.exceeded !== null) return await stop(describeExcess(usage, limitBytes));
    written.layers = usage.bytes;
    if (isOver(written, limitBytes)) return await stop(describeTotal(written, limitBytes));
  }
}

const isOver = ({ layers, elsewhere }: Written, limitBytes: number): boolean => layers + elsewhere > limitBytes;

function describeTotal({ layers, elsewhere }: Written, limitBytes: number): string {
  const hidden = `${describeBytes(elsewhere)} of it outside its layers`;
  return `disk: it wrote ${describeBytes(layers + elsewhere)}, ${hidden}, the limit is ${describeBytes(limitBytes)}`;
}

// One look may meet files on their way from one process to the other, or a process that ends.
const patience = { inFlight: 10, whole: 3 };

/** Counts what is in no layer: files that were deleted and are still held, and the container's own root where it can be written. */
async function watchElsewhere(
  bench: Workbench,
  record: SessionRecord,
  container: string,
  written: Written,
  signal: AbortSignal,
  stop: (reason: string) => Promise<void>,
): Promise<void> {
  // A runtime with a kernel of its own shares its processes with no other container.
  if (record.runtime?.startsWith("runsc") === true) return;
  await sleep(firstLookMs, undefined, { signal });
  const { diskBytes: limitBytes } = record.limits;
  const since = { inFlight: 0, whole: 0 };
  // Short commands end before it is looked at what they hide.
  const { takeCensus } = await import("./census.js");
  for await (const counted of takeCensus(bench, record, container, signal)) {
    if (signal.aborted) return;
    written.elsewhere = counted.deleted + counted.root;
    if (isOver(written, limitBytes)) return await stop(describeTotal(written, limitBytes));
    const hiding = hidingPlace(counted, since);
    if (hiding !== null) return await stop(`disk: ${hiding}, so that its limit cannot be kept`);
  }
}

function hidingPlace({ inFlight, whole }: Census, since: { inFlight: number; whole: number }): string | null {
  since.inFlight = inFlight > 0 ? since.inFlight + 1 : 0;
  since.whole = whole ? 0 : since.whole + 1;
  if (since.inFlight >= patience.inFlight) return "it keeps open files in a socket where they cannot be counted";
  return since.whole >= patience.whole ? "it has too many files or too deep folders to be counted" : null;
}

// What cannot be counted (folders thousands deep) is over the limit, too.
function describeExcess({ bytes, freeBytes, exceeded }: WatchedUsage, limitBytes: number): string {
  if (exceeded === "reserve") return `disk: only ${describeBytes(freeBytes)} are left on the engine's disk`;
  const wrote = bytes > limitBytes ? `it wrote ${describeBytes(bytes)}` : "what it wrote cannot be counted";
  return `disk: ${wrote}, the limit is ${describeBytes(limitBytes)}`;
}

interface Stopping {
  /** Fixes why the sandbox ends, also when it then ends by itself. */
  blame(reason: string): void;
  stop(reason: string): Promise<void>;
}

async function watchClock(
  bench: Workbench,
  record: SessionRecord,
  container: string,
  signal: AbortSignal,
  { blame, stop }: Stopping,
): Promise<void> {
  const { timeoutSeconds } = record.limits;
  if (timeoutSeconds === 0) return;
  await sleep(timeoutSeconds * 1_000, undefined, { signal });
  const reason = `timeout: it ran for ${timeoutSeconds} s`;
  blame(reason);
  const engine = await bench.engine();
  await engine.killContainer(container, "SIGTERM").catch(() => undefined);
  await sleep(graceMs, undefined, { signal }).catch(() => undefined);
  await stop(reason);
}

/** Enforces what the engine cannot: the size of the layers, the free disk, the time. */
export function watchLimits(bench: Workbench, record: SessionRecord, container: string): LimitWatch {
  const controller = new AbortController();
  const written: Written = { layers: 0, elsewhere: 0 };
  let reason: string | null = null;
  const blame = (why: string): void => {
    reason ??= why;
  };
  const stop = async (why: string): Promise<void> => {
    blame(why);
    const engine = await bench.engine();
    await engine.killContainer(container, "SIGKILL").catch(() => undefined);
  };
  // Limits that nobody enforces are none: without its watch the sandbox does not go on.
  const onFailure = (error: unknown): Promise<void> | undefined =>
    controller.signal.aborted ? undefined : stop(`the watch over its limits failed: ${messageOf(error)}`);
  const watches = [
    watchDisk(bench, record, written, controller.signal, stop).catch(onFailure),
    watchElsewhere(bench, record, container, written, controller.signal, stop).catch(onFailure),
    watchClock(bench, record, container, controller.signal, { blame, stop }).catch(onFailure),
  ];
  return {
    reason: () => reason,
    async [Symbol.asyncDispose]() {
      controller.abort();
      await Promise.race([Promise.all(watches), sleep(500, undefined, { ref: false })]);
    },
  };
}
