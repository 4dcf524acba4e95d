import { mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeFileAtomic } from "../base/atomic-file.js";
import { AirlockError, messageOf, systemCodeOf } from "../base/errors.js";
import { holderOf, takeLock } from "../base/file-lock.js";
import { sessionIdPattern } from "../base/ids.js";
import type { SessionRecord, SnapshotRecord } from "../model/session.js";
import { type AirlockHome, sessionFolder } from "./home.js";

const recordPath = (home: AirlockHome, id: string): string => join(sessionFolder(home, id), "session.json");

/** The name of the snapshot that every session begins with: nothing is written yet. */
export const emptySnapshot = "s0";

/** Makes the folder of a new session; false when the id is taken. */
export async function claimSession(home: AirlockHome, id: string): Promise<boolean> {
  try {
    await mkdir(sessionFolder(home, id), { mode: 0o700 });
    return true;
  } catch (error) {
    if (systemCodeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Writes the record so that a crash leaves the old one or the new one. */
export async function saveSession(home: AirlockHome, record: SessionRecord): Promise<void> {
  await writeFileAtomic(recordPath(home, record.id), `${JSON.stringify(record, null, 2)}\n`);
}

async function parseFile<T>(path: string, load: () => Promise<{ parse(value: unknown): T }>): Promise<T | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT" || systemCodeOf(error) === "ENOTDIR") return null;
    throw error;
  }
  try {
    return (await load()).parse(JSON.parse(text));
  } catch (error) {
    throw new AirlockError("E_STATE_DAMAGED", `${path} cannot be read: ${messageOf(error).split("\n")[0]}`, {
      hint: `it was damaged or written by a newer Airlock; to give the session up: rm -r ${dirname(path)} && airlock prune`,
      cause: error,
    });
  }
}

/** The record of a session, or null when there is none. */
export function loadSession(home: AirlockHome, id: string): Promise<SessionRecord | null> {
  return parseFile(recordPath(home, id), async () => (await import("./record-schema.js")).sessionRecordSchema);
}

/** The session's record; throws when nothing of it is left but the journal. */
export async function requireLiveSession(home: AirlockHome, id: string): Promise<SessionRecord> {
  const record = await loadSession(home, id);
  if (record !== null && record.state !== "discarded" && record.state !== "discarding") return record;
  throw new AirlockError("E_SESSION_NOT_FOUND", `session "${id}" was discarded`, { hint: "airlock ls" });
}

/** Every session of this state folder, newest first; a damaged record is reported by `onDamaged`, never passed over. */
export async function listSessions(home: AirlockHome, onDamaged: (error: unknown) => void): Promise<SessionRecord[]> {
  const names = await readdir(join(home.path, "sessions"));
  const records: SessionRecord[] = [];
  for (const name of names.filter((each) => sessionIdPattern.test(each))) {
    try {
      const record = await loadSession(home, name);
      if (record !== null) records.push(record);
    } catch (error) {
      onDamaged(error);
    }
  }
  return records.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
}

/** How a command names its session: an id, a unique prefix, or nothing for the newest of the project. */
export interface SessionChoice {
  readonly id: string | undefined;
  readonly project: string;
  /** Also sessions of which only the journal is left. */
  readonly includeDiscarded?: boolean;
}

/** Finds the session that a command means; throws `E_SESSION_NOT_FOUND` or `E_SESSION_AMBIGUOUS`. */
export async function findSession(home: AirlockHome, choice: SessionChoice): Promise<SessionRecord> {
  const damaged: unknown[] = [];
  const all = await listSessions(home, (error) => damaged.push(error));
  const records = all.filter((record) => choice.includeDiscarded === true || record.state !== "discarded");
  const { id } = choice;
  const matching =
    id === undefined
      ? records.filter((record) => record.project.path === choice.project).slice(0, 1)
      : records.filter((record) => record.id === id);
  const found =
    matching.length > 0 || id === undefined ? matching : records.filter((record) => record.id.startsWith(id));
  const [first, ...others] = found;
  if (first !== undefined && others.length === 0) return first;
  if (first !== undefined) {
    throw new AirlockError(
      "E_SESSION_AMBIGUOUS",
      `"${id}" fits several sessions: ${found.map((each) => each.id).join(", ")}`,
      {
        hint: "give more of the id",
      },
    );
  }
  if (damaged.length > 0) throw damaged[0];
  const message = id === undefined ? `no session of ${choice.project}` : `no session "${id}"`;
  throw new AirlockError("E_SESSION_NOT_FOUND", message, { hint: "airlock ls --all lists every session" });
}

/** Takes the session for a change of its state; others wait up to 30 s, then are told who holds it. */
export async function lockSession(home: AirlockHome, id: string, signal?: AbortSignal): Promise<AsyncDisposable> {
  const path = join(sessionFolder(home, id), "lock");
  const lock = await takeLock(path, { waitMs: 30_000, signal });
  if (lock !== null) return lock;
  throw new AirlockError("E_SESSION_BUSY", `process ${(await holderOf(path)) ?? "?"} is working on session ${id}`, {
    hint: "wait for it to finish, or end that process",
  });
}

/** The snapshots of a session, oldest first. */
export async function loadSnapshots(home: AirlockHome, id: string): Promise<readonly SnapshotRecord[]> {
  const path = join(sessionFolder(home, id), "snapshots.json");
  return (await parseFile(path, async () => (await import("./record-schema.js")).snapshotsSchema)) ?? [];
}

/** Replaces the list of a session's snapshots. */
export async function saveSnapshots(home: AirlockHome, id: string, list: readonly SnapshotRecord[]): Promise<void> {
  await writeFileAtomic(join(sessionFolder(home, id), "snapshots.json"), `${JSON.stringify(list, null, 2)}\n`);
}
