import type { Duplex } from "node:stream";
import type { ConnectionRecord, OpenedConnection } from "../model/network.js";
import type { StreamEvents, WireStream } from "../wire/stream.js";
import type { Admission, Wanting } from "./admission.js";
import { type Connected, type Connecting, closeSocket, lingerMs } from "./connected.js";
import { denialFor } from "./denial.js";
import { canonicalHost, type Host } from "./host-name.js";
import type { Inspector } from "./inspection.js";
import { inspectorFor } from "./inspector.js";
import { established, type ProxyRequest, readProxyRequest, refuseProxyRequest, socksReply } from "./proxy-request.js";

/** What a connection needs of the gate. */
export interface GateHouse {
  admit(host: Host, port: number, wanting: Wanting): Promise<Admission>;
  /** Connects to the first of these addresses that answers; a text says why none did. */
  connect(host: Host, port: number, to: Connecting): Promise<Connected | string>;
  /** Whether it is made to prove the gate, and not the sandbox's. */
  isProof(name: string): boolean;
  /** Called when it was allowed and made. */
  opened(opened: OpenedConnection): void;
  /** Called once, when everything is over. */
  done(connection: Connection, record: ConnectionRecord): void;
}

/** How long a client may take to say what it wants, to read a denial, and to be silent. */
const settleMs = 30_000;
const firstByteMs = 2_000;
const idleMs = 30 * 60_000;
const maxProxyHead = 70_000;

type Outcome = Pick<ConnectionRecord, "decision" | "rule" | "reason">;

/** One connection out of the sandbox: admitted or refused, inspected, pumped both ways, recorded. */
export class Connection implements StreamEvents {
  readonly #stream: WireStream;
  readonly #house: GateHouse;
  readonly #number: number;
  readonly #started = Date.now();
  readonly #abort = new AbortController();
  #step: "proxy" | "open" | "refused" = "open";
  #host: Host | null = null;
  #port = 0;
  #protocol: "direct" | "http" | "socks" | "request" = "direct";
  #held: Buffer[] = [];
  #heldLength = 0;
  #greeted = false;
  #inspector: Inspector | null = null;
  #socket: Duplex | null = null;
  #isJoined = false;
  #unfinished: (() => string | null) | undefined;
  #toServer: { readonly bytes: Buffer; readonly owed: number }[] = [];
  #owed = 0;
  #clientEnded = false;
  #firstByte: number | undefined;
  #denial: string | null = null;
  #refusedAt = 0;
  #lastMoved = this.#started;
  #address: string | null = null;
  #bytesOut = 0;
  #bytesIn = 0;
  #outcome: Outcome = { decision: "failed", rule: "", reason: "it ended before it said where to" };

  constructor(stream: WireStream, house: GateHouse, number: number) {
    this.#stream = stream;
    this.#house = house;
    this.#number = number;
    stream.events = this;
  }

  begin(): void {
    const { claim } = this.#stream;
    if (claim === null) return;
    if (claim.kind === "proxy") this.#step = "proxy";
    else this.#direct(claim.name, claim.port);
  }

  /** Looks at the clock; called every second or so. */
  tick(now: number): void {
    const isSettled = this.#inspector?.isSettled ?? false;
    const isLate = !isSettled && now - this.#started > settleMs;
    const refusedFor = now - this.#refusedAt;
    if (this.#step === "refused" && this.#denial !== null && refusedFor > firstByteMs) this.#stream.reset();
    else if (this.#step === "refused" ? refusedFor > lingerMs : isLate) this.#stream.reset();
    else if (now - this.#lastMoved > idleMs) this.#stream.reset();
  }

  onData(piece: Buffer): void {
    this.#lastMoved = Date.now();
    this.#firstByte ??= piece[0];
    if (this.#step === "refused") {
      this.#stream.consumed(piece.length);
      this.#sayNo();
    } else if (this.#step === "proxy") this.#readProxy(piece);
    else this.#inspect(piece);
  }

  onEnd(): void {
    this.#clientEnded = true;
    if (this.#step !== "open") this.#stream.end();
    else if (this.#toServer.length === 0) this.#socket?.end();
  }

  onDrain(): void {
    this.#socket?.resume();
  }

  // Many clients say what they did not trust, and leave before it was read.
  onReset(): void {
    const reason = this.#step === "open" ? (this.#unfinished?.() ?? null) : null;
    if (reason !== null) this.#refuse({ decision: "failed", rule: this.#outcome.rule, reason });
  }

  onClose(clean: boolean): void {
    this.#abort.abort();
    if (this.#socket !== null) closeSocket(this.#socket, clean);
    const { connection, name, port, via, address } = this.#facts();
    const { decision, rule, reason } = this.#outcome;
    this.#house.done(this, {
      connection,
      name,
      port,
      via,
      address,
      decision,
      rule,
      reason,
      bytesOut: this.#bytesOut,
      bytesIn: this.#bytesIn,
      milliseconds: Date.now() - this.#started,
    });
  }

  #facts(): OpenedConnection {
    return {
      connection: this.#number,
      name: this.#host?.text ?? this.#stream.claim?.name ?? "",
      port: this.#port,
      via: this.#protocol === "direct" ? "direct" : "proxy",
      address: this.#address,
      rule: this.#outcome.rule,
    };
  }

  #direct(name: string, port: number): void {
    this.#port = port;
    const host = canonicalHost(name);
    if (host === null) this.#refuse({ decision: "denied", rule: "names", reason: "no host has that name" });
    else this.#open(host, port);
  }

  #open(host: Host, port: number): void {
    this.#step = "open";
    this.#host = host;
    this.#port = port;
    this.#inspector = inspectorFor(host, port);
    void this.#connect(host, port);
  }

  async #connect(host: Host, port: number): Promise<void> {
    const { signal } = this.#abort;
    const admission = await this.#house.admit(host, port, { from: this.#stream.claim?.peerPort ?? 0, signal });
    if (signal.aborted) return;
    const { rule } = admission;
    if (admission.verdict !== "allowed") {
      this.#refuse({ decision: admission.verdict, rule, reason: admission.reason });
      return;
    }
    this.#outcome = { decision: "allowed", rule, reason: null };
    const broken = (reason: string): void => this.#refuse({ decision: "failed", rule, reason });
    const { addresses } = admission;
    const dialled = await this.#house.connect(host, port, { addresses, signal, broken });
    if (typeof dialled === "string") {
      if (!signal.aborted && this.#step === "open") this.#refuse({ decision: "failed", rule, reason: dialled });
      return;
    }
    this.#address = dialled.address;
    this.#unfinished = dialled.unfinished;
    if (signal.aborted || this.#step !== "open") dialled.socket.destroy();
    else this.#join(dialled.socket);
  }

  #join(socket: Duplex): void {
    this.#socket = socket;
    this.#isJoined = true;
    this.#house.opened(this.#facts());
    if (this.#protocol === "http") this.#stream.write(established);
    if (this.#protocol === "socks") this.#stream.write(socksReply(0));
    socket.on("data", (chunk: Buffer) => this.#answer(chunk));
    socket.on("end", () => this.#stream.end());
    socket.on("error", () => this.#stream.reset());
    const waiting = this.#toServer;
    this.#toServer = [];
    for (const { bytes, owed } of waiting) this.#write(bytes, owed);
    if (this.#clientEnded) socket.end();
  }

  #answer(chunk: Buffer): void {
    this.#lastMoved = Date.now();
    this.#bytesIn += chunk.length;
    for (const bytes of this.#inspector?.answer?.(chunk) ?? []) this.#write(bytes, bytes.length);
    if (!this.#stream.write(chunk)) this.#socket?.pause();
  }

  #inspect(piece: Buffer, credited = false): void {
    if (this.#inspector === null) return;
    const { forward, violation } = this.#inspector.inspect(piece);
    if (!credited) this.#owed += piece.length;
    for (const [index, bytes] of forward.entries()) {
      const owed = index === forward.length - 1 ? this.#owed : 0;
      this.#owed -= owed;
      this.#write(bytes, owed);
    }
    if (violation === null) return;
    // Nothing more may follow what was already sent: the server sees a broken connection, not a finished request.
    this.#socket?.destroy();
    this.#socket = null;
    this.#refuse({ decision: "denied", rule: this.#outcome.rule, reason: violation });
  }

  #write(bytes: Buffer, owed: number): void {
    if (this.#socket === null) {
      this.#toServer.push({ bytes, owed });
      return;
    }
    this.#bytesOut += bytes.length;
    this.#socket.write(bytes, () => void (owed > 0 && this.#stream.consumed(owed)));
  }

  #readProxy(piece: Buffer): void {
    this.#held.push(piece);
    this.#heldLength += piece.length;
    this.#stream.consumed(piece.length);
    // An HTTP head is not looked at before a line ends.
    if (this.#firstByte !== 5 && !piece.includes(10) && this.#heldLength < maxProxyHead) return;
    let bytes = Buffer.concat(this.#held);
    let request = readProxyRequest(bytes, this.#greeted);
    while (request.kind === "more" && request.reply !== null) {
      this.#greeted = true;
      this.#stream.write(request.reply);
      bytes = bytes.subarray(request.used);
      request = readProxyRequest(bytes, true);
    }
    this.#held = [bytes];
    this.#heldLength = bytes.length;
    if (request.kind !== "more") this.#takeProxy(request, bytes);
  }

  #takeProxy(request: Exclude<ProxyRequest, { kind: "more" }>, bytes: Buffer): void {
    this.#held = [];
    if (request.kind === "bad") {
      this.#refuse({ decision: "denied", rule: "proxy", reason: request.why }, request.reply);
      return;
    }
    const rest = bytes.subarray(request.used);
    this.#protocol = request.kind === "request" ? "request" : request.protocol;
    this.#open(request.host, request.port);
    // These bytes were credited when they came.
    const first = request.kind === "request" ? Buffer.concat([request.head, rest]) : rest;
    if (first.length > 0) this.#inspect(first, true);
  }

  #refuse(outcome: Outcome, reply: Buffer | null = null): void {
    if (this.#step === "refused") return;
    this.#step = "refused";
    this.#outcome = outcome;
    this.#refusedAt = Date.now();
    this.#inspector = null;
    this.#toServer = [];
    const where = this.#host === null ? "" : `${this.#host.text}:${this.#port} `;
    this.#denial = `the network policy refused ${where}(${outcome.reason ?? outcome.rule})`;
    if (!this.#house.isProof(this.#host?.text ?? ""))
      this.#stream.explain(
        `${new Date().toISOString()} ${outcome.decision}: ${where}${outcome.reason ?? outcome.rule}`,
      );
    if (reply !== null) this.#last(reply);
    else if (this.#protocol === "http" || this.#protocol === "socks") this.#refuseTunnel(outcome);
    else if (outcome.decision === "failed") this.#stream.reset();
    else if (this.#port === 22 || this.#firstByte !== undefined) this.#sayNo();
  }

  #refuseTunnel({ decision }: Outcome): void {
    const status = decision === "failed" ? "502 Bad Gateway" : "403 Forbidden";
    if (this.#isJoined || this.#protocol === "direct" || this.#protocol === "request") this.#sayNo();
    else this.#last(refuseProxyRequest(this.#protocol, status, this.#denial ?? ""));
  }

  #sayNo(): void {
    if (this.#denial === null) return;
    const answer = denialFor(this.#port, this.#firstByte, this.#denial);
    if (answer === null) this.#stream.reset();
    else this.#last(answer);
  }

  #last(bytes: Buffer): void {
    this.#denial = null;
    this.#stream.write(bytes);
    this.#stream.end();
  }
}
