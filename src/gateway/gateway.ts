import { createServer as createHttp, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2, type Http2ServerRequest } from "node:http2";
import type { Duplex } from "node:stream";
import { gatewayPort } from "../wire/frames.js";
import type { WireStream } from "../wire/stream.js";
import { Approvals } from "./approvals.js";
import { BodyBudget } from "./body.js";
import { answerCredentials, credentialsPath } from "./container-credentials.js";
import { Exchange, type GatewayParts, type Response } from "./exchange.js";
import type { GatewayHouse } from "./house.js";
import { type Inbound, readInbound } from "./inbound.js";
import { ReplayGuard } from "./replay-guard.js";
import type { Upstream } from "./upstream.js";
import { WireDuplex } from "./wire-duplex.js";

const heldBytes = 256 * 1024 * 1024;
const maxRequests = 256;
const headMs = 20_000;
const keepAliveMs = 60_000;
const maxHeadBytes = 48 * 1024;
const preface = "PRI * HTTP/2.0";

function say(response: Response, status: number, text: string, type = "text/plain"): void {
  const body = Buffer.from(text);
  const headers = { "content-type": type, "content-length": body.length, "cache-control": "no-store" };
  (response as ServerResponse).writeHead(status, headers);
  (response as ServerResponse).end(body);
}

/** The host of AWS that a client meant, whose TLS ended at the gate; null for who called the gateway by its address. */
function meantHost({ socket }: IncomingMessage | Http2ServerRequest): string | null {
  const name: unknown = "servername" in socket ? socket.servername : undefined;
  return typeof name === "string" && name !== "" ? name.toLowerCase().replace(/\.$/, "") : null;
}

interface GatewayOptions {
  readonly house: GatewayHouse;
  readonly upstream: Upstream;
  /** Where its clients find it. */
  readonly port?: number;
}

/** The host end of a sandbox's AWS: every request is proved to be the sandbox's, understood, decided, written down, signed anew and made. */
export class Gateway implements Disposable {
  readonly #house: GatewayHouse;
  readonly #upstream: Upstream;
  readonly #ownHosts: ReadonlySet<string>;
  readonly #parts: GatewayParts;
  readonly #connections = new Set<Duplex>();
  readonly #first = createHttp({
    maxHeaderSize: maxHeadBytes,
    headersTimeout: headMs,
    requestTimeout: 0,
    keepAliveTimeout: keepAliveMs,
    requireHostHeader: true,
  });
  readonly #second = createHttp2({ settings: { maxConcurrentStreams: 100, maxHeaderListSize: maxHeadBytes } });
  #running = 0;
  #count = 0;

  constructor({ house, upstream, port = gatewayPort }: GatewayOptions) {
    this.#ownHosts = new Set(["127.0.0.1", "localhost"].map((name) => `${name}:${port}`));
    this.#house = house;
    this.#upstream = upstream;
    this.#parts = {
      house,
      upstream,
      approvals: new Approvals(),
      replay: new ReplayGuard(),
      budget: new BodyBudget(heldBytes),
      nextNumber: () => ++this.#count,
    };
    this.#first.timeout = 0;
    this.#first.on("request", (request, response) => this.#take(request, response));
    // The body of a call that is refused is not asked for.
    this.#first.on("checkContinue", (request, response) => this.#take(request, response, true));
    this.#second.on("request", (request, response) => this.#take(request, response));
    this.#second.on("sessionError", () => undefined);
  }

  /** Takes a stream that the hatch opened to the gateway. */
  open(stream: WireStream): void {
    this.accept(new WireDuplex(stream));
  }

  /** Takes a connection, which says in TLS or in its first bytes which kind of HTTP it speaks. */
  accept(connection: Duplex): void {
    this.#connections.add(connection);
    connection.once("close", () => this.#connections.delete(connection));
    connection.on("error", () => undefined);
    const agreed: unknown = "alpnProtocol" in connection ? connection.alpnProtocol : undefined;
    if (agreed === undefined) this.#sniff(connection);
    // TLS has said which kind it is. Its bytes go to the parser past what would be read and put back here, and overtake it.
    else (agreed === "h2" ? this.#second : this.#first).emit("connection", connection);
  }

  #sniff(connection: Duplex): void {
    const late = setTimeout(() => connection.destroy(), headMs).unref();
    let head = Buffer.alloc(0);
    const look = (): void => {
      const piece = connection.read() as Buffer | null;
      if (piece === null) return;
      head = Buffer.concat([head, piece]);
      const start = head.toString("latin1", 0, preface.length);
      if (preface.startsWith(start) && start.length < preface.length) return;
      clearTimeout(late);
      connection.off("readable", look);
      connection.unshift(head);
      (start === preface ? this.#second : this.#first).emit("connection", connection);
    };
    connection.on("readable", look);
    connection.once("close", () => clearTimeout(late));
  }

  #take(request: IncomingMessage | Http2ServerRequest, response: Response, isExpecting = false): void {
    const wantsBody = isExpecting ? () => void (response.headersSent || response.writeContinue()) : () => undefined;
    const inbound = readInbound(request, request, wantsBody);
    response.on("error", () => undefined);
    request.on("error", () => undefined);
    if (typeof inbound === "string") {
      say(response, 400, `airlock: ${inbound}\n`);
      return;
    }
    if (this.#running >= maxRequests) {
      say(response, 503, "airlock: too many requests at once\n");
      return;
    }
    this.#running += 1;
    const left = new AbortController();
    response.once("close", () => {
      if (!response.writableFinished) left.abort();
    });
    this.#serve(inbound, meantHost(request), response, left.signal)
      .catch(() => (response as ServerResponse).destroy())
      .finally(() => {
        this.#running -= 1;
      });
  }

  async #serve(inbound: Inbound, host: string | null, response: Response, left: AbortSignal): Promise<void> {
    if (host !== null) {
      const named = (inbound.headers["host"] ?? "").toLowerCase().replace(/:443$/, "").replace(/\.$/, "");
      if (named === host) return await new Exchange(this.#parts, response).serve(inbound, host, left);
      this.#house.refused("the request names another host than its connection", null);
      return say(response, 421, "airlock: the request names another host than its connection\n");
    }
    if (!this.#ownHosts.has(inbound.headers["host"] ?? "")) {
      this.#house.refused("the request names another host than the gateway", null);
      return say(response, 421, "airlock: call the gateway by its address, its port on 127.0.0.1\n");
    }
    if (inbound.path === credentialsPath) {
      const { status, body } = await answerCredentials(this.#house, inbound);
      return say(response, status, body, "application/json");
    }
    if (this.#house.mode === "direct") return say(response, 404, "airlock: AWS is called directly in this session\n");
    await new Exchange(this.#parts, response).serve(inbound, null, left);
  }

  [Symbol.dispose](): void {
    for (const connection of this.#connections) connection.destroy();
    this.#first.close();
    this.#second.close();
    this.#upstream[Symbol.dispose]();
  }
}
