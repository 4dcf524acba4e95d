import { AirlockError } from "../base/errors.js";
import type { EngineEndpoint } from "../model/engine.js";
import type { Route } from "./transport.js";

export interface RouteOptions {
  /** Folder for the sockets of shared ssh connections; absent: each run makes its own. */
  readonly sshControlFolder?: string | undefined;
  /** The ssh program; `ssh` from the PATH unless told. */
  readonly sshCommand?: readonly string[] | undefined;
}

/** A route with what it keeps open. */
export interface OpenRoute extends Route {
  close(): Promise<void>;
  /** A better error than the one the connection gave, if the route knows one. */
  explain?(error: unknown): unknown;
}

/** Opens the way to an engine; TLS and ssh are loaded only when an engine needs them. */
export async function openRoute(endpoint: EngineEndpoint, _options: RouteOptions): Promise<OpenRoute> {
  if (endpoint.kind === "unix") return { socketPath: socketPathOf(endpoint.address), close: async () => undefined };
  throw new AirlockError("E_ENGINE_UNREACHABLE", `engines over ${endpoint.kind} are not there yet`);
}

function socketPathOf(address: string): string {
  return address.replace(/^(unix|npipe):\/\//, "");
}
