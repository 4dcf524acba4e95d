import { readFile } from "node:fs/promises";

/** The end of a journal: how many entries it has, and the hash of the last one, which stands for all of them. */
export interface JournalHead {
  readonly entries: number;
  readonly hash: string;
}

/** What the head file says of the journal's end; null: it says nothing. */
export async function readHead(path: string): Promise<JournalHead | null> {
  const text = (await readFile(path, "utf8").catch(() => "")).trim();
  const [entries = "", hash = ""] = text.split(" ");
  return text === "" ? null : { entries: Number(entries), hash };
}
