import type Docker from "dockerode";
import { AirlockError } from "../base/errors.js";
import type { Engine, EngineEndpoint } from "../model/engine.js";
import { EngineCaller, operationTimeoutMs } from "./caller.js";
import { dockerEngine } from "./docker-engine.js";
import { engineError } from "./engine-error.js";
import { type OpenRoute, openRoute, type RouteOptions } from "./route.js";
import { EngineRefusal, Transport } from "./transport.js";

/** The oldest API that has everything Airlock needs, and the one to ask newer engines for that dropped it. */
const oldestApi = "1.41";
const newerApi = "1.44";
const pingTimeoutMs = 5_000;
const remotePingTimeoutMs = 20_000;

interface ConnectOptions extends RouteOptions {
  /** Ends the attempt to connect; a connected engine is closed by disposing it. */
  readonly signal?: AbortSignal | undefined;
  /** How long the engine may think about an ordinary operation. */
  readonly timeoutMs?: number | undefined;
}

/** Connects to an engine and agrees on a version of the API with it. */
export async function connectEngine(endpoint: EngineEndpoint, options: ConnectOptions = {}): Promise<Engine> {
  const { signal, timeoutMs = operationTimeoutMs } = options;
  const route = await openRoute(endpoint, options).catch((error: unknown) => {
    throw engineError(error, { endpoint, doing: "connect to the engine" });
  });
  try {
    const transport = new Transport(route);
    const { product, api } = await ping(endpoint, transport, signal, route);
    transport.useVersion(isOlder(api, newerApi) ? oldestApi : newerApi);
    const docker = (): Promise<Docker> => loadDocker(transport);
    return dockerEngine(new EngineCaller({ endpoint, docker, transport, product, timeoutMs }), () => route.close());
  } catch (error) {
    await route.close();
    throw error;
  }
}

// Without its own modem, dockerode reads DOCKER_HOST by itself and loads ssh2 and grpc.
async function loadDocker(transport: Transport): Promise<Docker> {
  const { default: Client } = await import("dockerode");
  return new Client({ modem: transport } as object);
}

interface Pong {
  readonly product: "docker" | "podman";
  readonly api: string;
}

async function ping(
  endpoint: EngineEndpoint,
  transport: Transport,
  signal: AbortSignal | undefined,
  route: OpenRoute,
): Promise<Pong> {
  const timeoutMs = endpoint.kind === "ssh" ? remotePingTimeoutMs : pingTimeoutMs;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const { headers } = await transport.collect({
      method: "GET",
      path: "/_ping",
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
    });
    return pongOf(endpoint, headers);
  } catch (error) {
    if (timeout.aborted) throw silent(endpoint, timeoutMs, error);
    if (error instanceof EngineRefusal && error.status < 500) throw noEngine(endpoint, error);
    throw engineError(route.explain?.(error) ?? error, { endpoint, doing: "connect to the engine" });
  }
}

function pongOf(endpoint: EngineEndpoint, headers: Readonly<Record<string, string | string[] | undefined>>): Pong {
  const api = headers["api-version"];
  if (typeof api !== "string" || !/^\d+\.\d+$/.test(api)) {
    throw noEngine(endpoint);
  }
  if (isOlder(api, oldestApi)) {
    const server = String(headers["server"] ?? "unknown").slice(0, 100);
    throw new AirlockError(
      "E_ENGINE_TOO_OLD",
      `the engine at ${endpoint.address} speaks API ${api} (${server}); Airlock needs ${oldestApi} (Docker 20.10) or newer`,
      { hint: "update the engine, or choose another with --engine" },
    );
  }
  return { product: headers["libpod-api-version"] === undefined ? "docker" : "podman", api };
}

function noEngine({ address, source }: EngineEndpoint, cause?: EngineRefusal): AirlockError {
  const wantsTls = /HTTPS server/.test(cause?.message ?? "");
  const what = wantsTls ? "is an engine that speaks TLS only" : "is no container engine";
  return new AirlockError("E_ENGINE_ANSWER", `what answers at ${address} (${source}) ${what}`, {
    hint: wantsTls
      ? "set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or use a docker context"
      : "check the address: `airlock doctor` shows where it comes from",
    cause,
  });
}

function silent(endpoint: EngineEndpoint, timeoutMs: number, cause: unknown): AirlockError {
  return new AirlockError(
    "E_ENGINE_UNREACHABLE",
    `the engine at ${endpoint.address} (${endpoint.source}) did not answer within ${timeoutMs / 1000} s`,
    { hint: "it hangs or is not an engine: restart it, or choose another with --engine", cause },
  );
}

/** Compares two API versions by their numbers: 1.9 is older than 1.41. */
function isOlder(left: string, right: string): boolean {
  const [leftMajor = 0, leftMinor = 0] = left.split(".").map(Number);
  const [rightMajor = 0, rightMinor = 0] = right.split(".").map(Number);
  return leftMajor === rightMajor ? leftMinor < rightMinor : leftMajor < rightMajor;
}
