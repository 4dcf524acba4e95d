import { existsSync, readdirSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { systemCodeOf } from "../base/errors.js";

const ending = ".jsonl";

/** The path of a part of a journal that is full: `journal.1.jsonl` is the oldest; the newest entries are in `journal.jsonl`. */
export function partPath(journal: string, number: number): string {
  return `${journal.slice(0, -ending.length)}.${number}${ending}`;
}

/** The number of the newest full part; 0: there is none. */
export function lastPart(journal: string): number {
  const stem = `${basename(journal, ending)}.`;
  const numbers = readdirSync(dirname(journal))
    .filter((name) => name.startsWith(stem) && name.endsWith(ending) && name !== basename(journal))
    .map((name) => name.slice(stem.length, -ending.length))
    .filter((digits) => /^[1-9]\d{0,8}$/.test(digits))
    .map(Number);
  return Math.max(0, ...numbers);
}

/** A part of a journal, open for reading. */
export interface OpenPart extends AsyncDisposable {
  readonly file: FileHandle;
  /** Whether nothing is added to it any more. What is read after this was asked is all of it. */
  isFull(): boolean;
}

const openIfThere = (path: string): Promise<FileHandle | null> =>
  open(path, "r").catch((error: unknown) => {
    if (systemCodeOf(error) === "ENOENT") return null;
    throw error;
  });

/**
 * Opens the part of that number, which may be the one that is still written; null: there is none. It is found also when it
 * becomes full at this moment: who opened the newest file and then finds no full part of the number, has that part.
 */
export async function openPart(journal: string, number: number): Promise<OpenPart | null> {
  const full = partPath(journal, number);
  const newest = existsSync(full) ? null : await openIfThere(journal);
  const isNewest = newest !== null && !existsSync(full);
  if (!isNewest) await newest?.close();
  const file = isNewest ? newest : await openIfThere(full);
  if (file === null) return null;
  return { file, isFull: () => existsSync(full), [Symbol.asyncDispose]: () => file.close() };
}
