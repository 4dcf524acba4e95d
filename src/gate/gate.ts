import type { ConnectionRecord, OpenedConnection } from "../model/network.js";
import type { WireStream } from "../wire/stream.js";
import { Admissions, type OnAsk, type PolicySource } from "./admission.js";
import { Connection, type GateHouse } from "./connection.js";
import { dial } from "./dial.js";
import type { Interceptor } from "./interceptor.js";
import { type Lookup, Resolver } from "./resolver.js";

/** What the gate needs of the session. */
export interface GateOptions {
  readonly policy: PolicySource;
  readonly lookup: Lookup;
  /** Takes note of a connection that was made. */
  readonly opened: (opened: OpenedConnection) => void;
  /** Takes note of a connection that is over. */
  readonly record: (record: ConnectionRecord) => void;
  readonly onAsk: OnAsk;
  /** Ends some connections here, in the place of the host that they are for. */
  readonly interceptor?: Interceptor | undefined;
  /** Names of connections that are made to prove the gate: each once, neither recorded nor told of inside. */
  readonly proofs?: Set<string>;
  /** Called when there were connections and none has been for a while. */
  readonly onIdle?: () => void;
}

const tickMs = 1_000;
const idleMs = 3_000;

/** The host end of the wire: every stream that the sandbox opens is one connection, decided here and made from here. */
export class Gate implements Disposable {
  readonly #house: GateHouse;
  readonly #connections = new Set<Connection>();
  readonly #timer: NodeJS.Timeout;
  readonly #onIdle: () => void;
  #count = 0;
  #seen = 0;
  #idleSince = 0;

  constructor(options: GateOptions) {
    const {
      policy,
      lookup,
      opened,
      record,
      onAsk,
      interceptor,
      proofs = new Set(),
      onIdle = () => undefined,
    } = options;
    this.#onIdle = onIdle;
    const admissions = new Admissions(policy, new Resolver(lookup), onAsk);
    this.#house = {
      async admit(host, port, wanting) {
        const rule = interceptor?.endingOf(host, port)?.rule ?? null;
        if (rule !== null) return { verdict: "allowed", rule, addresses: [] };
        return await admissions.admit(host, port, wanting);
      },
      connect(host, port, { addresses, signal, broken }) {
        const ending = interceptor?.endingOf(host, port) ?? null;
        return ending === null ? dial(addresses, port, signal) : ending.connect(addresses, broken);
      },
      isProof: (name) => proofs.has(name),
      opened: (facts) => void (proofs.has(facts.name) || opened(facts)),
      done: (connection, outcome) => {
        this.#connections.delete(connection);
        if (!proofs.delete(outcome.name)) record(outcome);
      },
    };
    this.#timer = setInterval(() => this.#tick(Date.now()), tickMs).unref();
  }

  /** Takes a stream that the hatch opened. */
  open(stream: WireStream): void {
    const connection = new Connection(stream, this.#house, ++this.#count);
    this.#connections.add(connection);
    connection.begin();
  }

  #tick(now: number): void {
    for (const connection of [...this.#connections]) connection.tick(now);
    if (this.#connections.size > 0 || this.#count !== this.#seen) this.#idleSince = now;
    this.#seen = this.#count;
    if (this.#idleSince === 0 || now - this.#idleSince < idleMs) return;
    this.#idleSince = 0;
    this.#onIdle();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
