import * as z from "zod";
import { AirlockError } from "../base/errors.js";
import type { JournalEntry } from "./entry.js";
import { type AwaitMore, readLineBatches } from "./lines.js";

const maxLineLength = 4 * 1024 * 1024;

const entrySchema = z.strictObject({
  seq: z.int().positive(),
  at: z.iso.datetime(),
  up: z.int().nonnegative().exactOptional(),
  kind: z.string().max(100),
  data: z.record(z.string(), z.unknown()),
  prev: z.string().regex(/^[0-9a-f]{64}$/),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});

/** The entry that a line holds, or null. */
export function parseEntry(line: Buffer): JournalEntry | null {
  if (line.length > maxLineLength) return null;
  try {
    const parsed = entrySchema.safeParse(JSON.parse(line.toString("utf8")));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/**
 * Reads a journal's entries in order; a line that is not an entry is an error, because it may hide one. Half a line at the
 * end is not an entry yet: somebody is writing it, or died doing so. With `awaitMore` it goes on with what is written meanwhile.
 */
export async function* readJournal(path: string, awaitMore?: AwaitMore): AsyncGenerator<JournalEntry> {
  let number = 0;
  for await (const { lines } of readLineBatches(path, awaitMore)) {
    for (const line of lines) {
      number += 1;
      const entry = parseEntry(line);
      if (entry === null) {
        throw new AirlockError("E_JOURNAL_DAMAGED", `line ${number} of the journal is not an entry`, {
          hint: "airlock log --verify says where the chain breaks",
        });
      }
      yield entry;
    }
  }
}

/** The entries that are written from now on, until `awaitMore` says no. What is no entry is passed over: this decides nothing. */
export async function* followJournal(path: string, awaitMore: AwaitMore): AsyncGenerator<JournalEntry> {
  for await (const { lines } of readLineBatches(path, awaitMore, true)) {
    for (const line of lines) {
      const entry = parseEntry(line);
      if (entry !== null) yield entry;
    }
  }
}
