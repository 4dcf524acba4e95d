import * as z from "zod/mini";
import { AirlockError, type ErrorCode, messageOf } from "../base/errors.js";

const hex64 = z.string().check(z.regex(/^[0-9a-f]{64}$/));
const count = z.int().check(z.nonnegative());

const counted = z.record(z.string(), z.strictObject({ bytes: count, entries: count }));

const space = {
  bytes: count,
  entries: count,
  layers: counted,
  freeBytes: count,
  freeInodes: count,
};

export const schemas = {
  done: z.looseObject({ done: z.literal(true) }),
  failed: z.strictObject({ failed: z.strictObject({ code: z.string(), message: z.string() }) }),
  error: z.strictObject({ error: z.strictObject({ code: z.string(), message: z.string() }) }),
  sessions: z.strictObject({ sessions: z.array(z.string()) }),
  hash: z.strictObject({ path: z.string(), sha256: z.nullable(hex64) }),
  fetched: z.strictObject({ path: z.string(), size: z.nullable(count) }),
  hole: z.strictObject({ hole: count }),
  head: z.strictObject({ path: z.string(), head: z.nullable(z.base64()) }),
  exists: z.strictObject({ done: z.literal(true), exists: z.boolean() }),
  record: z.strictObject({ done: z.literal(true), record: z.record(z.string(), z.unknown()) }),
  snapshots: z.strictObject({ done: z.literal(true), snapshots: z.array(z.string()) }),
  snapshot: z.strictObject({ done: z.literal(true), files: count, bytes: count, manifestSha256: hex64 }),
  uploaded: z.strictObject({ done: z.literal(true), entries: count, bytes: count }),
  stamp: z.strictObject({ done: z.literal(true), stamp: hex64, entries: count }),
  usage: z.strictObject({ done: z.literal(true), ...space }),
  saved: z.strictObject({ done: z.literal(true), snapshots: counted, bases: counted }),
  watch: z.strictObject({ exceeded: z.nullable(z.enum(["limit", "reserve"])), ...space }),
} as const;

/** What a session's layers take, and what is left on the engine's disk. */
export interface Usage {
  readonly bytes: number;
  readonly entries: number;
  readonly freeBytes: number;
  readonly freeInodes: number;
  /** The same by layer. */
  readonly layers: Counted;
}

type Counted = Readonly<Record<string, { readonly bytes: number; readonly entries: number }>>;

/** What a session's snapshots and uploaded bases take, by name. A file that several snapshots share counts a part in each. */
export interface SavedUsage {
  readonly snapshots: Counted;
  readonly bases: Counted;
}

/** The usage as `watch` tells it, and which bound it is beyond. */
export interface WatchedUsage extends Usage {
  readonly exceeded: "limit" | "reserve" | null;
}

/** What a snapshot holds. */
export interface SavedSnapshot {
  readonly files: number;
  readonly bytes: number;
  readonly manifestSha256: string;
}

/** Parses an answer; one that does not fit its schema is a keeper that cannot be trusted. */
export function parseAnswer<T extends z.ZodMiniType<object>>(
  schema: T,
  message: unknown,
  op: string,
): Omit<z.output<T>, "done"> {
  const parsed = z.safeParse(schema, message);
  if (parsed.success) {
    const { done: _, ...answer }: z.output<T> & { done?: unknown } = parsed.data;
    return answer;
  }
  throw new AirlockError(
    "E_KEEPER_FAILED",
    `the keeper's answer to ${op} cannot be understood: ${messageOf(parsed.error).slice(0, 300)}`,
  );
}

const codes: Readonly<Record<string, ErrorCode>> = {
  damaged: "E_SNAPSHOT_DAMAGED",
  limit: "E_LAYER_LIMIT",
  no_space: "E_DISK_FULL",
  not_found: "E_SESSION_STATE",
  exists: "E_SESSION_STATE",
  in_use: "E_SESSION_STATE",
};

// Asked of every message, of which there may be thousands.
function has(message: unknown, name: string): boolean {
  return typeof message === "object" && message !== null && name in message;
}

/** The error that the keeper answered with, as ours. */
export function errorOf(message: unknown, op: string): AirlockError | null {
  if (!has(message, "error")) return null;
  const parsed = z.safeParse(schemas.error, message);
  if (!parsed.success) return null;
  const { code, message: text } = parsed.data.error;
  return new AirlockError(codes[code] ?? "E_KEEPER_FAILED", `${op}: ${text}`, { cause: code });
}

/** Whether a message is the last of an answer. */
export function isDone(message: unknown): boolean {
  return has(message, "done") && z.safeParse(schemas.done, message).success;
}

/** Whether a message says that an upload was refused in its middle. */
export function isFailed(message: unknown): boolean {
  return has(message, "failed") && z.safeParse(schemas.failed, message).success;
}
