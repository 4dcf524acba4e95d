import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { AirlockError, messageOf } from "../../base/errors.js";
import { PendingCalls } from "../pending-calls.js";
import * as sdk from "../sdk.js";
import { makeServer, type ServerParts } from "../server.js";
import { admit } from "./admit.js";
import { answerError, type Exchange, readExchange, sendResponse } from "./exchange.js";
import { LegacySessions } from "./legacy-sessions.js";

interface HttpService {
  readonly parts: Omit<ServerParts, "era" | "pending">;
  readonly address: { readonly host: string; readonly port: number };
  readonly token: string;
  readonly signal: AbortSignal;
  readonly onProblem: (text: string) => void;
  /** Told where it listens, once it does. */
  readonly onListening: (url: string) => void;
}

type Answer = (exchange: Exchange) => Promise<Response>;

const path = "/mcp";
const mostConnections = 256;

async function serveOne(
  message: IncomingMessage,
  response: ServerResponse,
  token: string,
  answer: Answer,
): Promise<void> {
  const refusal = admit(message.headers, token);
  if (refusal !== null) return answerError(response, refusal.status, refusal.text);
  if ((message.url ?? "").split("?")[0] !== path) return answerError(response, 404, `the server is at ${path}`);
  const exchange = await readExchange(message, response);
  if (exchange !== null) await sendResponse(await answer(exchange), response);
}

async function listen(server: Server, { host, port }: HttpService["address"]): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      const message = `cannot listen on ${host}:${port}: ${messageOf(error)}`;
      reject(new AirlockError("E_USAGE", message, { hint: "choose another port; 0 takes a free one", cause: error }));
    });
    server.listen(port, host, resolve);
  });
  const { address, family, port: taken } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${taken}${path}`;
}

// Too slow and too many are ended: everything that is open takes memory.
function makeHttpServer(handle: (message: IncomingMessage, response: ServerResponse) => void): Server {
  const server = createServer({ requestTimeout: 60_000, headersTimeout: 10_000, maxHeaderSize: 16_384 }, handle);
  server.maxConnections = mostConnections;
  return server;
}

/** Serves clients over HTTP until the signal says stop: both generations of the protocol, each request admitted by itself. */
export async function serveHttp({ parts, address, token, signal, onProblem, onListening }: HttpService): Promise<void> {
  const pending = new PendingCalls();
  await using legacy = new LegacySessions(parts);
  const modern = sdk.createMcpHandler(({ era }) => makeServer({ ...parts, era, pending }), {
    legacy: "reject",
    onerror: (error) => onProblem(messageOf(error)),
  });
  const answer: Answer = async (exchange) => {
    const { request, body } = exchange;
    const given = body === undefined ? {} : { parsedBody: body };
    return (await sdk.isLegacyRequest(request, body)) ? legacy.handle(exchange) : modern.fetch(request, given);
  };
  const server = makeHttpServer((message, response) => {
    serveOne(message, response, token, answer).catch((error: unknown) => {
      onProblem(messageOf(error));
      if (response.headersSent) response.destroy();
      else answerError(response, 500, "the request could not be served");
    });
  });
  const url = await listen(server, address);
  onListening(url);
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  pending.cancelAll();
  await modern.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
