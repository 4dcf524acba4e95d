import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { hrtime } from "node:process";
import { promisify } from "node:util";
import { AirlockError, messageOf, systemCodeOf } from "../base/errors.js";
import { takeLock } from "../base/file-lock.js";
import type { KnownValues } from "../base/known-values.js";
import type { JournalEvent } from "../model/journal.js";
import { cutKind, formatEntry, type JournalEntry, type Moment, makeEntry } from "./entry.js";
import { lastPart, partPath } from "./parts.js";

// Large enough that few sessions ever have a second one.
const usualPartBytes = 32 * 1024 * 1024;

// Most entries are short: the longest is looked for only where none ends in the first piece.
const shortTail = 8 * 1024;
const longTail = 1024 * 1024;

interface Tail {
  readonly last: Pick<JournalEntry, "seq" | "hash"> | null;
  /** Length of the file up to its last whole line. */
  readonly wholeBytes: number;
  readonly size: number;
}

function readTail(file: number): Tail {
  const { size } = fstatSync(file);
  const tail = findTail(file, size, shortTail) ?? findTail(file, size, longTail);
  if (tail === null) throw new Error("its last line is too long");
  return tail;
}

function findTail(file: number, size: number, length: number): Tail | null {
  const start = Math.max(0, size - length);
  const buffer = Buffer.alloc(size - start);
  readSync(file, buffer, 0, buffer.length, start);
  const end = buffer.lastIndexOf(10) + 1;
  if (end === 0 && start === 0) return { last: null, wholeBytes: 0, size };
  const from = end < 2 ? -1 : buffer.lastIndexOf(10, end - 2);
  if (from === -1 && start > 0) return null;
  const line = buffer.subarray(from + 1, end).toString("utf8");
  const { seq, hash } = JSON.parse(line) as { seq?: unknown; hash?: unknown };
  if (typeof seq !== "number" || typeof hash !== "string") throw new Error("its last line is not an entry");
  return { last: { seq, hash }, wholeBytes: start + end, size };
}

// The head is written after what it tells of: one that knows of more than there is, knows of what was taken away since.
function cutEvents(headPath: string, { last }: Tail): JournalEvent[] {
  let head = "";
  try {
    head = readFileSync(headPath, "latin1").trim();
  } catch (error) {
    if (systemCodeOf(error) !== "ENOENT") throw error;
  }
  const [until = "", hash = ""] = head.split(" ");
  return Number(until) > (last?.seq ?? 0) ? [{ kind: cutKind, data: { until: Number(until), hash } }] : [];
}

function openOrMake(path: string, flags: string | number): number {
  try {
    return openSync(path, flags, 0o600);
  } catch (error) {
    if (systemCodeOf(error) !== "ENOENT") throw error;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return openSync(path, flags, 0o600);
  }
}

function writeAll(file: number, text: string, position: number | null): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; )
    at += writeSync(file, bytes, at, bytes.length - at, position === null ? null : position + at);
}

// The first entry of a file follows the last one of the part before.
function lastBefore(journal: string): Tail["last"] {
  const number = lastPart(journal);
  if (number === 0) return null;
  const file = openSync(partPath(journal, number), "r");
  try {
    return readTail(file).last;
  } finally {
    closeSync(file);
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

// What was not waited for is brought to the disk now: the next part must never be there without the end of this one.
function beginPart(journal: string, full: number): number {
  fdatasyncSync(full);
  renameSync(journal, partPath(journal, lastPart(journal) + 1));
  const next = openOrMake(journal, "a+");
  closeSync(full);
  return next;
}

function makeText(
  events: readonly JournalEvent[],
  before: Tail["last"],
  now: Moment,
  known: KnownValues | undefined,
): { readonly text: string; readonly last: Tail["last"] } {
  let last = before;
  let text = "";
  for (const each of events) {
    const entry = makeEntry(each, last, now, known);
    text += formatEntry(entry);
    last = entry;
  }
  return { text, last };
}

const bySureClocks = (): Moment => ({ at: new Date(), up: Number(hrtime.bigint() / 1_000n) });

// In one go, without waiting between: each of these takes microseconds, and every turn of the event loop many times that. Only the disk is waited for.
async function append(
  paths: JournalPaths,
  given: readonly JournalEvent[],
  { known, partBytes = usualPartBytes }: WriteOptions,
): Promise<void> {
  let file = openOrMake(paths.journal, "a+");
  try {
    const found = readTail(file);
    const tail = found.last === null ? { ...found, last: lastBefore(paths.journal) } : found;
    const torn = tail.size - tail.wholeBytes;
    const events = [
      ...cutEvents(paths.head, tail),
      ...(torn === 0 ? [] : [{ kind: "journal.torn", data: { bytes: torn } }]),
      ...given,
    ];
    // A crash in the middle of an append leaves half a line: it never became an entry, so it goes, and that it went is said.
    if (torn > 0) ftruncateSync(file, tail.wholeBytes);
    const isNewPart = tail.wholeBytes >= partBytes;
    if (isNewPart) file = beginPart(paths.journal, file);
    const { text, last } = makeText(events, tail.last, bySureClocks(), known);
    writeAll(file, text, null);
    if (given.some(({ isOutcome }) => isOutcome !== true)) await sync(file);
    if (isNewPart) syncFolder(dirname(paths.journal));
    if (last !== null) writeHead(paths.head, `${last.seq} ${last.hash}\n`);
  } finally {
    closeSync(file);
  }
}

const sync = promisify(fdatasync);

// Over what stands there, which is never longer: a file that is emptied first is written to the disk at once by some file systems.
function writeHead(path: string, text: string): void {
  const file = openOrMake(path, constants.O_WRONLY | constants.O_CREAT);
  try {
    writeAll(file, text, 0);
    if (fstatSync(file).size > text.length) ftruncateSync(file, text.length);
  } finally {
    closeSync(file);
  }
}

/** Where a session's journal stands; the head lies apart from it, so that cutting off the journal's end shows. */
export interface JournalPaths {
  readonly journal: string;
  readonly head: string;
}

interface WriteOptions {
  /** Values that must not be written. */
  readonly known?: KnownValues;
  /** How large a file may become before the next one is begun. */
  readonly partBytes?: number;
}

/**
 * Appends one event durably, also when several processes write at once. Rejects with `E_JOURNAL_WRITE` when that fails:
 * what cannot be recorded must not be done.
 */
export async function writeEvent(paths: JournalPaths, event: JournalEvent, options?: WriteOptions): Promise<void> {
  await writeEvents(paths, [event], options);
}

async function lockJournal(path: string): Promise<AsyncDisposable | null> {
  const lock = () => takeLock(`${path}.lock`, { waitMs: 10_000 });
  return await lock().catch(async (error: unknown) => {
    if (systemCodeOf(error) !== "ENOENT") throw error;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return await lock();
  });
}

/** Appends several events in one go: one wait for the disk, however many there are. */
export async function writeEvents(
  paths: JournalPaths,
  events: readonly JournalEvent[],
  options: WriteOptions = {},
): Promise<void> {
  if (events.length === 0) return;
  try {
    await using lock = await lockJournal(paths.journal);
    if (lock === null) throw new Error("another process has held it for 10 seconds");
    await append(paths, events, options);
  } catch (error) {
    throw new AirlockError("E_JOURNAL_WRITE", `cannot write the journal ${paths.journal}: ${messageOf(error)}`, {
      hint: "free disk space or check the folder's permissions; nothing is done that cannot be recorded",
      cause: error,
    });
  }
}
