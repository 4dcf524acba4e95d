import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import * as z from "zod";
import { AirlockError, systemCodeOf } from "../base/errors.js";
import { genesis, hashEntry, type JournalEntry } from "./entry.js";

const maxLineLength = 4 * 1024 * 1024;

const entrySchema = z.strictObject({
  seq: z.int().positive(),
  at: z.iso.datetime(),
  kind: z.string().max(100),
  data: z.record(z.string(), z.unknown()),
  prev: z.string().regex(/^[0-9a-f]{64}$/),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});

/** What `--verify` found: the number of entries, or the first thing that is wrong. */
export type Verdict =
  | { readonly ok: true; readonly entries: number }
  | { readonly ok: false; readonly entries: number; readonly line: number; readonly problem: string };

function parseLine(line: string): JournalEntry | null {
  if (line.length > maxLineLength) return null;
  try {
    const parsed = entrySchema.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

async function* readLines(path: string): AsyncGenerator<string> {
  const stream = createReadStream(path, "utf8");
  try {
    yield* createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  } catch (error) {
    if (systemCodeOf(error) !== "ENOENT") throw error;
  } finally {
    stream.destroy();
  }
}

/** Reads a journal's entries in order; a line that is not an entry is an error, because it may hide one. */
export async function* readJournal(path: string): AsyncGenerator<JournalEntry> {
  let number = 0;
  for await (const line of readLines(path)) {
    number += 1;
    const entry = parseLine(line);
    if (entry === null) {
      throw new AirlockError("E_JOURNAL_DAMAGED", `line ${number} of the journal is not an entry`, {
        hint: "airlock log --verify says where the chain breaks",
      });
    }
    yield entry;
  }
}

function problemOf(entry: JournalEntry, expected: { readonly seq: number; readonly prev: string }): string | null {
  if (entry.seq !== expected.seq) return `entry ${entry.seq} stands where ${expected.seq} belongs`;
  if (entry.prev !== expected.prev) return `entry ${entry.seq} does not follow the one before it`;
  if (hashEntry(entry) !== entry.hash) return `entry ${entry.seq} was changed`;
  return null;
}

/**
 * Walks the whole chain. The head file, kept apart from the journal, is how a cut tail is found: a chain that simply ends
 * early is a good chain.
 */
export async function verifyJournal(path: string, headPath: string): Promise<Verdict> {
  let expected = { seq: 1, prev: genesis };
  let line = 0;
  for await (const text of readLines(path)) {
    line += 1;
    const entry = parseLine(text);
    const problem = entry === null ? "the line is not an entry" : problemOf(entry, expected);
    if (entry === null || problem !== null)
      return { ok: false, entries: line - 1, line, problem: problem ?? "unreadable" };
    expected = { seq: entry.seq + 1, prev: entry.hash };
  }
  const head = (await readFile(headPath, "utf8").catch(() => "")).trim();
  const [seq = "", hash] = head.split(" ");
  const behind =
    head !== "" && (Number(seq) >= expected.seq || (Number(seq) === expected.seq - 1 && hash !== expected.prev));
  if (behind)
    return {
      ok: false,
      entries: line,
      line: line + 1,
      problem: `entries up to ${seq} were written; the end is missing`,
    };
  return { ok: true, entries: line };
}
