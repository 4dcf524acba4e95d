import type { IncomingMessage, ServerResponse } from "node:http";
import { messageLimits, type Parsed, parseMessage, tooLargeText } from "../../base/json-message.js";

/** A request as the SDK wants it, and what its body held. */
export interface Exchange {
  readonly request: Request;
  /** Undefined: a request without a body. */
  readonly body: unknown;
}

/** Answers with an error of the protocol. */
export function answerError(response: ServerResponse, status: number, message: string): void {
  const headers: Record<string, string> = { "content-type": "application/json", "cache-control": "no-store" };
  if (status === 401) headers["www-authenticate"] = "Bearer";
  // What is left of a body that nobody reads would be taken for the next request.
  if (status === 413) headers["connection"] = "close";
  const code = status === 400 || status === 413 ? -32700 : -32000;
  response.writeHead(status, headers);
  response.end(JSON.stringify({ jsonrpc: "2.0", id: null, error: { code, message } }));
}

/** Reads the body of a request, within the limits of a message. */
export async function readBody(message: IncomingMessage): Promise<Parsed> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  if (Number(message.headers["content-length"] ?? 0) > messageLimits.bytes) return { ok: false, problem: tooLargeText };
  for await (const piece of message as AsyncIterable<Uint8Array>) {
    length += piece.length;
    if (length > messageLimits.bytes) return { ok: false, problem: tooLargeText };
    pieces.push(piece);
  }
  return parseMessage(Buffer.concat(pieces));
}

function headersOf({ headers }: IncomingMessage): Headers {
  const result = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    for (const each of Array.isArray(value) ? value : [value ?? ""]) result.append(name, each);
  }
  return result;
}

/** Reads a request within the limits; null when it was answered already, because it is none. The signal ends with the client. */
export async function readExchange(message: IncomingMessage, response: ServerResponse): Promise<Exchange | null> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const { method = "GET", url = "/" } = message;
  const init = { method, headers: headersOf(message), signal: gone.signal };
  const target = new URL(url, "http://localhost");
  if (method !== "POST") return { request: new Request(target, init), body: undefined };
  const parsed = await readBody(message);
  if (!parsed.ok) {
    answerError(response, parsed.problem === tooLargeText ? 413 : 400, parsed.problem);
    return null;
  }
  return { request: new Request(target, { ...init, body: "{}" }), body: parsed.value };
}

/** Sends the SDK's answer, at the pace at which it is read. */
export async function sendResponse(answer: Response, response: ServerResponse): Promise<void> {
  if (response.destroyed) {
    await answer.body?.cancel();
    return;
  }
  response.writeHead(answer.status, { "cache-control": "no-store", ...Object.fromEntries(answer.headers) });
  response.flushHeaders();
  const reader = answer.body?.getReader();
  response.once("close", () => void reader?.cancel().catch(() => undefined));
  for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
    if (!response.write(part.value)) await new Promise((resolve) => drainOrClose(response, () => resolve(null)));
  }
  response.end();
}

function drainOrClose(response: ServerResponse, done: () => void): void {
  const once = (): void => {
    response.off("drain", once);
    response.off("close", once);
    done();
  };
  response.once("drain", once);
  response.once("close", once);
}
