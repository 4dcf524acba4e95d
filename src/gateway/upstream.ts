import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import { isIPv6 } from "node:net";

/** Resolves a name of AWS to addresses that may be connected to; rejects when it leads anywhere else. */
export type Addresses = (hostname: string) => Promise<readonly string[]>;

const idleMs = 60_000;
/** The longest that AWS itself lets a caller wait: a synchronous invocation of 15 minutes. */
const answerMs = 16 * 60_000;
const maxSockets = 128;
const maxAnswerHead = 64 * 1024;

/** What leaves: everything in it was decided and signed. */
export interface Outgoing {
  readonly hostname: string;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Makes the connections to AWS. A redirect is an answer like any other: it is never followed. */
export class Upstream implements Disposable {
  readonly #override: URL | null;
  readonly #agent: HttpAgent | HttpsAgent;

  constructor(addresses: Addresses, override: URL | null) {
    this.#override = override;
    // What was checked is what is connected to.
    const lookup: LookupFunction = (hostname, options, done) => {
      addresses(hostname).then(
        (found) => {
          const all = found.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
          const [first] = all;
          if (first === undefined) done(new Error(`${hostname} has no address`), "", 4);
          else if (options.all === true) done(null, all);
          else done(null, first.address, first.family);
        },
        (error: unknown) => done(error instanceof Error ? error : new Error(String(error)), "", 4),
      );
    };
    const options = { keepAlive: true, keepAliveMsecs: 10_000, timeout: idleMs, maxSockets, noDelay: true };
    if (override === null) this.#agent = new HttpsAgent({ ...options, lookup });
    else this.#agent = override.protocol === "http:" ? new HttpAgent(options) : new HttpsAgent(options);
  }

  /** Every call goes to one place, whatever host it is for. */
  get isElsewhere(): boolean {
    return this.#override !== null;
  }

  /** What the request is signed for as its host. */
  hostOf(hostname: string): string {
    return this.#override?.host ?? hostname;
  }

  /** Begins a request; the caller writes its body. */
  begin({ hostname, method, target, headers }: Outgoing): ClientRequest {
    const place = this.#override;
    const host = place === null ? hostname : place.hostname.replace(/^\[|\]$/g, "");
    const isPlain = place?.protocol === "http:";
    return (isPlain ? requestHttp : requestHttps)({
      agent: this.#agent,
      host,
      servername: isPlain ? undefined : host,
      port: place === null ? 443 : place.port || (isPlain ? 80 : 443),
      method,
      path: target,
      headers,
      setHost: false,
      timeout: answerMs,
      maxHeaderSize: maxAnswerHead,
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

/** The answer to a request; rejects when there is none. */
export function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once("response", resolve);
    request.once("error", reject);
    request.once("timeout", () => request.destroy(new Error("no answer")));
    request.once("close", () => reject(new Error("the connection was closed")));
  });
}
