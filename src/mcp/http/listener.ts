import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { AirlockError, messageOf } from "../../base/errors.js";

/** Where a server listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

const mostConnections = 256;

/** Listens; the URL where, without a path. */
export async function listen(server: Server, { host, port }: Address): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      const message = `cannot listen on ${host}:${port}: ${messageOf(error)}`;
      reject(new AirlockError("E_USAGE", message, { hint: "choose another port; 0 takes a free one", cause: error }));
    });
    server.listen(port, host, resolve);
  });
  const { address, family, port: taken } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${taken}`;
}

/** A server that ends what is too slow and too many: everything that is open takes memory. */
export function makeHttpServer(handle: (message: IncomingMessage, response: ServerResponse) => void): Server {
  const server = createServer({ requestTimeout: 60_000, headersTimeout: 10_000, maxHeaderSize: 16_384 }, handle);
  server.maxConnections = mostConnections;
  return server;
}

/** Waits for the signal. */
export async function untilStopped(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
}

/** Ends a server with all its connections. */
export async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
