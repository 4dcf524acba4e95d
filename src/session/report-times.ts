import type { JournalEntry } from "../journal/entry.js";

/** A recording of a terminal, as the journal tells of it. */
export interface ReportCast {
  readonly cast: string;
  readonly at: string;
  /** Else it goes on, or its terminal was killed. */
  isEnded: boolean;
  /** Null: it is not known. */
  seconds: number | null;
  bytes: number | null;
  /** Why it ended before its terminal did. */
  cut: string | null;
}

interface OpenCast {
  readonly cast: ReportCast;
  /** The value of the journal's second clock when it began. */
  readonly up: number;
}

interface Place {
  readonly cast: string;
  readonly seconds: number;
}

const number = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);
const round = (seconds: number): number => Number(seconds.toFixed(3));

/** Adds up what took how long, and knows the recordings. */
export class ReportTimes {
  readonly casts: ReportCast[] = [];
  readonly #open = new Map<unknown, OpenCast>();
  readonly #began = new Map<unknown, number>();
  #last: JournalEntry | null = null;
  #seconds = 0;
  #toolSeconds = 0;
  #commandSeconds = 0;

  /** Takes note of the next entry; what comes back is its place in the recordings that are being made. */
  see(entry: JournalEntry): Place[] {
    this.#seconds += this.#since(entry);
    this.#last = entry;
    const { kind, data } = entry;
    if (kind === "tool.result") this.#toolSeconds += Math.max(0, number(data["ms"])) / 1_000;
    this.#seeCommand(kind, data);
    this.#seeCast(entry);
    return [...this.#open.values()].map(({ cast, up }) => ({
      cast: cast.cast,
      seconds: round(Math.max(0, (entry.up ?? up) - up) / 1_000_000),
    }));
  }

  totals(): { readonly seconds: number; readonly toolSeconds: number; readonly commandSeconds: number } {
    return {
      seconds: round(this.#seconds),
      toolSeconds: round(this.#toolSeconds),
      commandSeconds: round(this.#commandSeconds),
    };
  }

  // The clock that nobody sets counts; where it began anew, with the machine, the time of day must do.
  #since({ at, up }: JournalEntry): number {
    const last = this.#last;
    if (last === null) return 0;
    if (up !== undefined && last.up !== undefined && up >= last.up) return (up - last.up) / 1_000_000;
    return Math.max(0, Date.parse(at) - Date.parse(last.at)) / 1_000;
  }

  // The command of a run begins where its wall is proved, and has no number.
  #seeCommand(kind: string, data: JournalEntry["data"]): void {
    const isRun = kind === "wall.proved" && Array.isArray(data["command"]);
    if (kind === "command.start" || isRun) this.#began.set(data["exec"], this.#seconds);
    if (kind !== "command.end") return;
    this.#commandSeconds += this.#seconds - (this.#began.get(data["exec"]) ?? this.#seconds);
    this.#began.delete(data["exec"]);
  }

  #seeCast({ kind, at, data }: JournalEntry): void {
    const name = data["cast"];
    if (typeof name !== "string") return;
    if (kind === "cast.start") {
      const cast: ReportCast = { cast: name, at, isEnded: false, seconds: null, bytes: null, cut: null };
      this.casts.push(cast);
      this.#open.set(name, { cast, up: number(data["up"]) });
    }
    const open = this.#open.get(name);
    if (kind !== "cast.end" || open === undefined) return;
    this.#open.delete(name);
    open.cast.isEnded = true;
    open.cast.seconds = number(data["seconds"]);
    open.cast.bytes = number(data["bytes"]);
    open.cast.cut = typeof data["cut"] === "string" ? data["cut"] : null;
  }
}
