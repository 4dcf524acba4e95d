import { type FileHandle, mkdir, open, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { AirlockError, messageOf } from "../base/errors.js";
import { takeLock } from "../base/file-lock.js";
import type { JournalEvent } from "../model/journal.js";
import { formatEntry, type JournalEntry, makeEntry } from "./entry.js";

// Most entries are short: the longest is looked for only where none ends in the first piece.
const shortTail = 8 * 1024;
const longTail = 1024 * 1024;

interface Tail {
  readonly last: Pick<JournalEntry, "seq" | "hash"> | null;
  /** Length of the file up to its last whole line. */
  readonly wholeBytes: number;
  readonly size: number;
}

async function readTail(file: FileHandle): Promise<Tail> {
  const { size } = await file.stat();
  const tail = (await findTail(file, size, shortTail)) ?? (await findTail(file, size, longTail));
  if (tail === null) throw new Error("its last line is too long");
  return tail;
}

async function findTail(file: FileHandle, size: number, length: number): Promise<Tail | null> {
  const start = Math.max(0, size - length);
  const buffer = Buffer.alloc(size - start);
  await file.read(buffer, 0, buffer.length, start);
  const end = buffer.lastIndexOf(10) + 1;
  if (end === 0 && start === 0) return { last: null, wholeBytes: 0, size };
  const from = end < 2 ? -1 : buffer.lastIndexOf(10, end - 2);
  if (from === -1 && start > 0) return null;
  const line = buffer.subarray(from + 1, end).toString("utf8");
  const { seq, hash } = JSON.parse(line) as { seq?: unknown; hash?: unknown };
  if (typeof seq !== "number" || typeof hash !== "string") throw new Error("its last line is not an entry");
  return { last: { seq, hash }, wholeBytes: start + end, size };
}

async function append(path: string, given: readonly JournalEvent[], now: Date): Promise<JournalEntry> {
  await using file = await open(path, "a+", 0o600);
  const tail = await readTail(file);
  const events =
    tail.size === tail.wholeBytes
      ? given
      : [{ kind: "journal.torn", data: { bytes: tail.size - tail.wholeBytes } }, ...given];
  // A crash in the middle of an append leaves half a line: it never became an entry, so it goes, and that it went is said.
  if (events !== given) await file.truncate(tail.wholeBytes);
  let last = tail.last;
  let text = "";
  for (const each of events) {
    const entry = makeEntry(each, last, now);
    text += formatEntry(entry);
    last = entry;
  }
  await file.appendFile(text);
  await file.datasync();
  return last as JournalEntry;
}

/** Where a session's journal stands; the head lies apart from it, so that cutting off the journal's end shows. */
export interface JournalPaths {
  readonly journal: string;
  readonly head: string;
}

/**
 * Appends one event durably, also when several processes write at once. Rejects with `E_JOURNAL_WRITE` when that fails:
 * what cannot be recorded must not be done.
 */
export async function writeEvent(paths: JournalPaths, event: JournalEvent): Promise<void> {
  await writeEvents(paths, [event]);
}

/** Appends several events in one go: one wait for the disk, however many there are. */
export async function writeEvents(paths: JournalPaths, events: readonly JournalEvent[]): Promise<void> {
  if (events.length === 0) return;
  try {
    await mkdir(dirname(paths.journal), { recursive: true, mode: 0o700 });
    await using lock = await takeLock(`${paths.journal}.lock`, { waitMs: 10_000 });
    if (lock === null) throw new Error("another process has held it for 10 seconds");
    const entry = await append(paths.journal, events, new Date());
    await mkdir(dirname(paths.head), { recursive: true, mode: 0o700 });
    await writeFile(paths.head, `${entry.seq} ${entry.hash}\n`, { mode: 0o600 });
  } catch (error) {
    throw new AirlockError("E_JOURNAL_WRITE", `cannot write the journal ${paths.journal}: ${messageOf(error)}`, {
      hint: "free disk space or check the folder's permissions; nothing is done that cannot be recorded",
      cause: error,
    });
  }
}
