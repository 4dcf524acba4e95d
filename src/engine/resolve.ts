import { join } from "node:path";
import { AirlockError } from "../base/errors.js";
import { displayPath } from "../base/escape.js";
import type { EngineEndpoint } from "../model/engine.js";
import { type Environment, parseAddress } from "./address.js";
import { type ContextFiles, contextEndpoint, currentContext } from "./context.js";
import { socketFile } from "./socket-file.js";

export interface Whereabouts extends Environment, ContextFiles {
  /** `--engine`; `AIRLOCK_ENGINE` counts the same. */
  readonly explicit: string | undefined;
  readonly platform: string;
  readonly uid: number;
  readonly airlockHome: string;
}

/** One place where an engine was looked for, for `doctor`. */
export interface LookedAt {
  readonly source: string;
  /** Null when the place names no engine. */
  readonly address: string | null;
  readonly verdict: "used" | "not set" | "absent" | "no answer" | "not needed";
  readonly detail: string;
}

/** `decided`: somebody said which engine, so no other is tried. Else the candidates are tried in their order. */
export interface Resolution {
  readonly decided: EngineEndpoint | null;
  readonly candidates: readonly EngineEndpoint[];
  readonly looked: readonly LookedAt[];
}

/** Where the engine is to be looked for; asks nobody but the environment and docker's files. */
export function resolveEngine(where: Whereabouts): Resolution {
  const looked: LookedAt[] = [];
  for (const rule of [byFlag, byDockerHost, byContext]) {
    const { endpoint, source } = rule(where);
    if (endpoint !== null) return { decided: endpoint, candidates: [], looked };
    looked.push({ source, address: null, verdict: "not set", detail: "" });
  }
  const candidates: EngineEndpoint[] = [];
  for (const endpoint of sockets(where)) {
    if (where.exists(socketFile(endpoint))) candidates.push(endpoint);
    else
      looked.push({ source: endpoint.source, address: endpoint.address, verdict: "absent", detail: "no such socket" });
  }
  return { decided: null, candidates, looked };
}

interface Ruling {
  readonly endpoint: EngineEndpoint | null;
  readonly source: string;
}

function byFlag(where: Whereabouts): Ruling {
  const source = (where.explicit ?? "") === "" ? "AIRLOCK_ENGINE" : "--engine";
  const text = where.explicit || where.env["AIRLOCK_ENGINE"] || "";
  if (text === "") return { endpoint: null, source: "--engine, AIRLOCK_ENGINE" };
  const endpoint = parseAddress(text, source, where) ?? contextEndpoint(text, where, where);
  if (endpoint === null) throw noContext(text, source);
  return { endpoint, source };
}

function byDockerHost(where: Whereabouts): Ruling {
  const source = "DOCKER_HOST";
  const text = where.env["DOCKER_HOST"] ?? "";
  if (text === "") return { endpoint: null, source };
  const address = /^[a-z]+:\/\/|^\//.test(text) ? text : `tcp://${text}`;
  return { endpoint: parseAddress(address, source, where), source };
}

function byContext(where: Whereabouts): Ruling {
  const context = currentContext(where, where);
  if (context === null) return { endpoint: null, source: "docker context" };
  const endpoint = contextEndpoint(context.name, where, where);
  if (endpoint === null) throw noContext(context.name, context.from);
  return { endpoint, source: endpoint.source };
}

function noContext(name: string, source: string): AirlockError {
  return new AirlockError(
    "E_USAGE",
    `${displayPath(name)} (${displayPath(source)}) is neither an address nor a docker context`,
    { hint: "see `docker context ls`; an address looks like unix:///path, tcp://host:port or ssh://user@host" },
  );
}

/** What an endpoint's `source` says when the engine is Airlock's own. */
export const ownEngineSource = "Airlock's own engine";

/** Where the socket of Airlock's own engine is. */
export function embeddedSocket(airlockHome: string): string {
  return join(airlockHome, "engine", "docker.sock");
}

function sockets({ env, homedir, platform, uid, airlockHome }: Whereabouts): EngineEndpoint[] {
  const unix = (path: string, source: string): EngineEndpoint => ({ kind: "unix", address: `unix://${path}`, source });
  if (platform === "win32") {
    return [{ kind: "unix", address: "npipe:////./pipe/docker_engine", source: "default pipe" }];
  }
  const runtime = env["XDG_RUNTIME_DIR"] || `/run/user/${uid}`;
  const desktop = platform === "darwin" ? "run" : "desktop";
  return [
    unix("/var/run/docker.sock", "default socket"),
    unix(join(homedir, ".docker", desktop, "docker.sock"), "Docker Desktop's socket"),
    unix(join(runtime, "docker.sock"), "rootless socket"),
    ...(uid === 0 ? [] : [unix(join(runtime, "podman", "podman.sock"), "Podman's socket of the user")]),
    unix("/run/podman/podman.sock", "Podman's socket"),
    unix(embeddedSocket(airlockHome), ownEngineSource),
  ];
}
