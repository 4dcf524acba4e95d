import type { JournalEvent } from "../../model/journal.js";

const repeatMs = 10_000;
const maxReasons = 100;

/** Who is refused again and again fills no journal: the first of a kind is written down, the rest of ten seconds are counted. */
export class RefusalNotes {
  readonly #note: (event: JournalEvent) => void;
  readonly #repeats = new Map<string, number>();

  constructor(note: (event: JournalEvent) => void) {
    this.#note = note;
  }

  /** Takes note of a request that no call could be read from. */
  add(reason: string, scope: { readonly service: string; readonly region: string } | null): void {
    const data = { reason: reason.slice(0, 500), ...scope };
    const kind = JSON.stringify(data);
    const key = this.#repeats.has(kind) || this.#repeats.size < maxReasons ? kind : "";
    const times = this.#repeats.get(key);
    this.#repeats.set(key, (times ?? -1) + 1);
    if (times !== undefined) return;
    this.#note({ kind: "aws.refused", data: key === "" ? { reason: "many reasons" } : data });
    setTimeout(() => this.#settle(key, data), repeatMs).unref();
  }

  #settle(key: string, data: Readonly<Record<string, unknown>>): void {
    const times = this.#repeats.get(key) ?? 0;
    this.#repeats.delete(key);
    if (times > 0)
      this.#note({ kind: "aws.refusals", data: { ...(key === "" ? { reason: "many reasons" } : data), times } });
  }
}
