import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod/mini";
import { AirlockError } from "../../base/errors.js";
import { newToken } from "../../base/ids.js";
import type { ContainerRequest, Engine } from "../../model/engine.js";
import type { SessionRecord } from "../../model/session.js";
import { momentaryRequest } from "../../wall/momentary-request.js";
import type { Workbench } from "../workbench.js";

/** A census that cannot be begun, or says nothing, for this long is as good as none. */
const silenceMs = 60_000;
const retryMs = 1_000;

const countSchema = z.strictObject({
  /** Bytes of files that have no name any more and that some process still holds. */
  deleted: z.int().check(z.nonnegative()),
  /** Open files that were sent over a socket and are in no process's table. */
  inFlight: z.int().check(z.nonnegative()),
  /** Bytes written to the container's own root. */
  root: z.int().check(z.nonnegative()),
  /** False: something could not be counted. */
  whole: z.boolean(),
});

/** What a sandbox wrote that is in no layer. */
export type Census = z.infer<typeof countSchema>;

// Seconds and nanoseconds of what an engine writes as 2026-11-23T12:31:07.123456789Z.
function engineTime(text: string): string {
  const [, whole = "", fraction = "", zone = "Z"] = /^([^.Z+]+?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? [];
  const ms = Date.parse(`${whole}${zone}`);
  if (Number.isNaN(ms)) throw new AirlockError("E_ENGINE_ANSWER", "the engine does not say when the sandbox was made");
  return `${ms / 1_000}.${fraction.padEnd(9, "0").slice(0, 9)}`;
}

async function madeAt(engine: Engine, container: string): Promise<string> {
  const state = await engine.inspectContainer(container);
  return engineTime(z.parse(z.object({ Created: z.string() }), state?.raw).Created);
}

// Everything that is a wall for the sandbox is one for this too, but for the three capabilities that looking takes. It reads
// /proc and metadata, runs nothing of the sandbox's, and its own program, libraries and folders are not the sandbox's.
function censusRequest(bench: Workbench, record: SessionRecord, container: string, since: string[]): ContainerRequest {
  return momentaryRequest({
    name: `airlock-${record.id}-census-${newToken(4)}`,
    image: bench.sandboxImage,
    labels: { "airlock.home": bench.home.id, "airlock.session": record.id, "airlock.role": "census" },
    entrypoint: ["/airlock/init", "census"],
    command: since,
    user: "0:0",
    hostname: "census",
    capabilitiesAdded: ["DAC_READ_SEARCH", "SYS_ADMIN", "SYS_PTRACE"],
    pidsLimit: 8,
    joinsProcessesOf: container,
  });
}

async function* countOnce(
  bench: Workbench,
  record: SessionRecord,
  container: string,
  signal: AbortSignal,
): AsyncGenerator<Census> {
  const engine = await bench.engine();
  const since = record.user === "root" ? [await madeAt(engine, container)] : [];
  const id = await engine.createContainer(censusRequest(bench, record, container, since));
  try {
    await using streams = await engine.attachContainer(id, { tty: false });
    const close = (): void => void streams[Symbol.asyncDispose]();
    signal.addEventListener("abort", close, { once: true });
    streams.stderr?.resume();
    await engine.startContainer(id);
    let timer: NodeJS.Timeout | undefined;
    // A root of the sandbox may stop this process, as the kernel compares nothing but their user ids.
    const listen = (): void => {
      clearTimeout(timer);
      timer = setTimeout(close, silenceMs);
      timer.unref();
    };
    listen();
    try {
      for await (const line of createInterface({ input: streams.stdout })) {
        listen();
        yield z.parse(countSchema, JSON.parse(line));
      }
    } finally {
      clearTimeout(timer);
    }
  } finally {
    await engine.removeContainer(id);
  }
}

/**
 * Says again and again what a running sandbox wrote that is in no layer, until it ends. Ends with an error when nothing could be
 * counted for a minute.
 */
export async function* takeCensus(
  bench: Workbench,
  record: SessionRecord,
  container: string,
  signal: AbortSignal,
): AsyncGenerator<Census> {
  for (let heardMs = Date.now(); ; await sleep(retryMs, undefined, { signal })) {
    let cause: unknown;
    try {
      for await (const counted of countOnce(bench, record, container, signal)) {
        heardMs = Date.now();
        yield counted;
      }
    } catch (error) {
      cause = error;
    }
    if (signal.aborted) return;
    const state = await (await bench.engine()).inspectContainer(container);
    if (state?.status === "paused") heardMs = Date.now();
    else if (state?.status !== "running") return;
    if (Date.now() - heardMs < silenceMs) continue;
    throw new AirlockError("E_SESSION_STATE", "what it writes outside its layers cannot be counted", { cause });
  }
}
