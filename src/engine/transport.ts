import type { ClientRequest, Agent as HttpAgent, IncomingMessage } from "node:http";
import { request as httpRequest } from "node:http";
import { type Duplex, Readable } from "node:stream";
import { systemCodeOf } from "../base/errors.js";

/** How to reach the engine: a socket path or a host, over an agent that may be TLS or ssh. */
export interface Route {
  readonly socketPath?: string;
  readonly host?: string;
  readonly port?: number;
  readonly agent?: HttpAgent;
  /** `node:https`'s request when the agent speaks TLS. */
  readonly request?: typeof httpRequest;
}

type Query = Readonly<Record<string, unknown>>;

/** One request to the engine. */
export interface EngineCall {
  readonly method: string;
  /** Without the version. */
  readonly path: string;
  readonly query?: Query | undefined;
  /** A record is sent as JSON. */
  readonly body?: Query | string | Readable | undefined;
  readonly contentType?: string | undefined;
  /** Ends the call, also while the answer is being read. */
  readonly signal?: AbortSignal | undefined;
  /** `collect`: the answer's text; `stream`: the answer as it comes; `hijack`: the raw connection. */
  readonly answer: "collect" | "stream" | "hijack";
  /** Called when the status line arrived: the engine has taken the request in. */
  readonly onHeaders?: (() => void) | undefined;
}

export interface EngineAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

/** The engine answered with a status that says no. */
export class EngineRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "EngineRefusal";
    this.status = status;
  }
}

/** What dockerode hands to the modem that it was given; only the fields that Airlock's calls use. */
interface DialOptions {
  readonly path: string;
  readonly method: string;
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  readonly file?: Readable | undefined;
  readonly isStream?: boolean | undefined;
  readonly hijack?: boolean | undefined;
  readonly abortSignal?: AbortSignal | undefined;
}

type Dialled = (error: Error | null, data: unknown) => void;

/** How many connections to an engine are kept for the next calls. */
export const keptConnections = 4;
const resetCodes = new Set(["ECONNRESET", "EPIPE"]);
const answerLimitBytes = 64 << 20;
const notSent = new Set(["abortSignal", "hijack"]);

/**
 * The connection to an engine, in the place of dockerode's own modem: that one inspects every request for a debug log
 * that nobody reads, reads `DOCKER_HOST` behind our back, puts request bodies into URLs, checks no host key over ssh and
 * loads 10 ms of transports. This one gives half-close, back-pressure and an end to every wait.
 */
export class Transport {
  readonly Promise: PromiseConstructor = Promise;
  readonly #route: Route;
  #version = "";

  constructor(route: Route) {
    this.#route = route;
  }

  /** Fixes the API version that every later request asks for. */
  useVersion(version: string): void {
    this.#version = `/v${version}`;
  }

  /** What dockerode calls. Answers: parsed JSON, a stream of the answer, or the hijacked connection. */
  dial(options: DialOptions, done: Dialled): void {
    this.#dial(options).then(
      (data) => done(null, data),
      (error: Error) => done(error, null),
    );
  }

  async #dial({ path, method, options = {}, file, isStream, hijack, abortSignal }: DialOptions): Promise<unknown> {
    const hasQuery = path.endsWith("?");
    const call = {
      method,
      path: hasQuery ? path.slice(0, -1) : path,
      query: hasQuery ? options : {},
      body: file ?? (method === "POST" && !hasQuery ? sent(options) : undefined),
      contentType: file === undefined ? "application/json" : "application/x-tar",
      signal: abortSignal,
    };
    if (hijack === true) return await this.hijack(call);
    if (isStream === true) return await this.stream(call);
    return await this.json(call);
  }

  /** Sends a request and parses the answer as JSON; an answer that is none comes as its text. */
  async json(call: Omit<EngineCall, "answer">): Promise<unknown> {
    const { text } = await this.collect(call);
    return parseJson(text);
  }

  /** Sends a request and reads the whole answer. */
  async collect(call: Omit<EngineCall, "answer">): Promise<EngineAnswer> {
    const message = await this.#response({ ...call, answer: "collect" });
    const text = await readText(message);
    if (message.statusCode === undefined || message.statusCode >= 300) throw refusal(message, text);
    return { status: message.statusCode, headers: message.headers, text };
  }

  /** Sends a request and hands over the answer as it comes; destroying it ends the call. */
  async stream(call: Omit<EngineCall, "answer">): Promise<Readable> {
    const message = await this.#response({ ...call, answer: "stream" });
    if (message.statusCode === undefined || message.statusCode >= 300) throw refusal(message, await readText(message));
    return message;
  }

  /** Sends a request that turns the connection into a raw stream in both directions. */
  async hijack(call: Omit<EngineCall, "answer">): Promise<Duplex> {
    return await freshly<Duplex>((resolve, reject) => {
      const sent = this.#send({ ...call, answer: "hijack" }, reject);
      sent.request.on("upgrade", (_message, socket, head) => {
        sent.release();
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      });
      sent.request.on("response", (message) => {
        readText(message)
          .then((text) => reject(refusal(message, text)), reject)
          .finally(sent.release);
      });
    });
  }

  async #response(call: EngineCall): Promise<IncomingMessage> {
    return await freshly((resolve, reject) => {
      const { request, release } = this.#send(call, reject);
      request.on("response", (message) => {
        message.once("close", release);
        call.onHeaders?.();
        resolve(message);
      });
    });
  }

  #send(asked: EngineCall, reject: (error: Error) => void): { request: ClientRequest; release: () => void } {
    const call = { ...asked, body: bodyOf(asked) };
    const { signal } = call;
    if (signal?.aborted === true) throw abortReason(signal);
    const { socketPath, host, port, agent, request: send = httpRequest } = this.#route;
    const request = send({
      ...(socketPath === undefined ? { host, port } : { socketPath }),
      // None: not Node's own, which keeps connections that nobody closes.
      agent: agent ?? false,
      // A socket has no name to show to TLS; finding that out would compile the largest regular expression of all.
      ...(socketPath === undefined ? {} : { servername: "" }),
      method: call.method,
      path: `${this.#version}${call.path}${queryString(call.query ?? {})}`,
      headers: headersOf(call, host),
    });
    let answer: IncomingMessage | undefined;
    const abort = () => {
      const reason = abortReason(signal);
      answer?.destroy(reason);
      request.destroy(reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    const release = () => signal?.removeEventListener("abort", abort);
    request.on("response", (message) => {
      answer = message;
    });
    request.on("error", (error) => {
      if (answer === undefined) release();
      const stale = answer === undefined && request.reusedSocket && typeof call.body !== "object";
      reject(stale && resetCodes.has(systemCodeOf(error) ?? "") ? new StaleConnection(error) : error);
    });
    sendBody(request, call.body);
    return { request, release };
  }
}

/** A kept connection that the engine had closed meanwhile: the request was never looked at. */
class StaleConnection extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

type SentCall = Omit<EngineCall, "body"> & { readonly body: string | Readable | undefined };
type Executor<T> = (resolve: (value: T) => void, reject: (error: Error) => void) => void;

// Each of the kept connections may be a stale one; the next after them is new.
async function freshly<T>(attempt: Executor<T>): Promise<T> {
  for (let left = keptConnections; ; left--) {
    try {
      return await new Promise<T>(attempt);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      if (left === 0) throw error.cause;
    }
  }
}

// A signal may be aborted with anything, the name of a Unix signal for example.
function abortReason(signal: AbortSignal | undefined): Error {
  return signal?.reason instanceof Error ? signal.reason : new DOMException("cancelled", "AbortError");
}

function headersOf({ body, contentType, answer }: SentCall, host: string | undefined): Record<string, string> {
  return {
    Host: host ?? "engine",
    "User-Agent": "airlock",
    ...(body === undefined ? {} : { "Content-Type": contentType ?? "application/json" }),
    ...(typeof body === "string" ? { "Content-Length": String(Buffer.byteLength(body)) } : {}),
    ...(answer === "hijack" ? { Connection: "Upgrade", Upgrade: "tcp" } : {}),
  };
}

function sendBody(request: ClientRequest, body: string | Readable | undefined): void {
  if (body === undefined || typeof body === "string") {
    request.end(body);
    return;
  }
  body.on("error", (error) => request.destroy(error));
  request.on("close", () => body.destroy());
  body.pipe(request);
}

async function readText(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > answerLimitBytes) throw new Error(`answer larger than ${answerLimitBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function refusal({ statusCode = 0 }: IncomingMessage, text: string): EngineRefusal {
  const answer = record(parseJson(text));
  const message = answer?.["message"] ?? answer?.["cause"];
  return new EngineRefusal(statusCode, typeof message === "string" ? message.trim() : text.trim().slice(0, 500));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
}

function sent(options: Query): Query | undefined {
  const kept = Object.entries(options).filter(([key]) => !notSent.has(key));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

function bodyOf({ body }: EngineCall): string | Readable | undefined {
  return body === undefined || typeof body === "string" || body instanceof Readable ? body : JSON.stringify(body);
}

function queryString(query: Query): string {
  const pairs = Object.entries(query)
    .filter(([key, value]) => !notSent.has(key) && value !== undefined)
    .flatMap(([key, value]) => (Array.isArray(value) ? value : [value]).map((one) => `${key}=${queryValue(one)}`));
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

// Bytes that are not UTF-8 can be asked for as an already escaped `%ff`: see `detachKeys`.
function queryValue(value: unknown): string {
  if (typeof value === "string" && /^(%[0-9a-f]{2},?)+$/.test(value)) return value;
  return encodeURIComponent(typeof value === "object" ? JSON.stringify(value) : String(value));
}
