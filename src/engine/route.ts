import { Agent } from "node:http";
import type { EngineEndpoint } from "../model/engine.js";
import { socketFile } from "./socket-file.js";
import { keptConnections, type Route } from "./transport.js";

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
export async function openRoute(endpoint: EngineEndpoint, options: RouteOptions): Promise<OpenRoute> {
  if (endpoint.kind === "tls") return await (await import("./tls-agent.js")).openTlsRoute(endpoint);
  if (endpoint.kind === "ssh") return (await import("./ssh-agent.js")).openSshRoute(endpoint, options);
  // A command asks some twenty times, and each new connection is a goroutine to the engine and a socket's life to us.
  const agent = new Agent({ keepAlive: true, maxFreeSockets: keptConnections });
  const close = async () => agent.destroy();
  if (endpoint.kind === "unix") return { socketPath: socketFile(endpoint), agent, close };
  const { hostname, port } = new URL(endpoint.address.replace(/^tcp:/, "http:"));
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port), agent, close };
}
