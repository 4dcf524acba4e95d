import { setTimeout as sleep } from "node:timers/promises";
import { isAirlockError } from "../../base/errors.js";
import type { JournalEntry } from "../../journal/entry.js";
import { readJournal } from "../../journal/read.js";
import type { SessionRecord } from "../../model/session.js";
import { journalPaths } from "../home.js";
import { type LiveState, liveState } from "../status.js";
import { listSessions } from "../store.js";
import { waitingQuestions } from "../tools/ask-session.js";
import { currentTrust } from "../tools/trust-all.js";
import type { Workbench } from "../workbench.js";

/** What a session is doing now. Null: it is not known, as with an engine that does not answer. */
export interface Observation {
  readonly id: string;
  readonly project: string;
  readonly command: readonly string[] | null;
  readonly state: LiveState;
  readonly createdAt: string;
  /** Milliseconds since the epoch at which trust in everything ends; null: there is none. */
  readonly trustAllUntil: number | null;
  readonly waiting: number;
  /** Of one CPU, in percent, since the last look. */
  readonly cpuPercent: number | null;
  readonly memoryBytes: number | null;
  readonly processes: number | null;
  readonly diskBytes: number | null;
  readonly connections: number;
  /** The last things that its journal tells, oldest first. */
  readonly events: readonly SeenEvent[];
}

export interface SeenEvent {
  readonly at: string;
  readonly kind: string;
  /** The words that say what it was about. */
  readonly about: string;
}

const keptEvents = 20;
const maxOpen = 10_000;
const diskEveryMs = 10_000;
const lookMs = 300;
const told = ["tool", "decision", "verdict", "name", "host", "operation", "reason", "snapshot", "apply"];

/** What a journal tells of the present. */
class JournalView {
  readonly events: SeenEvent[] = [];
  readonly #open = new Set<unknown>();

  see({ at, kind, data }: JournalEntry): void {
    if (kind === "network.connect" && this.#open.size < maxOpen) this.#open.add(data["connection"]);
    if (kind === "network.connection") this.#open.delete(data["connection"]);
    if (kind === "sandbox.end") this.#open.clear();
    const words = told.map((key) => data[key]).filter((word) => typeof word === "string" && word !== "");
    this.events.push({ at, kind, about: words.join(" ").slice(0, 200) });
    if (this.events.length > keptEvents) this.events.shift();
  }

  get connections(): number {
    return this.#open.size;
  }
}

interface Watched {
  readonly view: JournalView;
  cpu: { readonly nanos: number; readonly at: number } | null;
  disk: { readonly bytes: number | null; readonly at: number } | null;
}

/** Looks at running sessions again and again; what costs is looked at less often. */
export class Observer implements Disposable {
  readonly #bench: Workbench;
  readonly #watched = new Map<string, Watched>();
  readonly #over = new AbortController();

  constructor(bench: Workbench) {
    this.#bench = bench;
  }

  [Symbol.dispose](): void {
    this.#over.abort();
  }

  /** Every session that is not over, newest first; of one project where one is given. */
  async look(project: string | undefined): Promise<Observation[]> {
    const records = await listSessions(this.#bench.home, () => undefined);
    const running = records.filter(
      (record) => record.state === "running" && (project === undefined || record.project.path === project),
    );
    const ids = new Set(running.map(({ id }) => id));
    for (const id of this.#watched.keys()) if (!ids.has(id)) this.#watched.delete(id);
    return await Promise.all(running.map((record) => this.#observe(record)));
  }

  async #observe(record: SessionRecord): Promise<Observation> {
    const { id, project, command, createdAt } = record;
    const watched = await this.#watch(id);
    const state = await liveState(this.#bench, record);
    const [stats, disk, waiting, trustAllUntil] = await Promise.all([
      this.#stats(record, watched),
      this.#disk(id, watched, state),
      waitingQuestions(this.#bench.home, id),
      this.#trust(record),
    ]);
    const { connections, events } = watched.view;
    return {
      id,
      project: project.path,
      command,
      state,
      createdAt,
      trustAllUntil,
      waiting: waiting.length,
      ...stats,
      diskBytes: disk,
      connections,
      events: [...events],
    };
  }

  // What was written until now is read at once, what comes later as it comes.
  async #watch(id: string): Promise<Watched> {
    const known = this.#watched.get(id);
    if (known !== undefined) return known;
    const watched: Watched = { view: new JournalView(), cpu: null, disk: null };
    this.#watched.set(id, watched);
    const { journal } = journalPaths(this.#bench.home, id);
    const more = async (): Promise<boolean> => {
      await sleep(lookMs, undefined, { signal: this.#over.signal, ref: false }).catch(() => undefined);
      return !this.#over.signal.aborted && this.#watched.get(id) === watched;
    };
    await new Promise<void>((resolve) => {
      const awaitMore = (): Promise<boolean> => {
        resolve();
        return more();
      };
      const follow = async (): Promise<void> => {
        for await (const entry of readJournal(journal, awaitMore)) watched.view.see(entry);
      };
      // A damaged journal decides nothing here: airlock log --verify tells of it.
      follow()
        .catch(() => undefined)
        .finally(resolve);
    });
    return watched;
  }

  async #stats(
    { container }: SessionRecord,
    watched: Watched,
  ): Promise<Pick<Observation, "cpuPercent" | "memoryBytes" | "processes">> {
    const none = { cpuPercent: null, memoryBytes: null, processes: null };
    if (container === null) return none;
    try {
      const stats = await (await this.#bench.engine()).containerStats(container);
      if (stats === null) return none;
      const at = performance.now();
      const before = watched.cpu;
      watched.cpu = { nanos: stats.cpuNanoseconds, at };
      const passed = before === null ? 0 : at - before.at;
      const cpuPercent =
        before === null || passed <= 0 ? null : Math.max(0, (stats.cpuNanoseconds - before.nanos) / 1e6 / passed) * 100;
      return { cpuPercent, memoryBytes: stats.memoryBytes, processes: stats.processes };
    } catch (error) {
      if (isAirlockError(error) && error.code.startsWith("E_ENGINE")) return none;
      throw error;
    }
  }

  async #disk(id: string, watched: Watched, state: LiveState): Promise<number | null> {
    const now = performance.now();
    if (watched.disk !== null && now - watched.disk.at < diskEveryMs) return watched.disk.bytes;
    watched.disk = { bytes: watched.disk?.bytes ?? null, at: now };
    if (state === "unknown") return null;
    try {
      watched.disk = { bytes: (await (await this.#bench.keeper()).usage(id)).bytes, at: now };
    } catch (error) {
      if (!isAirlockError(error)) throw error;
    }
    return watched.disk.bytes;
  }

  async #trust(record: SessionRecord): Promise<number | null> {
    try {
      return (await currentTrust(this.#bench, record)).trustAll?.until ?? null;
    } catch (error) {
      if (isAirlockError(error)) return null;
      throw error;
    }
  }
}
