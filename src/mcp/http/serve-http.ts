import type { IncomingMessage, ServerResponse } from "node:http";
import { messageOf } from "../../base/errors.js";
import { PendingCalls } from "../pending-calls.js";
import * as sdk from "../sdk.js";
import { makeServer, type ServerParts } from "../server.js";
import { admit } from "./admit.js";
import { answerError, type Exchange, readExchange, sendResponse } from "./exchange.js";
import { LegacySessions } from "./legacy-sessions.js";
import { type Address, closeServer, listen, makeHttpServer, untilStopped } from "./listener.js";

interface HttpService {
  readonly parts: Omit<ServerParts, "era" | "pending">;
  readonly address: Address;
  readonly token: string;
  readonly signal: AbortSignal;
  readonly onProblem: (text: string) => void;
  /** Told where it listens, once it does. */
  readonly onListening: (url: string) => void;
}

type Answer = (exchange: Exchange) => Promise<Response>;

const path = "/mcp";

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
  onListening(`${await listen(server, address)}${path}`);
  await untilStopped(signal);
  pending.cancelAll();
  await modern.close();
  await closeServer(server);
}
