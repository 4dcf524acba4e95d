import { readClientHello } from "./client-hello.js";
import { canonicalHost, type Host } from "./host-name.js";
import { HttpGuard } from "./http-guard.js";
import type { Inspected, Inspector } from "./inspection.js";

const nothing: Inspected = { forward: [], violation: null };
const refuse = (violation: string): Inspected => ({ forward: [], violation });

/** A TLS client must ask for the name that was allowed; after that nothing can be seen, and nothing is looked at. */
class TlsInspector implements Inspector {
  readonly #host: Host;
  #held: Buffer[] = [];
  #length = 0;
  #need = 5;
  isSettled = false;

  constructor(host: Host) {
    this.#host = host;
  }

  inspect(piece: Buffer): Inspected {
    if (this.isSettled) return { forward: [piece], violation: null };
    this.#held.push(piece);
    this.#length += piece.length;
    if (this.#length < this.#need && this.#held.length < 1_000) return nothing;
    const bytes = Buffer.concat(this.#held);
    this.#held = [bytes];
    const hello = readClientHello(bytes);
    if (hello.state === "bad") return refuse(hello.why);
    if (hello.state === "more") {
      this.#need = hello.need;
      return nothing;
    }
    const wrong = this.#compare(hello.serverName);
    if (wrong !== null) return refuse(wrong);
    this.isSettled = true;
    this.#held = [];
    return { forward: [bytes], violation: null };
  }

  #compare(serverName: string | null): string | null {
    if (serverName === null) return this.#host.kind === "address" ? null : "TLS without a server name";
    return canonicalHost(serverName)?.text === this.#host.text
      ? null
      : `TLS for another name (${serverName.slice(0, 80)})`;
  }
}

/** An SSH client says so in its first line. */
class SshInspector implements Inspector {
  static readonly #magic = Buffer.from("SSH-");
  #held = Buffer.alloc(0);
  isSettled = false;

  inspect(piece: Buffer): Inspected {
    if (this.isSettled) return { forward: [piece], violation: null };
    this.#held = Buffer.concat([this.#held, piece]);
    const length = Math.min(this.#held.length, SshInspector.#magic.length);
    if (!this.#held.subarray(0, length).equals(SshInspector.#magic.subarray(0, length))) return refuse("it is not SSH");
    if (length < SshInspector.#magic.length) return nothing;
    this.isSettled = true;
    return { forward: [this.#held], violation: null };
  }
}

const firstWord = /^[A-Z]{1,20} /;
const maybeWord = /^[A-Z]{0,20}$/;

/** On a port of its own kind a rule trusts the protocol; TLS and HTTP must still name the host that was allowed. */
class AnyInspector implements Inspector {
  readonly #host: Host;
  readonly #port: number;
  #held = Buffer.alloc(0);
  #chosen: Inspector | null = null;

  constructor(host: Host, port: number) {
    this.#host = host;
    this.#port = port;
  }

  get isSettled(): boolean {
    return this.#chosen?.isSettled ?? true;
  }

  inspect(piece: Buffer): Inspected {
    if (this.#chosen !== null) return this.#chosen.inspect(piece);
    this.#held = Buffer.concat([this.#held, piece]);
    const start = this.#held.toString("latin1", 0, 24);
    if (this.#held[0] === 22 && (this.#held[1] ?? 3) === 3) this.#chosen = new TlsInspector(this.#host);
    else if (firstWord.test(start)) this.#chosen = new HttpGuard(this.#host, this.#port);
    else if (!maybeWord.test(start))
      this.#chosen = { isSettled: true, inspect: (each) => ({ forward: [each], violation: null }) };
    else return nothing;
    return this.#chosen.inspect(this.#held);
  }

  answer(piece: Buffer): readonly Buffer[] {
    return this.#chosen?.answer?.(piece) ?? [];
  }
}

/** Who looks at what a client sends to a host and port that were allowed. */
export function inspectorFor(host: Host, port: number): Inspector {
  if (port === 443) return new TlsInspector(host);
  if (port === 80) return new HttpGuard(host, port);
  return port === 22 ? new SshInspector() : new AnyInspector(host, port);
}
