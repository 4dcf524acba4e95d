import { mkdir, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { hrtime } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf, systemCodeOf } from "../../base/errors.js";
import type { JournalEntry } from "../../journal/entry.js";
import { followJournal } from "../../journal/read.js";
import type { SessionRecord } from "../../model/session.js";
import type { Terminal } from "../../model/terminal.js";
import { castHeader } from "../../text/asciicast.js";
import { journalPaths } from "../home.js";
import type { Workbench } from "../workbench.js";
import { CastWriter } from "./cast-writer.js";
import { castsFolder } from "./killed-casts.js";

const maxCastBytes = 64 * 1024 * 1024;
const lookMs = 250;

/** What a terminal's recording is told while it runs; ended by whoever began it. */
export interface Recording extends AsyncDisposable {
  output(chunk: Buffer): void;
  resize(size: { readonly columns: number; readonly rows: number }): void;
}

/** The terminal that is recorded, and its kind. */
export interface Recorded {
  readonly terminal: Terminal;
  readonly term: string | undefined;
}

async function createCast(
  folder: string,
): Promise<{ readonly name: string; readonly file: Awaited<ReturnType<typeof open>> }> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const numbers = (await readdir(folder)).map((name) => Number.parseInt(name, 10)).filter(Number.isSafeInteger);
  for (let number = Math.max(0, ...numbers) + 1; ; number += 1) {
    const name = `${number}.cast`;
    try {
      return { name, file: await open(join(folder, name), "ax", 0o600) };
    } catch (error) {
      if (systemCodeOf(error) !== "EEXIST") throw error;
    }
  }
}

const marked = /^(?:tool\.call|question\.|trust\.|snapshot\.|apply\.done|undo\.done|network\.sealed)/;

// Names and verdicts only: what was said in detail stands in the journal, under that number.
function markOf({ seq, kind, data }: JournalEntry): string | null {
  if (!marked.test(kind)) return null;
  const words = ["tool", "decision", "verdict", "id", "snapshot", "apply"].map((key) => data[key]);
  return [`#${seq}`, kind, ...words.filter((word) => typeof word === "string")].join(" ");
}

async function markEvents(journal: string, cast: CastWriter, signal: AbortSignal): Promise<void> {
  const more = async (): Promise<boolean> => {
    await sleep(lookMs, undefined, { signal, ref: false }).catch(() => undefined);
    return !signal.aborted;
  };
  for await (const entry of followJournal(journal, more)) {
    const mark = markOf(entry);
    if (mark !== null) cast.mark(mark);
  }
}

const clock = (): number => Number(hrtime.bigint() / 1_000n);

/**
 * Records what a command shows at the terminal, for the journal's reader: output, sizes, and marks where the journal has something to
 * say. A recording that cannot be made is said in the journal; the command runs all the same.
 */
export async function recordTerminal(
  bench: Workbench,
  { id }: Pick<SessionRecord, "id">,
  { terminal, term }: Recorded,
): Promise<Recording | null> {
  const { columns = 80, rows = 24 } = terminal.stdout;
  const journal = bench.recorder(id);
  try {
    const { name, file } = await createCast(castsFolder(bench.home, id));
    const began = clock();
    const header = castHeader({ columns, rows, startedAt: new Date(), title: `airlock ${id}`, term });
    const now = (): number => (clock() - began) / 1_000_000;
    const cast = new CastWriter(file, { header, known: bench.known, maxBytes: maxCastBytes, now });
    await journal({ kind: "cast.start", data: { cast: name, up: began, columns, rows }, isOutcome: true });
    const ended = new AbortController();
    const marking = markEvents(journalPaths(bench.home, id).journal, cast, ended.signal).catch(() => undefined);
    return {
      output: (chunk) => cast.output(chunk),
      resize: (size) => cast.resize(size),
      [Symbol.asyncDispose]: async () => {
        ended.abort();
        await marking;
        const end = await cast.end();
        await journal({ kind: "cast.end", data: { cast: name, ...end }, isOutcome: true });
      },
    };
  } catch (error) {
    await journal({ kind: "cast.failed", data: { reason: messageOf(error) } });
    return null;
  }
}
