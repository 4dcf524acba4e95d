/** How a recording of a terminal begins: format asciicast, version 2. */
export interface CastHead {
  readonly columns: number;
  readonly rows: number;
  readonly startedAt: Date;
  readonly title: string;
  readonly term: string | undefined;
}

/** Output, a new size, a mark. Input ("i") is never recorded: it is where people type their passwords. */
export type CastCode = "o" | "r" | "m";

// A recording is shown with `cat` as well: what JSON lets through and a terminal obeys is escaped, as in the journal.
const line = (value: unknown): string =>
  `${JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )}\n`;

/** The first line of a recording. */
export function castHeader({ columns, rows, startedAt, title, term }: CastHead): string {
  const timestamp = Math.floor(startedAt.getTime() / 1_000);
  const env = term === undefined ? {} : { env: { TERM: term } };
  return line({ version: 2, width: columns, height: rows, timestamp, title, ...env });
}

/** One event of a recording, `seconds` after its beginning. */
export function castEvent(seconds: number, code: CastCode, data: string): string {
  return line([Number(seconds.toFixed(6)), code, data]);
}

/**
 * How long a recording lasts, by the end of its file: the time of its last whole event. What follows it was torn off when the
 * machine or the disk failed. Null: there is none.
 */
export function castSeconds(tail: string): number | null {
  for (const each of tail
    .slice(0, tail.lastIndexOf("\n") + 1)
    .split("\n")
    .reverse()) {
    const [, seconds] = /^\[(\d+(?:\.\d+)?),/.exec(each) ?? [];
    if (seconds !== undefined) return Number(seconds);
  }
  return null;
}
