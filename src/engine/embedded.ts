import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, open, readFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AirlockError } from "../base/errors.js";
import { displayPath, escapeBody } from "../base/escape.js";
import { takeLock } from "../base/file-lock.js";
import type { EngineEndpoint } from "../model/engine.js";
import { embeddedSocket, ownEngineSource, type Whereabouts } from "./resolve.js";
import { Transport } from "./transport.js";

const readyTimeoutMs = 45_000;
const longestSocketPath = 100;
const systemFolders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

type Surroundings = Pick<Whereabouts, "env" | "platform" | "uid" | "airlockHome"> & {
  readonly signal?: AbortSignal | undefined;
};

/** Why Airlock cannot start an engine of its own here, or null when it can. */
export function whyNotEmbedded({ env, platform, uid, airlockHome }: Surroundings): string | null {
  if (platform !== "linux") return "it runs on Linux only";
  if (findProgram("dockerd", env) === null) return "there is no dockerd";
  if (uid !== 0) return "it takes root to start dockerd";
  if (embeddedSocket(airlockHome).length > longestSocketPath) return "AIRLOCK_HOME is too long for a socket's path";
  return null;
}

/**
 * Starts Airlock's own dockerd, or finds the one that runs. It has its own socket, data and state beneath AIRLOCK_HOME,
 * makes no bridge and no firewall rules, so it is harmless beside another engine. It keeps running after this process.
 */
export async function startEmbedded(options: Surroundings): Promise<EngineEndpoint> {
  const folder = dirname(embeddedSocket(options.airlockHome));
  const socket = embeddedSocket(options.airlockHome);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const lock = await takeLock(join(folder, "start.lock"), { waitMs: readyTimeoutMs, signal: options.signal });
  if (lock === null)
    throw new AirlockError("E_ENGINE_UNREACHABLE", "another Airlock is starting the engine and does not finish");
  await using _held = lock;
  const endpoint: EngineEndpoint = { kind: "unix", address: `unix://${socket}`, source: ownEngineSource };
  if (await isReady(socket)) return endpoint;
  await launch(folder, socket, options);
  return endpoint;
}

async function launch(folder: string, socket: string, options: Surroundings): Promise<void> {
  const logFile = join(folder, "dockerd.log");
  await using log = await open(logFile, "w", 0o600);
  const child = spawn(findProgram("dockerd", options.env) ?? "dockerd", daemonArguments(folder, socket), {
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
    cwd: "/",
    env: daemonEnvironment(options.env),
  });
  let ended: string | undefined;
  child.once("error", (error) => {
    ended = error.message;
  });
  child.once("exit", (code, signal) => {
    ended = `dockerd ended with ${signal ?? code}`;
  });
  child.unref();
  const deadline = Date.now() + readyTimeoutMs;
  while (!(await isReady(socket))) {
    if (ended !== undefined || Date.now() > deadline || options.signal?.aborted === true) {
      if (ended === undefined) child.kill("SIGTERM");
      throw await notStarted(ended ?? "it did not get ready", logFile, options.signal);
    }
    await sleep(50);
  }
}

function daemonArguments(folder: string, socket: string): string[] {
  return [
    `--host=unix://${socket}`,
    `--data-root=${join(folder, "data")}`,
    `--exec-root=${join(folder, "exec")}`,
    `--pidfile=${join(folder, "dockerd.pid")}`,
    // A dockerd that is told to have no bridge deletes `docker0`, which may be another engine's; then it shares that one.
    ...(existsSync("/sys/class/net/docker0") ? [] : ["--bridge=none"]),
    "--iptables=false",
    "--ip6tables=false",
    "--ip-forward=false",
    "--ip-masq=false",
  ];
}

// The daemon outlives this command: it gets nothing of the environment but what finds programs and registries.
function daemonEnvironment(env: Surroundings["env"]): Record<string, string> {
  const kept = ["HOME", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];
  const own = kept.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]));
  return { ...Object.fromEntries(own), PATH: searchPath(env).join(delimiter) };
}

async function notStarted(reason: string, logFile: string, signal: AbortSignal | undefined): Promise<AirlockError> {
  if (signal?.aborted === true) return new AirlockError("E_CANCELLED", "cancelled: start the container engine");
  const log = (await readFile(logFile, "utf8").catch(() => "")).trim().split("\n").slice(-3).join(" | ");
  return new AirlockError(
    "E_ENGINE_UNREACHABLE",
    `Airlock's own engine does not start: ${reason}: ${escapeBody(log)}`,
    {
      hint: `read ${displayPath(logFile)}, or name another engine with --engine`,
    },
  );
}

async function isReady(socketPath: string): Promise<boolean> {
  if (!existsSync(socketPath)) return false;
  const signal = AbortSignal.timeout(2_000);
  return await new Transport({ socketPath }).collect({ method: "GET", path: "/_ping", signal }).then(
    () => true,
    () => false,
  );
}

function searchPath(env: Surroundings["env"]): string[] {
  const own = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder.startsWith("/"));
  return [...new Set([...own, ...systemFolders])];
}

function findProgram(name: string, env: Surroundings["env"]): string | null {
  return (
    searchPath(env)
      .map((folder) => join(folder, name))
      .find((path) => existsSync(path)) ?? null
  );
}
