import { type Host, parseAuthority } from "./host-name.js";
import { BodyReader } from "./http-body.js";
import { bodyKind, formatHead, headerValues, parseHead, type RequestHead } from "./http-head.js";
import type { Inspected, Inspector } from "./inspection.js";

const maxUpgradeAnswer = 64;
const maxHeld = 65_540;

function sameHost(authority: string, host: Host, port: number): boolean {
  const withPort = /:[0-9]+$/.test(authority) ? authority : `${authority}:${port}`;
  const wanted = parseAuthority(withPort);
  return wanted !== null && wanted.port === port && wanted.host.text === host.text;
}

function targetAuthority(target: string): string | null {
  return /^http:\/\/([^/?#]*)/i.exec(target)?.[1] ?? null;
}

/** What is wrong with a request for this host; null when nothing is. */
function wrongWith(head: RequestHead, host: Host, port: number): string | null {
  const hosts = headerValues(head, "host");
  if (hosts.length !== 1) return hosts.length === 0 ? "a request without Host" : "a request with two Hosts";
  if (!sameHost(hosts[0] ?? "", host, port)) return `a request for another host (${(hosts[0] ?? "").slice(0, 80)})`;
  if (head.method === "CONNECT" || head.method === "PRI") return `the method ${head.method}`;
  if (head.target.startsWith("/") || head.target === "*") return null;
  const authority = targetAuthority(head.target);
  return authority !== null && sameHost(authority, host, port) ? null : "a request for another host in its first line";
}

// A client that offers HTTP/2 in the clear is content with HTTP/1: the offer is left out, as any intermediary may.
function withoutOffer(head: RequestHead): Buffer {
  const named = headerValues(head, "connection").flatMap((value) => value.toLowerCase().split(/[ \t]*,[ \t]*/));
  const hop = named.filter((name) => name === "upgrade" || name === "http2-settings");
  return formatHead(
    head,
    head.target,
    new Set(["upgrade", "http2-settings", ...(hop.length > 0 ? ["connection"] : [])]),
    [],
  );
}

/**
 * Follows every request of an HTTP/1 connection: each must name the host that was allowed, and no byte passes whose place in a request
 * is in doubt. After `101 Switching Protocols` the connection is the server's and the client's own.
 */
export class HttpGuard implements Inspector {
  readonly #host: Host;
  readonly #port: number;
  #held: Buffer[] = [];
  #heldLength = 0;
  #body: BodyReader | null = null;
  #requests = 0;
  #upgrade: "no" | "asked" | "granted" | "refused" = "no";
  #answer = "";

  constructor(host: Host, port: number) {
    this.#host = host;
    this.#port = port;
  }

  get isSettled(): boolean {
    return this.#requests > 0;
  }

  inspect(piece: Buffer): Inspected {
    if (this.#upgrade === "granted") return { forward: [piece], violation: null };
    // Without the end of a line there is nothing new to see.
    const isIdle = this.#heldLength > 0 && this.#heldLength + piece.length <= maxHeld && !piece.includes(10);
    if (isIdle) return this.#hold(piece, []);
    const bytes = Buffer.concat([...this.#held, piece]);
    this.#held = [];
    this.#heldLength = 0;
    return this.#walk(bytes);
  }

  /** Reads the server's first line after a request to change protocols. */
  answer(piece: Buffer): readonly Buffer[] {
    if (this.#upgrade !== "asked") return [];
    this.#answer += piece.toString("latin1", 0, maxUpgradeAnswer);
    if (this.#answer.length < 12) return [];
    this.#upgrade = this.#answer.startsWith("HTTP/1.1 101") ? "granted" : "refused";
    if (this.#upgrade === "refused") return [];
    const held = this.#held;
    this.#held = [];
    return held;
  }

  #walk(bytes: Buffer): Inspected {
    const forward: Buffer[] = [];
    for (let rest = bytes; rest.length > 0; ) {
      if (this.#body !== null) {
        const taken = this.#body.take(rest);
        if (typeof taken === "string") return { forward, violation: taken };
        forward.push(rest.subarray(0, taken));
        rest = rest.subarray(taken);
        if (this.#body.isDone) this.#body = null;
        continue;
      }
      // Whether the server changes protocols decides what these bytes are.
      if (this.#upgrade === "asked") return this.#hold(rest, forward);
      if (this.#upgrade === "refused") return { forward, violation: "bytes after a refused change of protocol" };
      const head = parseHead(rest);
      if (head === null) return this.#hold(rest, forward);
      const begun = typeof head === "string" ? head : this.#begin(head, rest.subarray(0, head.length));
      if (typeof begun === "string" || typeof head === "string") return { forward, violation: String(begun) };
      forward.push(begun);
      rest = rest.subarray(head.length);
    }
    return { forward, violation: null };
  }

  #hold(rest: Buffer, forward: readonly Buffer[]): Inspected {
    this.#held.push(rest);
    this.#heldLength += rest.length;
    return { forward, violation: this.#heldLength > maxHeld ? "too much before it says what it wants" : null };
  }

  #begin(head: RequestHead, bytes: Buffer): Buffer | string {
    const wrong = wrongWith(head, this.#host, this.#port);
    if (wrong !== null) return wrong;
    const body = bodyKind(head);
    if (typeof body === "string") return body;
    const upgrade = headerValues(head, "upgrade").join(",").toLowerCase();
    if (upgrade === "websocket") {
      // As a first and only request: else it would not be known which answer is its own.
      if (this.#requests > 0) return "a change of protocol after other requests";
      if (body.kind === "chunked" || body.length > 0) return "a change of protocol with a body";
      this.#upgrade = "asked";
    }
    this.#requests += 1;
    const reader = new BodyReader(body);
    this.#body = reader.isDone ? null : reader;
    return upgrade === "" || upgrade === "websocket" ? bytes : withoutOffer(head);
  }
}
