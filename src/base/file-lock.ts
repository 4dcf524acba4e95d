import { closeSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import { mkdir, readFile, rm, rmdir, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { systemCodeOf } from "./errors.js";

/** Who holds a lock: a pid alone is reused, so the process's start and the boot are part of the name. */
interface Holder {
  readonly pid: number;
  readonly start: string;
}

const pollMs = 20;
const guardLifeMs = 5_000;

function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot}/${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
  } catch {
    return null;
  }
}

function isAlive(holder: Holder): boolean {
  const start = startOf(holder.pid);
  if (start !== null) return start === holder.start;
  if (startOf(process.pid) !== null) return false;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return systemCodeOf(error) === "EPERM";
  }
}

async function readHolder(path: string): Promise<Holder | null> {
  const [pid, start] = (await readFile(path, "utf8").catch(() => "")).split(" ");
  return pid === undefined || start === undefined ? null : { pid: Number(pid), start };
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemCodeOf(error) !== "ENOENT") throw error;
  }
}

let ownStart: string | null = null;

// In one go: microseconds each, where a turn of the event loop between them is many times that, and every journal entry takes a lock.
function tryCreate(path: string): boolean {
  ownStart ??= startOf(process.pid) ?? "-";
  let file: number;
  try {
    file = openSync(path, "wx", 0o600);
  } catch (error) {
    if (systemCodeOf(error) === "EEXIST") return false;
    throw error;
  }
  try {
    writeSync(file, `${process.pid} ${ownStart}`);
  } catch (error) {
    // A full disk: an empty lock would hold everybody up until it is old.
    unlinkIfThere(path);
    throw error;
  } finally {
    closeSync(file);
  }
  return true;
}

// Only under the guard is a dead holder's file removed, after a second look: else two that wait could each remove the
// lock that the other has just taken.
async function removeIfDead(path: string): Promise<void> {
  const guard = `${path}.steal`;
  try {
    await mkdir(guard);
  } catch {
    const age = await stat(guard).then(
      (found) => Date.now() - found.mtimeMs,
      () => 0,
    );
    if (age > guardLifeMs) await rmdir(guard).catch(() => undefined);
    return;
  }
  try {
    const holder = await readHolder(path);
    if (holder !== null && !isAlive(holder)) await rm(path, { force: true });
  } finally {
    await rmdir(guard).catch(() => undefined);
  }
}

async function isHeldByTheDead(path: string): Promise<boolean> {
  const holder = await readHolder(path);
  if (holder !== null) return !isAlive(holder);
  // Empty: its maker is between creating and writing, or died there.
  const age = await stat(path).then(
    (found) => Date.now() - found.mtimeMs,
    () => 0,
  );
  if (age > guardLifeMs) await rm(path, { force: true });
  return false;
}

interface Waiting {
  /** How long to wait for the holder before giving up. */
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Takes the lock at `path`, waiting for a living holder and taking it from a dead one. Null when the holder outlasted
 * `waitMs`; `holderOf` then says who it is.
 */
export async function takeLock(path: string, { waitMs, signal }: Waiting): Promise<AsyncDisposable | null> {
  const deadline = Date.now() + waitMs;
  while (!tryCreate(path)) {
    signal?.throwIfAborted();
    if (await isHeldByTheDead(path)) await removeIfDead(path);
    else if (Date.now() >= deadline) return null;
    else await sleep(pollMs, undefined, signal === undefined ? {} : { signal });
  }
  return { [Symbol.asyncDispose]: async () => unlinkIfThere(path) };
}

/** Whether a lock file is there and its holder is dead: killed before it could tidy up. */
export async function isAbandoned(path: string): Promise<boolean> {
  const holder = await readHolder(path);
  return holder !== null && !isAlive(holder);
}

/** The pid that holds a lock, if anyone does. */
export async function holderOf(path: string): Promise<number | null> {
  return (await readHolder(path))?.pid ?? null;
}
