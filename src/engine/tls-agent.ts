import { readFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { isIP } from "node:net";
import { join } from "node:path";
import { AirlockError } from "../base/errors.js";
import { displayPath } from "../base/escape.js";
import type { EngineEndpoint } from "../model/engine.js";
import type { OpenRoute } from "./route.js";
import { keptConnections, type Route } from "./transport.js";

/** The way to an engine over mutual TLS; connections are kept, as a handshake costs more than most calls. */
export async function openTlsRoute(endpoint: EngineEndpoint): Promise<OpenRoute> {
  const { hostname, port } = new URL(endpoint.address.replace(/^tcp:/, "http:"));
  const host = hostname.replace(/^\[|\]$/g, "");
  const { certificates, skipTlsVerify = false } = endpoint;
  const [ca, cert, key] = await Promise.all(
    ["ca.pem", "cert.pem", "key.pem"].map((name) => readPem(certificates, name, endpoint)),
  );
  const agent = new Agent({
    keepAlive: true,
    maxFreeSockets: keptConnections,
    rejectUnauthorized: !skipTlsVerify,
    minVersion: "TLSv1.2",
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
  return {
    host,
    port: Number(port),
    agent,
    request: request as NonNullable<Route["request"]>,
    close: async () => agent.destroy(),
  };
}

// An engine may do without client certificates or with a public authority: a file that is not there is left out.
async function readPem(
  folder: string | undefined,
  name: string,
  { source }: EngineEndpoint,
): Promise<string | undefined> {
  if (folder === undefined) return undefined;
  const path = join(folder, name);
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new AirlockError("E_ENGINE_UNREACHABLE", `cannot read ${displayPath(path)} (${source})`, { cause: error });
  }
}
