import { createServer as createHttp, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { Agent, request as requestHttps } from "node:https";
import { isIPv6, type LookupFunction } from "node:net";
import { type Duplex, pipeline } from "node:stream";
import type { TLSSocket } from "node:tls";
import { messageOf } from "../base/errors.js";
import { type HeldKey, putKeys } from "./put-key.js";

/** A host for which keys are put into requests. */
export interface KeyedHost {
  readonly host: string;
  readonly port: number;
  readonly keys: readonly HeldKey[];
  /** Told of each request that is not passed on. */
  readonly refused: (reason: string) => void;
  /** Told of the headers that a secret was put into. */
  readonly used: (headers: readonly string[]) => void;
}

type Request = IncomingMessage | Http2ServerRequest;

const headMs = 30_000;
const maxHead = 64 * 1024;
const maxSockets = 64;

const answerDropped = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);

/** An answer's headers as they came, but for those from hop to hop. */
function answerHeaders(raw: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? "";
    if (!answerDropped.has(name.toLowerCase())) kept.push(name, raw[at + 1] ?? "");
  }
  return kept;
}

// HTTP/2 has one place for each name, and all of them in lower case.
function byName(raw: readonly string[]): Record<string, string[]> {
  const found: Record<string, string[]> = Object.create(null);
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? "").toLowerCase();
    found[name] = [...(found[name] ?? []), raw[at + 1] ?? ""];
  }
  return found;
}

function say(response: ServerResponse | Http2ServerResponse, status: number, why: string): void {
  const body = Buffer.from(`airlock: ${why.replace(/[^\x20-\x7e]/g, "?")}\n`);
  const headers = { "content-type": "text/plain", "content-length": body.length, "cache-control": "no-store" };
  (response as ServerResponse).writeHead(status, headers);
  (response as ServerResponse).end(body);
}

/** The gate's end of one connection to such a host: each request is read, gets its key, and is made over TLS of the gate's own. */
export class KeyEnd {
  readonly #place: KeyedHost;
  readonly #agent: Agent;
  readonly #authorities: ReadonlySet<string>;

  /** `ca`: in the place of the authorities that this machine trusts. */
  constructor(place: KeyedHost, addresses: readonly string[], trust: { readonly ca?: string } = {}) {
    this.#place = place;
    const { host, port } = place;
    this.#authorities = new Set([`${host}:${port}`, ...(port === 443 ? [host] : [])]);
    // What was checked is what is connected to.
    const found = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
    const lookup: LookupFunction = (_name, { all }, done) => {
      const [first] = found;
      if (first === undefined) done(new Error("no address"), "", 4);
      else if (all === true) done(null, found);
      else done(null, first.address, first.family);
    };
    this.#agent = new Agent({ ...trust, keepAlive: true, maxSockets, lookup, noDelay: true, autoSelectFamily: true });
  }

  /** Takes the connection, whose TLS has ended. */
  accept(socket: TLSSocket): void {
    socket.on("error", () => undefined);
    socket.once("close", () => this.#agent.destroy());
    if (socket.alpnProtocol === "h2") {
      const second = createHttp2({ settings: { maxConcurrentStreams: maxSockets, maxHeaderListSize: maxHead } });
      second.on("request", (request, response) => this.#take(request, response));
      second.on("sessionError", () => undefined);
      second.emit("connection", socket);
      return;
    }
    const first = createHttp({
      maxHeaderSize: maxHead,
      headersTimeout: headMs,
      requestTimeout: 0,
      keepAliveTimeout: 0,
    });
    first.timeout = 0;
    first.on("request", (request, response) => this.#take(request, response));
    first.on("upgrade", (request: IncomingMessage, client: Duplex, head: Buffer) =>
      this.#upgrade(request, client, head),
    );
    first.emit("connection", socket);
  }

  #headersOf(request: Request): readonly string[] | string {
    const { method = "", url = "", headers } = request;
    const authority = (headers.host ?? headers[":authority"] ?? "").toString().toLowerCase();
    if (!this.#authorities.has(authority)) return "a request for another host";
    if (headers.host !== undefined && headers[":authority"] !== undefined && headers.host !== headers[":authority"])
      return "a request for two hosts";
    if (request.rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === "host").length > 1)
      return "a request with two Hosts";
    // A server that answers TRACE gives back what it was sent.
    if (method === "CONNECT" || method === "TRACE") return `the method ${method}`;
    if (!url.startsWith("/") && url !== "*") return "a request for another host in its first line";
    const put = putKeys(this.#place.keys, request.rawHeaders);
    if (typeof put === "string") return put;
    if (put.used.length > 0) this.#place.used(put.used);
    return headers.host === undefined ? ["host", authority, ...put.headers] : put.headers;
  }

  #ask(request: Request, headers: readonly string[]): ReturnType<typeof requestHttps> {
    const { host, port } = this.#place;
    return requestHttps({
      ...{ agent: this.#agent, host, servername: host, port, setHost: false, maxHeaderSize: maxHead },
      method: request.method,
      path: request.url,
      headers: [...headers],
    });
  }

  #take(request: Request, response: ServerResponse | Http2ServerResponse): void {
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    const headers = this.#headersOf(request);
    if (typeof headers === "string") {
      this.#place.refused(headers);
      // What it still sends is not waited for, and must not look like a next request.
      if (request.httpVersionMajor === 1) (response as ServerResponse).setHeader("connection", "close");
      say(response, 403, headers);
      return;
    }
    const isUnmeasured = request.headers["content-length"] === undefined;
    const isChunked =
      isUnmeasured &&
      ("stream" in request ? !request.stream.endAfterHeaders : request.headers["transfer-encoding"] !== undefined);
    const asked = this.#ask(request, isChunked ? [...headers, "transfer-encoding", "chunked"] : headers);
    response.once("close", () => void (response.writableFinished || asked.destroy()));
    asked.once("error", (error) => {
      if (response.headersSent) (response as ServerResponse).destroy();
      else say(response, 502, `${this.#place.host} could not be reached: ${messageOf(error)}`);
    });
    asked.once("response", (answer) => this.#answer(answer, response, request));
    pipeline(request, asked, () => undefined);
  }

  #answer(
    answer: IncomingMessage,
    response: ServerResponse | Http2ServerResponse,
    { httpVersionMajor }: Request,
  ): void {
    const raw = answerHeaders(answer.rawHeaders);
    const status = answer.statusCode ?? 502;
    if (httpVersionMajor === 2) (response as Http2ServerResponse).writeHead(status, byName(raw));
    else (response as ServerResponse).writeHead(status, answer.statusMessage, raw);
    // Events come one by one: their head is not kept back for the first of them.
    if (httpVersionMajor === 1) (response as ServerResponse).flushHeaders();
    pipeline(answer, response as ServerResponse, () => undefined);
  }

  #upgrade(request: IncomingMessage, client: Duplex, head: Buffer): void {
    client.on("error", () => undefined);
    const headers = this.#headersOf(request);
    const wanted = request.headers.upgrade ?? "";
    if (typeof headers === "string" || wanted.toLowerCase() !== "websocket") {
      const why = typeof headers === "string" ? headers : "a change to another protocol than WebSocket";
      this.#place.refused(why);
      client.end(`HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const asked = this.#ask(request, [...headers, "connection", "Upgrade", "upgrade", "websocket"]);
    client.once("close", () => asked.destroy());
    asked.once("error", () => client.destroy());
    asked.once("response", (answer) => this.#refusedUpgrade(answer, client));
    asked.once("upgrade", (answer, server, first) => {
      client.write(rawAnswer(answer, answer.rawHeaders));
      client.write(first);
      server.write(head);
      pipeline(server, client, server, () => undefined);
    });
    asked.end();
  }

  #refusedUpgrade(answer: IncomingMessage, client: Duplex): void {
    client.write(rawAnswer(answer, [...answerHeaders(answer.rawHeaders), "Connection", "close"]));
    pipeline(answer, client, () => undefined);
  }
}

function rawAnswer({ statusCode, statusMessage }: IncomingMessage, raw: readonly string[]): Buffer {
  const lines = raw.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${raw[at + 1] ?? ""}`] : []));
  return Buffer.from([`HTTP/1.1 ${statusCode} ${statusMessage}`, ...lines, "", ""].join("\r\n"), "latin1");
}
