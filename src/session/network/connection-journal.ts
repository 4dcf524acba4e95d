import type { JournalEvent, RecordEvent } from "../../model/journal.js";
import type { ConnectionRecord, OpenedConnection } from "../../model/network.js";

const gatherMs = 50;
const maxWaiting = 5_000;
const repeatMs = 10_000;
const maxRepeats = 1_000;

interface Repeat {
  times: number;
  readonly record: ConnectionRecord;
}

/**
 * Writes a line when a connection is made and one when it is over, gathered so that a burst of them costs the disk one wait; one that is
 * over by then needs the second only. A refusal that is repeated is written once and then counted: an agent that hammers at a
 * closed door must not fill the journal.
 */
export class ConnectionJournal implements AsyncDisposable {
  readonly #record: RecordEvent;
  readonly #onFailure: (error: unknown) => void;
  readonly #repeats = new Map<string, Repeat>();
  #waiting: JournalEvent[] = [];
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;

  constructor(record: RecordEvent, onFailure: (error: unknown) => void) {
    this.#record = record;
    this.#onFailure = onFailure;
  }

  /** Takes note of a connection that was made. */
  open(opened: OpenedConnection): void {
    this.note("network.connect", { ...opened });
  }

  /** Takes note of a connection that is over. */
  add(record: ConnectionRecord): void {
    // What was connected to and cut off after is no mere knocking.
    const isRefusal = record.decision === "denied" && record.address === null;
    if (!isRefusal || !this.#isRepeated(record)) this.note("network.connection", { ...record });
  }

  note(kind: string, data: Readonly<Record<string, unknown>>): void {
    this.#waiting.push({ kind, data });
    if (this.#waiting.length > maxWaiting)
      this.#onFailure(new Error("connections end faster than they can be recorded"));
    this.#timer ??= setTimeout(() => this.#write(), gatherMs);
  }

  #isRepeated(record: ConnectionRecord): boolean {
    const key = `${record.name}:${record.port} ${record.reason}`;
    const known = this.#repeats.get(key);
    if (known !== undefined) {
      known.times += 1;
      return true;
    }
    // Thousands of different refusals are repeats of one another, too.
    const shared = this.#repeats.size >= maxRepeats ? "others" : key;
    const others = this.#repeats.get(shared);
    if (others !== undefined) {
      others.times += 1;
      return true;
    }
    this.#repeats.set(shared, { times: 0, record });
    setTimeout(() => this.#settle(shared), repeatMs).unref();
    return false;
  }

  #settle(key: string): void {
    const repeat = this.#repeats.get(key);
    this.#repeats.delete(key);
    if (repeat === undefined || repeat.times === 0) return;
    const { name, port, rule, reason } = repeat.record;
    const what =
      key === "others" ? { name: "(many)", port: 0, rule: "", reason: "refused" } : { name, port, rule, reason };
    this.note("network.refusals", { ...what, times: repeat.times });
  }

  #write(): void {
    this.#timer = null;
    const ends = this.#waiting.filter(({ kind }) => kind === "network.connection");
    const over = new Set(ends.map(({ data }) => data?.["connection"]));
    const events = this.#waiting.filter(
      ({ kind, data }) => kind !== "network.connect" || !over.has(data?.["connection"]),
    );
    this.#waiting = [];
    this.#writing = this.#writing.then(() => this.#record(...events)).catch(this.#onFailure);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const key of [...this.#repeats.keys()]) this.#settle(key);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#write();
    await this.#writing;
  }
}
