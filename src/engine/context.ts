import { createHash } from "node:crypto";
import { join } from "node:path";
import { AirlockError } from "../base/errors.js";
import { displayPath } from "../base/escape.js";
import type { EngineEndpoint } from "../model/engine.js";
import { dockerFolder, type Environment, parseAddress } from "./address.js";

/** Looks at the file system; null for a file that is not there or cannot be read. */
export interface ContextFiles {
  readText(path: string): string | null;
  exists(path: string): boolean;
}

interface Meta {
  readonly name: string;
  readonly host: string;
  readonly skipTlsVerify: boolean;
}

// Read by hand: these files are looked at before anything else is done, and a schema's library costs more than all of that.
const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;

function readMeta(text: string): Meta | null {
  const meta = jsonOf(text);
  const docker = field(field(meta, "Endpoints"), "docker");
  const [name, host] = [field(meta, "Name"), field(docker, "Host")];
  const skipTlsVerify = field(docker, "SkipTLSVerify") ?? false;
  if (typeof name !== "string" || typeof host !== "string" || typeof skipTlsVerify !== "boolean") return null;
  return { name, host, skipTlsVerify };
}

function readCurrentContext(text: string): string | null {
  const config = jsonOf(text);
  const name = field(config, "currentContext") ?? "";
  const isConfig = typeof config === "object" && config !== null && !Array.isArray(config);
  return isConfig && typeof name === "string" ? name : null;
}

/** The docker context in use: by `DOCKER_CONTEXT`, else by docker's configuration; null for docker's own default. */
export function currentContext(
  environment: Environment,
  files: ContextFiles,
): { readonly name: string; readonly from: string } | null {
  const named = environment.env["DOCKER_CONTEXT"] ?? "";
  if (named !== "") return named === "default" ? null : { name: named, from: "DOCKER_CONTEXT" };
  const path = join(dockerFolder(environment), "config.json");
  const text = files.readText(path);
  if (text === null) return null;
  const name = readCurrentContext(text);
  if (name === null) {
    throw new AirlockError("E_CONFIG_INVALID", `docker's configuration cannot be read: ${displayPath(path)}`, {
      hint: "repair it, or choose the engine with --engine",
    });
  }
  return name === "" || name === "default" ? null : { name, from: path };
}

/** The endpoint of a docker context, or null when there is no context of that name. */
export function contextEndpoint(name: string, environment: Environment, files: ContextFiles): EngineEndpoint | null {
  const folder = join(dockerFolder(environment), "contexts");
  const key = createHash("sha256").update(name).digest("hex");
  const path = join(folder, "meta", key, "meta.json");
  const text = files.readText(path);
  if (text === null) return null;
  const meta = readMeta(text);
  if (meta === null || meta.name !== name) throw damaged(name, path);
  const { host, skipTlsVerify } = meta;
  const source = `context "${name}"`;
  // The certificates of a context are its own: DOCKER_TLS_VERIFY speaks of DOCKER_HOST.
  const endpoint = parseAddress(host, source, { ...environment, env: {} });
  if (endpoint === null) throw damaged(name, path);
  if (endpoint.kind !== "tcp" && endpoint.kind !== "tls") return endpoint;
  const certificates = join(folder, "tls", key, "docker");
  if (!files.exists(certificates)) return skipTlsVerify ? { ...endpoint, kind: "tls", skipTlsVerify } : endpoint;
  return { ...endpoint, kind: "tls", certificates, skipTlsVerify };
}

function damaged(name: string, path: string): AirlockError {
  return new AirlockError("E_CONFIG_INVALID", `docker context "${name}" cannot be read: ${displayPath(path)}`, {
    hint: `make it again (\`docker context rm ${name}\`), or choose the engine with --engine`,
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
