import type { Readable } from "node:stream";
import { AirlockError } from "../base/errors.js";
import { escapeText } from "../base/escape.js";
import type { BuildRequest } from "../model/engine.js";
import { type EngineCaller, longOperationTimeoutMs } from "./caller.js";
import { inspectImage } from "./images.js";
import { errorIn, type Progress, readProgress } from "./progress.js";
import { ownEngineSource } from "./resolve.js";

/** Builds an image with the classic builder and gives its id; a failure names the step it failed in. */
export async function buildImage(caller: EngineCaller, request: BuildRequest): Promise<string> {
  const networkmode = await buildNetwork(caller);
  await caller.call(
    `build image ${request.tag}`,
    async (abortSignal) => {
      const docker = await caller.docker();
      const output = await docker.buildImage(request.context, {
        version: "1",
        t: request.tag,
        labels: request.labels,
        buildargs: request.buildArguments,
        networkmode,
        rm: true,
        forcerm: true,
        abortSignal,
      } as object);
      await followBuild(output as Readable, request);
    },
    { timeoutMs: longOperationTimeoutMs, signal: request.signal },
  );
  const image = await inspectImage(caller, request.tag);
  if (image !== null) return image.id;
  throw new AirlockError("E_IMAGE_BUILD", `the build of ${request.tag} ended without an image`);
}

// The only place where anything of ours has a network: building needs the distribution's packages. An engine without a
// bridge runs such steps without any network, and says nothing; Airlock's own may share another engine's bridge, whose
// addresses it does not know.
async function buildNetwork(caller: EngineCaller): Promise<string | undefined> {
  if (caller.product === "podman") return undefined;
  if (caller.endpoint.source === ownEngineSource) return "host";
  const bridge = await caller.callUnless(
    "look at the engine's network",
    (signal) => caller.transport.collect({ method: "GET", path: "/networks/bridge", signal }),
    { 404: null },
  );
  return bridge === null ? "host" : "bridge";
}

async function followBuild(output: Readable, { tag, onLine }: BuildRequest): Promise<void> {
  let step = "before its first step";
  let pending = "";
  for await (const progress of readProgress(output)) {
    const error = errorIn(progress);
    if (error !== undefined) throw buildError(tag, step, error);
    const lines = (pending + (progress.stream ?? statusLine(progress))).split("\n");
    pending = lines.pop() ?? "";
    for (const line of lines) {
      if (/^Step \d+\/\d+ : /i.test(line)) step = `in ${line.replace(" : ", ": ")}`;
      onLine(escapeText(line));
    }
  }
  if (pending !== "") onLine(escapeText(pending));
}

function statusLine({ status, id }: Progress): string {
  return status === undefined ? "" : `${id === undefined ? "" : `${id}: `}${status}\n`;
}

function buildError(tag: string, step: string, error: string): AirlockError {
  const full = /no space left on device/i.test(error);
  return new AirlockError(
    full ? "E_DISK_FULL" : "E_IMAGE_BUILD",
    `the build of ${tag} failed ${escapeText(step)}: ${escapeText(error)}`,
    full ? { hint: "free space on the engine's disk (`docker system df`)" } : {},
  );
}
