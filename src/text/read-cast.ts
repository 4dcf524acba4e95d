import type { CastCode } from "./asciicast.js";

/** A recording as it was begun. */
export interface CastStart {
  readonly columns: number;
  readonly rows: number;
  readonly title: string;
  /** Seconds since the epoch. */
  readonly timestamp: number;
  readonly term: string | undefined;
}

export interface CastEvent {
  readonly seconds: number;
  readonly code: CastCode;
  readonly data: string;
}

const largestScreen = 1_000;

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

const isSize = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= largestScreen;

// A terminal that nobody has given a size says 0; programs take it for this one.
const usual = { columns: 80, rows: 24 } as const;

/** The first line of a recording; null: it is none of version 2. */
export function readCastHead(line: string): CastStart | null {
  const found = parse(line);
  if (typeof found !== "object" || found === null || Array.isArray(found)) return null;
  const { version, width, height, title, timestamp, env } = found as Record<string, unknown>;
  const [columns, rows] = [width === 0 ? usual.columns : width, height === 0 ? usual.rows : height];
  if (version !== 2 || !isSize(columns) || !isSize(rows)) return null;
  const term = typeof env === "object" && env !== null ? (env as Record<string, unknown>)["TERM"] : undefined;
  return {
    columns,
    rows,
    title: typeof title === "string" ? title : "",
    timestamp: typeof timestamp === "number" && Number.isSafeInteger(timestamp) ? timestamp : 0,
    term: typeof term === "string" ? term : undefined,
  };
}

const codes: readonly unknown[] = ["o", "r", "m"] satisfies CastCode[];

/** One event of a recording; null: it is torn, or of a kind that is never played. */
export function readCastEvent(line: string): CastEvent | null {
  const found = parse(line);
  if (!Array.isArray(found)) return null;
  const [seconds, code, data]: unknown[] = found;
  if (typeof seconds !== "number" || !Number.isFinite(seconds) || seconds < 0) return null;
  return codes.includes(code) && typeof data === "string" ? { seconds, code: code as CastCode, data } : null;
}

/** The size that an event of code `r` tells; null: it tells none. */
export function readCastSize(data: string): { readonly columns: number; readonly rows: number } | null {
  const [, columns, rows] = /^(\d{1,4})x(\d{1,4})$/.exec(data) ?? [];
  const size = { columns: Number(columns), rows: Number(rows) };
  return isSize(size.columns) && isSize(size.rows) ? size : null;
}
