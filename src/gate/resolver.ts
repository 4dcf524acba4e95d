import { lookup } from "node:dns/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** Asks the host's own resolver; rejects or answers nothing when there is no such name. */
export type Lookup = (name: string) => Promise<readonly string[]>;

interface Known {
  readonly addresses: Promise<readonly string[]>;
  until: number;
}

const keepMs = 30_000;
const keepFailedMs = 2_000;
const patienceMs = 10_000;
const maxKnown = 2_000;

/** The host's resolver, as every other program of the user uses it. */
export const systemLookup: Lookup = async (name) => {
  const found = await lookup(name, { all: true, verbatim: true });
  return found.map(({ address }) => address);
};

/** Resolves names on the host; a name that several connections want is asked for once. */
export class Resolver {
  readonly #lookup: Lookup;
  readonly #known = new Map<string, Known>();

  constructor(ask: Lookup) {
    this.#lookup = ask;
  }

  /** The addresses of a name; none when it has none, or nobody answers in time. */
  resolve(name: string): Promise<readonly string[]> {
    const known = this.#known.get(name);
    if (known !== undefined && Date.now() < known.until) return known.addresses;
    const asked: Known = { addresses: this.#ask(name), until: Date.now() + keepMs };
    void asked.addresses.then(({ length }) => {
      if (length === 0) asked.until = Date.now() + keepFailedMs;
    });
    this.#known.delete(name);
    this.#known.set(name, asked);
    const oldest = this.#known.keys().next();
    if (this.#known.size > maxKnown && oldest.done !== true) this.#known.delete(oldest.value);
    return asked.addresses;
  }

  async #ask(name: string): Promise<readonly string[]> {
    const late = sleep(patienceMs, [], { ref: false });
    return await Promise.race([this.#lookup(name).catch(() => []), late]);
  }
}
