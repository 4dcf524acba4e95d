import { setTimeout as sleep } from "node:timers/promises";
import { addressKind } from "./addresses.js";
import type { Host } from "./host-name.js";
import { NameBudget } from "./name-budget.js";
import type { Resolver } from "./resolver.js";
import type { Decision, Rules } from "./rules.js";

/** Whether a connection may be made, and to which addresses exactly. */
export type Admission =
  | { readonly verdict: "allowed"; readonly rule: string; readonly addresses: readonly string[] }
  | { readonly verdict: "denied" | "failed"; readonly rule: string; readonly reason: string };

/** The policy as it is now; a running session's may change. */
export interface PolicySource {
  rules(): Pick<Rules, "decide">;
  /** The address that the user fixed for a name. */
  fixedAddress(name: string): string | undefined;
}

/** A host and a port that somebody is to be asked about. */
export interface AskedHost {
  readonly name: string;
  readonly port: number;
  /** The port inside that the connection comes from, as the hatch claims. */
  readonly from: number;
}

/** Told that a person is asked. */
export type OnAsk = (asked: AskedHost) => void;

/** Where a connection comes from, and how long it is wanted. */
export interface Wanting {
  readonly from: number;
  readonly signal: AbortSignal;
}

const answerMs = 20_000;
const lookMs = 250;

/** Decides about connections: policy, answer of a person, budget of names, resolution, check of the addresses. */
export class Admissions {
  readonly #policy: PolicySource;
  readonly #resolver: Resolver;
  readonly #onAsk: OnAsk;
  readonly #budget = new NameBudget();
  readonly #asking = new Set<string>();

  constructor(policy: PolicySource, resolver: Resolver, onAsk: OnAsk) {
    this.#policy = policy;
    this.#resolver = resolver;
    this.#onAsk = onAsk;
  }

  async admit(host: Host, port: number, wanting: Wanting): Promise<Admission> {
    const decision = await this.#decide(host, port, wanting);
    const { rule } = decision;
    if (decision.verdict === "ask")
      return { verdict: "denied", rule, reason: "pending: nobody has answered yet; try again" };
    if (decision.verdict === "deny") return { verdict: "denied", rule, reason: rule };
    // Looking a name up already tells whoever owns its domain what it says: thousands of names that nobody wrote down are a message.
    if (decision.open && host.kind === "name" && !this.#budget.takes(host.text, Date.now())) {
      return { verdict: "denied", rule, reason: "too many new names in a short time" };
    }
    return await this.#resolve(host, decision);
  }

  async #decide(host: Host, port: number, { from, signal }: Wanting): Promise<Decision> {
    const deadline = Date.now() + answerMs;
    for (;;) {
      const decision = this.#policy.rules().decide(host, port, Date.now());
      if (decision.verdict !== "ask" || Date.now() >= deadline || signal.aborted) return decision;
      this.#ask({ name: host.text, port, from });
      await sleep(lookMs, undefined, { ref: false });
    }
  }

  #ask(asked: AskedHost): void {
    const key = `${asked.name}:${asked.port}`;
    if (this.#asking.has(key) || this.#asking.size >= 100) return;
    this.#asking.add(key);
    setTimeout(() => this.#asking.delete(key), answerMs).unref();
    this.#onAsk(asked);
  }

  // What is checked is what is connected to: a name that leads elsewhere a moment later changes nothing.
  async #resolve(host: Host, { rule, private: mayBePrivate }: Decision): Promise<Admission> {
    const fixed = this.#policy.fixedAddress(host.text);
    const found =
      host.kind === "address" ? [host.text] : fixed === undefined ? await this.#resolver.resolve(host.text) : [fixed];
    if (found.length === 0) return { verdict: "failed", rule, reason: "there is no such name" };
    const addresses = found.filter((address) => {
      const kind = addressKind(address);
      return kind === "public" || (kind === "private" && mayBePrivate);
    });
    if (addresses.length > 0) return { verdict: "allowed", rule, addresses };
    const kinds = found.map(addressKind);
    const what = kinds.includes("private") ? "a private address" : "an address that is never connected to";
    return { verdict: "denied", rule, reason: `it leads to ${what} (${found[0]})` };
  }
}
