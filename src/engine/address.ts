import { join } from "node:path";
import { AirlockError } from "../base/errors.js";
import { displayPath } from "../base/escape.js";
import type { EngineEndpoint } from "../model/engine.js";

/** The part of the process that decides where the engine is; given, never read here. */
export interface Environment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homedir: string;
}

/** Where docker keeps its configuration, contexts and default certificates. */
export function dockerFolder({ env, homedir }: Environment): string {
  return env["DOCKER_CONFIG"] || join(homedir, ".docker");
}

/** Reads an engine's address as docker does: a socket path, `unix://`, `npipe://`, `tcp://` or `ssh://`; else null. */
export function parseAddress(text: string, source: string, environment: Environment): EngineEndpoint | null {
  if (text.startsWith("/")) return { kind: "unix", address: `unix://${text}`, source };
  if (/^unix:\/\/\/.|^npipe:\/\/.|^unix:\/\/\.\.?\/./.test(text)) return { kind: "unix", address: text, source };
  if (/^(tcp|https?):\/\//.test(text)) return tcpEndpoint(text, source, environment);
  if (text.startsWith("ssh://")) return sshEndpoint(text, source);
  if (/^[a-z]+:\/\//.test(text)) throw invalid(text, source);
  return null;
}

function tcpEndpoint(text: string, source: string, environment: Environment): EngineEndpoint {
  const url = urlOf(text.replace(/^tcp:/, "http:"), text, source);
  if (url.username !== "" || url.password !== "") throw invalid(text, source);
  const { env } = environment;
  const verify = (env["DOCKER_TLS_VERIFY"] ?? "") !== "";
  const secure = verify || (env["DOCKER_TLS"] ?? "") !== "" || url.protocol === "https:";
  const port = url.port === "" ? (secure ? "2376" : "2375") : url.port;
  const address = `tcp://${url.hostname}:${port}`;
  if (!secure) return { kind: "tcp", address, source };
  const certificates = env["DOCKER_CERT_PATH"] || dockerFolder(environment);
  return { kind: "tls", address, certificates, skipTlsVerify: !verify && url.protocol !== "https:", source };
}

// What stands here becomes an argument of ssh: a name that begins with a dash would be an option of it.
function sshEndpoint(text: string, source: string): EngineEndpoint {
  const url = urlOf(text, text, source);
  const user = decodeURIComponent(url.username);
  const isSafe = /^[A-Za-z0-9._[\]:-]+$/.test(url.hostname) && /^[\w.@+-]*$/.test(user);
  if (!isSafe || url.hostname.startsWith("-") || user.startsWith("-") || url.password !== "")
    throw invalid(text, source);
  if (url.pathname !== "" && url.pathname !== "/" && !/^\/[\w./-]+$/.test(url.pathname)) throw invalid(text, source);
  return { kind: "ssh", address: text, source };
}

function urlOf(url: string, text: string, source: string): URL {
  try {
    const parsed = new URL(url);
    if (parsed.hostname === "") throw new Error("no host");
    return parsed;
  } catch {
    throw invalid(text, source);
  }
}

function invalid(text: string, source: string): AirlockError {
  return new AirlockError("E_USAGE", `not an engine's address (${source}): ${displayPath(text)}`, {
    hint: "give a socket's path, unix:///path, tcp://host:port, ssh://user@host or the name of a docker context",
  });
}
