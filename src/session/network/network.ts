import { setTimeout as sleep } from "node:timers/promises";
import { AirlockError, messageOf } from "../../base/errors.js";
import { together } from "../../base/together.js";
import type { AskedHost } from "../../gate/admission.js";
import { Gate } from "../../gate/gate.js";
import { type HeldWire, holdWire } from "../../gate/hold-wire.js";
import { systemLookup } from "../../gate/resolver.js";
import { listenPorts } from "../../gate/rules.js";
import { WireDuplex } from "../../gateway/wire-duplex.js";
import type { JournalEvent } from "../../model/journal.js";
import type { SessionRecord } from "../../model/session.js";
import { gatewayPort, hookPort } from "../../wire/frames.js";
import type { WireStream } from "../../wire/stream.js";
import type { HeldAws } from "../aws/hold-aws.js";
import type { HookDesk } from "../hooks/hook-desk.js";
import { idleCollector } from "../idle-collector.js";
import { endAnyTrustAll } from "../tools/end-any-trust.js";
import type { Workbench } from "../workbench.js";
import { ConnectionJournal } from "./connection-journal.js";
import { endsOf } from "./ends.js";
import { hasNetwork, hatchUid } from "./hatch.js";
import type { Interception } from "./interception.js";
import { LivePolicy, loadNetwork } from "./network-file.js";
import { ProvingPolicy, proveGate } from "./prove-gate.js";

/** Told of what a person should know while the sandbox runs. */
export interface Notify {
  readonly say: (text: string) => void;
  /** Questions are asked where this is said: nobody need be told that they wait. */
  readonly asksHere: boolean;
}

const maxListened = 64;
const againMs = 1_000;

type Opener = (stream: WireStream) => void;

interface Opening {
  readonly container: string;
  readonly open: Opener;
  /** The authority that the sandbox has to trust; null: nothing ends at the gate. */
  readonly certificate: string | null;
  /** Ports that something ends here on, whatever the policy names. */
  readonly ports: readonly number[];
}

async function openWire(
  bench: Workbench,
  record: SessionRecord,
  { container, open, certificate, ports }: Opening,
): Promise<HeldWire> {
  const engine = await bench.engine();
  const uid = hatchUid(record);
  const channel = await engine.exec({
    container,
    command: ["/airlock/hatch", ...(certificate === null ? [] : ["trust", certificate])],
    user: `${uid}:${uid}`,
    workingDirectory: "/",
    tty: false,
  });
  const own = [
    ...(record.aws === undefined ? [] : [gatewayPort]),
    ...(record.hooks === true ? [hookPort] : []),
    ...ports,
  ];
  const named = hasNetwork(record)
    ? listenPorts(await loadNetwork(bench.home, record.id), maxListened - own.length)
    : [];
  const wire = holdWire(channel, [...new Set([...own, ...named])], open);
  try {
    await wire.ready;
    return wire;
  } catch (error) {
    await wire[Symbol.asyncDispose]();
    throw error;
  }
}

/** A session's network as long as it is held: gate, wire, journal. */
class HeldNetwork implements AsyncDisposable {
  readonly #bench: Workbench;
  readonly #record: SessionRecord;
  readonly #container: string;
  readonly #notify: Notify;
  readonly #closing = new AbortController();
  readonly #journal: ConnectionJournal;
  readonly #policy: ProvingPolicy;
  #gate: Gate | null = null;
  #interception: Interception | null = null;
  #wire: HeldWire | null = null;
  #aws: HeldAws | null = null;
  #hooks: Promise<HookDesk> | null = null;
  #keeping: Promise<void> = Promise.resolve();

  constructor(bench: Workbench, record: SessionRecord, container: string, notify: Notify) {
    this.#bench = bench;
    this.#record = record;
    this.#container = container;
    this.#notify = notify;
    // What cannot be recorded must not be done.
    this.#journal = new ConnectionJournal(bench.recorder(record.id), (error) => this.#seal(messageOf(error)));
    this.#policy = new ProvingPolicy(new LivePolicy(bench.home, record.id), record.network ?? "none");
  }

  async begin(): Promise<void> {
    const [aws, wire] = await together(this.#holdAws(), this.#connect());
    this.#aws = aws;
    await proveGate(wire, this.#policy);
    this.#journal.note("network.open", { mode: this.#record.network, proved: true });
    this.#keeping = this.#keep(wire).catch((error: unknown) => this.#seal(messageOf(error)));
  }

  // Most sessions have no AWS, and none of its code.
  async #holdAws(): Promise<HeldAws | null> {
    if (this.#record.aws === undefined) return null;
    const { holdAws } = await import("../aws/hold-aws.js");
    const { say, asksHere } = this.#notify;
    const note = ({ kind, data = {} }: JournalEvent): void => this.#journal.note(kind, data);
    return await holdAws(this.#bench, this.#record, { note, say, asksHere, signal: this.#closing.signal });
  }

  async #connect(): Promise<HeldWire> {
    this.#interception = await this.#intercept();
    this.#gate = new Gate({
      policy: this.#policy,
      proofs: this.#policy.proofs,
      onIdle: idleCollector(),
      lookup: systemLookup,
      opened: (each) => this.#journal.open(each),
      record: (each) => this.#journal.add(each),
      onAsk: (asked) => this.#ask(asked),
      interceptor: this.#interception ?? undefined,
    });
    this.#wire = await this.#openWire();
    return this.#wire;
  }

  // Most sessions' connections all go on as they are.
  async #intercept(): Promise<Interception | null> {
    const { keys, intercepts } = await endsOf(this.#bench, this.#record);
    if (keys.length === 0 && !intercepts) return null;
    const { openInterception } = await import("./interception.js");
    const note = ({ kind, data = {} }: JournalEvent): void => this.#journal.note(kind, data);
    const { gateway = null } = intercepts ? { gateway: () => this.#aws?.gateway ?? null } : {};
    return await openInterception(this.#bench, this.#record, { keys, note, gateway, policy: this.#policy });
  }

  #openWire(): Promise<HeldWire> {
    const open = (stream: WireStream): void => {
      const isForGateway = stream.claim?.kind === "gateway";
      if (stream.claim?.kind === "hook") this.#takeHook(new WireDuplex(stream));
      else if (isForGateway && this.#aws !== null) this.#aws.gateway.open(stream);
      else if (isForGateway || this.#gate === null) stream.reset();
      else this.#gate.open(stream);
    };
    return openWire(this.#bench, this.#record, {
      ...{ container: this.#container, certificate: this.#interception?.certificate ?? null },
      ports: this.#interception?.ports ?? [],
      open,
    });
  }

  // Most sandboxes have no agent with hooks, and none of their code.
  #takeHook(connection: WireDuplex): void {
    if (this.#record.hooks !== true) {
      connection.destroy();
      return;
    }
    this.#hooks ??= import("../hooks/hook-desk.js").then(
      ({ HookDesk }) => new HookDesk(this.#bench, this.#record, { ...this.#notify, signal: this.#closing.signal }),
    );
    this.#hooks.then((desk) => desk.take(connection)).catch(() => connection.destroy());
  }

  // A hatch that went away leaves the sandbox sealed, and gets a successor. One that broke the protocol does not.
  async #keep(first: HeldWire): Promise<void> {
    for (let wire = first; ; ) {
      const end = await wire.over;
      if (end.kind === "closed" || this.#closing.signal.aborted) return;
      if (end.kind === "broken") return this.#seal(end.error.message);
      for (let tries = 0; ; tries += 1) {
        await sleep(againMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
        if (this.#closing.signal.aborted || !(await this.#runs())) return;
        if (tries === 0) this.#journal.note("network.lost", { reason: end.error.message });
        const next = await this.#openWire().catch(() => null);
        if (next === null) continue;
        wire = next;
        break;
      }
      this.#wire = wire;
      this.#journal.note("network.back", {});
    }
  }

  async #runs(): Promise<boolean> {
    const state = await (await this.#bench.engine()).inspectContainer(this.#container);
    return state?.status === "running" || state?.status === "paused";
  }

  #seal(reason: string): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#notify.say(`the sandbox was sealed: ${reason}`);
    void this.#bench
      .recorder(this.#record.id)({ kind: "network.sealed", data: { reason } })
      .then(() => endAnyTrustAll(this.#bench, this.#record, "the sandbox was sealed"))
      .catch(() => undefined);
    void this.#wire?.[Symbol.asyncDispose]();
  }

  #ask(asked: AskedHost): void {
    const { name, port } = asked;
    if (!this.#notify.asksHere) {
      this.#notify.say(`the sandbox wants ${name}:${port}: airlock approve, in another terminal, answers within 20 s`);
    }
    import("./ask-network.js")
      .then(({ askNetwork }) =>
        askNetwork(this.#bench, this.#record, { ...asked, container: this.#container }, this.#closing.signal),
      )
      .catch((error: unknown) => this.#notify.say(`${name}:${port} stays denied: ${messageOf(error)}`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#wire?.[Symbol.asyncDispose]();
    await this.#keeping;
    await this.#aws?.[Symbol.asyncDispose]();
    await (await this.#hooks?.catch(() => null))?.[Symbol.asyncDispose]();
    this.#gate?.[Symbol.dispose]();
    await this.#journal[Symbol.asyncDispose]();
  }
}

/** Connects a running sandbox with the outside, as its policy says, until the result is disposed. */
export async function holdNetwork(bench: Workbench, record: SessionRecord, notify: Notify): Promise<AsyncDisposable> {
  if (record.container === null) throw new AirlockError("E_SESSION_STATE", `session ${record.id} has no sandbox`);
  const network = new HeldNetwork(bench, record, record.container, notify);
  try {
    await network.begin();
    return network;
  } catch (error) {
    await network[Symbol.asyncDispose]();
    throw error;
  }
}
