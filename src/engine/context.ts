import { createHash } from "node:crypto";
import { join } from "node:path";
import * as z from "zod/mini";
import { AirlockError } from "../base/errors.js";
import { displayPath } from "../base/escape.js";
import type { EngineEndpoint } from "../model/engine.js";
import { dockerFolder, type Environment, parseAddress } from "./address.js";

/** Looks at the file system; null for a file that is not there or cannot be read. */
export interface ContextFiles {
  readText(path: string): string | null;
  exists(path: string): boolean;
}

const configFile = z.object({ currentContext: z.optional(z.string()) });

const metaFile = z.object({
  Name: z.string(),
  Endpoints: z.object({
    docker: z.object({ Host: z.string(), SkipTLSVerify: z.optional(z.boolean()) }),
  }),
});

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
  const parsed = z.safeParse(configFile, jsonOf(text));
  if (!parsed.success) {
    throw new AirlockError("E_CONFIG_INVALID", `docker's configuration cannot be read: ${displayPath(path)}`, {
      hint: "repair it, or choose the engine with --engine",
    });
  }
  const name = parsed.data.currentContext ?? "";
  return name === "" || name === "default" ? null : { name, from: path };
}

/** The endpoint of a docker context, or null when there is no context of that name. */
export function contextEndpoint(name: string, environment: Environment, files: ContextFiles): EngineEndpoint | null {
  const folder = join(dockerFolder(environment), "contexts");
  const key = createHash("sha256").update(name).digest("hex");
  const path = join(folder, "meta", key, "meta.json");
  const text = files.readText(path);
  if (text === null) return null;
  const parsed = z.safeParse(metaFile, jsonOf(text));
  if (!parsed.success || parsed.data.Name !== name) throw damaged(name, path);
  const { Host, SkipTLSVerify = false } = parsed.data.Endpoints.docker;
  const source = `context "${name}"`;
  // The certificates of a context are its own: DOCKER_TLS_VERIFY speaks of DOCKER_HOST.
  const endpoint = parseAddress(Host, source, { ...environment, env: {} });
  if (endpoint === null) throw damaged(name, path);
  if (endpoint.kind !== "tcp" && endpoint.kind !== "tls") return endpoint;
  const certificates = join(folder, "tls", key, "docker");
  if (!files.exists(certificates)) return SkipTLSVerify ? { ...endpoint, kind: "tls", skipTlsVerify: true } : endpoint;
  return { ...endpoint, kind: "tls", certificates, skipTlsVerify: SkipTLSVerify };
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
