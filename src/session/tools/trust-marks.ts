import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { writeFileAtomic } from "../../base/atomic-file.js";
import type { Change } from "../../model/change.js";
import { changesOf } from "../changes.js";
import { type AirlockHome, sessionFolder } from "../home.js";
import { emptySnapshot, loadSession } from "../store.js";
import type { Workbench } from "../workbench.js";

/** What became of the project's paths since everything was trusted. */
export interface FilesSince {
  readonly added: number;
  readonly modified: number;
  readonly deleted: number;
}

type Marks = ReadonlyMap<string, string>;

const mostMarks = 100_000;

const marksSchema = z.strictObject({ snapshot: z.string(), marks: z.array(z.tuple([z.string(), z.string()])) });

const marksPath = (home: AirlockHome, session: string): string =>
  join(sessionFolder(home, session), "trust-marks.json");

// Contents count, not times, which an agent can set.
function markOf({ kind, after }: Change): string {
  const state = createHash("sha256").update(JSON.stringify([after?.type, after?.mode, after?.sha256, after?.target]));
  return `${kind} ${state.digest("hex").slice(0, 32)}`;
}

async function marksOf(bench: Workbench, session: string): Promise<Marks | null> {
  const record = await loadSession(bench.home, session);
  if (record === null) return null;
  const { changes } = await changesOf(bench, record, { hashes: "all" });
  return changes.length > mostMarks ? null : new Map(changes.map((change) => [change.path, markOf(change)]));
}

/** Remembers what a session has changed by now, beside the snapshot that was taken of it. */
export async function markChanges(bench: Workbench, session: string, snapshot: string): Promise<void> {
  const marks = await marksOf(bench, session);
  const path = marksPath(bench.home, session);
  if (marks === null) await rm(path, { force: true });
  else await writeFileAtomic(path, JSON.stringify({ snapshot, marks: [...marks] }));
}

async function loadMarks(bench: Workbench, session: string, snapshot: string): Promise<Marks | null> {
  if (snapshot === emptySnapshot) return new Map();
  const text = await readFile(marksPath(bench.home, session), "utf8");
  const { snapshot: of, marks } = marksSchema.parse(JSON.parse(text));
  return of === snapshot ? new Map(marks) : null;
}

const kindOf = (mark: string): string => mark.split(" ")[0] ?? "";

function compare(before: Marks, now: Marks): FilesSince {
  const files = { added: 0, modified: 0, deleted: 0 };
  for (const [path, mark] of now) {
    const was = before.get(path);
    if (was === mark) continue;
    const [then, kind] = [was === undefined ? "" : kindOf(was), kindOf(mark)];
    if (kind === "deleted") files.deleted += 1;
    else if (then === "deleted" || (was === undefined && kind === "added")) files.added += 1;
    else files.modified += 1;
  }
  // What differs no more from the project: a new file that is gone, a deleted one that is back, an edit taken back.
  for (const [path, mark] of before) {
    if (now.has(path)) continue;
    const then = kindOf(mark);
    files[then === "added" ? "deleted" : then === "deleted" ? "added" : "modified"] += 1;
  }
  return files;
}

/** How many paths of the project are others than when everything began to be trusted; null where that cannot be told. */
export async function filesSince(bench: Workbench, session: string, snapshot: string): Promise<FilesSince | null> {
  try {
    const before = await loadMarks(bench, session, snapshot);
    const now = before === null ? null : await marksOf(bench, session);
    return before === null || now === null ? null : compare(before, now);
  } catch {
    // The engine is gone, or the layer is too much to be listed: the rest of the account is told all the same.
    return null;
  }
}
