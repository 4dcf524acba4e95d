import { existsSync, readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { AirlockError, systemCodeOf } from "../base/errors.js";
import type { EngineEndpoint } from "../model/engine.js";
import { type LookedAt, type Resolution, resolveEngine, type Whereabouts } from "./resolve.js";
import { socketFile } from "./socket-file.js";

const probeTimeoutMs = 2_000;

export interface FindOptions extends Omit<Whereabouts, "readText" | "exists"> {
  readonly signal?: AbortSignal | undefined;
  /** False: look only, start no engine. */
  readonly start?: boolean;
}

/** The engine to use, why it is that one, and every place that was looked at before. */
export interface FoundEngine {
  readonly endpoint: EngineEndpoint;
  readonly looked: readonly LookedAt[];
}

/**
 * Finds the engine. What the user said is taken as it is, without asking whether it answers; else the first socket that
 * can be opened; else Airlock's own engine, started when it can be.
 */
export async function findEngine(options: FindOptions): Promise<FoundEngine> {
  const resolution = resolveEngine({ ...options, readText, exists: existsSync });
  if (resolution.decided !== null) return found(resolution.decided, resolution.looked);
  const looked = [...resolution.looked];
  for (const endpoint of resolution.candidates) {
    const failure = await probeSocket(socketFile(endpoint), options.signal);
    if (failure === null) return found(endpoint, looked, notNeeded(resolution, endpoint));
    looked.push({ source: endpoint.source, address: endpoint.address, verdict: "no answer", detail: failure });
  }
  return await startOwn(options, looked);
}

async function startOwn(options: FindOptions, looked: readonly LookedAt[]): Promise<FoundEngine> {
  const { startEmbedded, whyNotEmbedded } = await import("./embedded.js");
  const reason = whyNotEmbedded(options);
  if (reason !== null) throw nothingFound(looked, reason, options);
  if (options.start === false) throw nothingFound(looked, "it can be started: `make setup`", options);
  return found(await startEmbedded(options), looked);
}

function found(endpoint: EngineEndpoint, before: readonly LookedAt[], after: readonly LookedAt[] = []): FoundEngine {
  const { source, address } = endpoint;
  return { endpoint, looked: [...before, { source, address, verdict: "used", detail: "" }, ...after] };
}

function notNeeded({ candidates }: Resolution, used: EngineEndpoint): LookedAt[] {
  return candidates
    .slice(candidates.indexOf(used) + 1)
    .map(({ source, address }) => ({ source, address, verdict: "not needed", detail: "" }));
}

function nothingFound(looked: readonly LookedAt[], own: string, { platform }: FindOptions): AirlockError {
  const tried = looked.filter(({ verdict }) => verdict === "no answer");
  const list = tried.map(({ source, address, detail }) => `${source} ${address}: ${detail}`).join("; ");
  const denied = tried.some(({ detail }) => detail === "EACCES");
  return new AirlockError(
    "E_ENGINE_UNREACHABLE",
    `no container engine was found${list === "" ? "" : ` (${list})`}; Airlock's own: ${own}`,
    { hint: denied ? "`sudo usermod -aG docker $USER`, then log in again" : setupHint(platform) },
  );
}

function setupHint(platform: string): string {
  if (platform === "darwin" || platform === "win32") return "start Docker Desktop, or name an engine with --engine";
  return "`make setup` installs and starts one; or start yours (`systemctl start docker`), or name it with --engine";
}

/** Null when something listens at the socket, else the system's code for why not. */
async function probeSocket(path: string, signal?: AbortSignal): Promise<string | null> {
  return await new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(new AirlockError("E_CANCELLED", "cancelled: find the container engine"));
      return;
    }
    const socket = createConnection({ path });
    socket.setTimeout(probeTimeoutMs, () => socket.destroy(Object.assign(new Error("timeout"), { code: "ETIMEDOUT" })));
    socket.once("connect", () => {
      socket.destroy();
      resolve(null);
    });
    socket.once("error", (error) => resolve(systemCodeOf(error) ?? error.message));
  });
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
