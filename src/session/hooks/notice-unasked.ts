import type { SessionRecord } from "../../model/session.js";
import type { TrustState } from "../../model/trust.js";
import { isTrustingAll } from "../../trust/decide.js";
import type { Workbench } from "../workbench.js";

interface Place {
  readonly say: (text: string) => void;
  readonly trust: () => Promise<TrustState>;
}

// Whatever runs inside may say that it was switched, and back, and again.
const mostNoticed = 5;

/**
 * Notices that an agent was switched, inside, to asking nobody: a snapshot is taken before its next tool runs. It is told by the sandbox, so it
 * makes nothing laxer: what the session trusts stays as it was.
 */
export class UnaskedAgents {
  readonly #bench: Workbench;
  readonly #record: SessionRecord;
  readonly #place: Place;
  readonly #noticed = new Map<string, Promise<void>>();
  #count = 0;

  constructor(bench: Workbench, record: SessionRecord, place: Place) {
    this.#bench = bench;
    this.#record = record;
    this.#place = place;
  }

  /** To be waited for before the tool may run. */
  async look(agent: string, isUnasked: boolean): Promise<void> {
    if (!isUnasked) {
      this.#noticed.delete(agent);
      return;
    }
    const known = this.#noticed.get(agent);
    if (known !== undefined || this.#count >= mostNoticed) return await known;
    this.#count += 1;
    const noticing = this.#notice(agent);
    this.#noticed.set(agent, noticing);
    // Without the snapshot the tool does not run, and the next one tries again.
    noticing.catch(() => this.#noticed.delete(agent));
    await noticing;
  }

  async #notice(agent: string): Promise<void> {
    // Then a snapshot lies under it already.
    if (isTrustingAll(await this.#place.trust(), Date.now())) return;
    const { snapshotSession } = await import("../snapshot.js");
    const wish = { message: `before ${agent} asks nobody`, reason: "trust-all" } as const;
    const snapshot = await snapshotSession(this.#bench, this.#record.id, wish);
    await this.#bench.recorder(this.#record.id)({ kind: "trust.noticed", data: { agent, snapshot: snapshot.id } });
    this.#place.say(
      `${agent} was switched to asking nobody: snapshot ${snapshot.id} lies under it, and what Airlock asks about it still asks about`,
    );
  }
}
