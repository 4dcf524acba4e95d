import { createHash } from "node:crypto";
import type { KnownValues } from "../base/known-values.js";
import type { JournalEvent } from "../model/journal.js";
import { redactHead } from "./redact.js";

/** The hash that stands before the first entry. */
export const genesis = "0".repeat(64);

/** Says that entries were cut off before it: the head knew of them. */
export const cutKind = "journal.cut";

const maxTextLength = 4_096;
const maxDepth = 8;
const maxItems = 1_000;

/** One line of the journal; `hash` covers everything before it, so nothing can be changed, moved or cut out unseen. */
export interface JournalEntry {
  readonly seq: number;
  readonly at: string;
  /** Microseconds of a clock that nobody can set, since the machine was started; the first journals had none. */
  readonly up?: number;
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly prev: string;
  readonly hash: string;
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** The hash of an entry: over the JSON of its other fields in their fixed order. */
export function hashEntry({ seq, at, up, kind, data, prev }: Omit<JournalEntry, "hash">): string {
  return sha256(JSON.stringify({ seq, at, up, kind, data, prev }));
}

function boundText(text: string, known: KnownValues | undefined): string {
  const head = redactHead(text, maxTextLength, known);
  return text.length <= maxTextLength ? head : `${head}… (${text.length} characters, sha256 ${sha256(text)})`;
}

// A field of any length could fill the disk or hide what follows: long text keeps its head, its length and its hash.
function bound(value: unknown, depth: number, known: KnownValues | undefined): unknown {
  if (typeof value === "string") return boundText(value, known);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (depth >= maxDepth) return "…";
  if (Array.isArray(value)) {
    const kept = value.slice(0, maxItems).map((item) => bound(item, depth + 1, known));
    return value.length > maxItems ? [...kept, `… ${value.length - maxItems} more`] : kept;
  }
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, maxItems)
      .map(([key, item]) => [boundText(key, known), bound(item, depth + 1, known)]),
  );
}

/** A moment by both clocks. */
export interface Moment {
  readonly at: Date;
  /** Microseconds since the machine was started. */
  readonly up: number;
}

/** Makes the entry that follows `last`, without the values that are known to be secret. */
export function makeEntry(
  event: JournalEvent,
  last: Pick<JournalEntry, "seq" | "hash"> | null,
  { at, up }: Moment,
  known?: KnownValues,
): JournalEntry {
  // Through JSON once, so that what is hashed is what a reader will parse (undefined dropped, toJSON applied).
  const data = JSON.parse(JSON.stringify(bound(event.data ?? {}, 0, known))) as Record<string, unknown>;
  const entry = {
    seq: (last?.seq ?? 0) + 1,
    at: at.toISOString(),
    up,
    kind: event.kind,
    data,
    prev: last?.hash ?? genesis,
  };
  return { ...entry, hash: hashEntry(entry) };
}

/** The entry as the line that stands in the file. JSON escapes every control character but U+2028/9 and DEL; those are escaped here. */
export function formatEntry(entry: JournalEntry): string {
  const line = JSON.stringify(entry).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `${line}\n`;
}
