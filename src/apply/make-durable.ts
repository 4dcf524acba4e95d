import { spawn } from "node:child_process";
import { closeSync, constants, fsync, openSync } from "node:fs";
import { promisify } from "node:util";
import { systemCodeOf } from "../base/errors.js";

const syncPrograms = ["/usr/bin/sync", "/bin/sync"];
const together = 16;
/** So many are done sooner one by one than by asking for the whole file system. */
export const fewEnough = 24;
const fsyncAsync = promisify(fsync);

/** What must be on the disk before the next step, all on one file system. */
interface Unsaved {
  /** A folder of that file system. */
  readonly folder: Buffer;
  readonly count: number;
  /** Opens them one after the other; null for what cannot be opened. */
  readonly handles: Iterable<number | null>;
}

/**
 * Makes what was written durable. Thousands of entries by one `syncfs` (coreutils' `sync -f`, handed the open folder, so no
 * name is looked up again); where that is missing or fails, one by one.
 */
export async function makeDurable({ folder, count, handles }: Unsaved): Promise<void> {
  if (count > fewEnough && (await syncFileSystem(folder))) return;
  const running = new Set<Promise<void>>();
  for (const handle of handles) {
    if (handle === null) continue;
    const one = syncOne(handle).finally(() => running.delete(one));
    running.add(one);
    if (running.size >= together) await Promise.race(running);
  }
  await Promise.all(running);
}

async function syncFileSystem(folder: Buffer): Promise<boolean> {
  const handle = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    for (const program of syncPrograms) if (await runSync(program, handle)) return true;
    return false;
  } finally {
    closeSync(handle);
  }
}

function runSync(program: string, handle: number): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program, ["-f", "/proc/self/fd/3"], { stdio: ["ignore", "ignore", "ignore", handle], env: {} });
    child.once("error", () => resolve(false));
    child.once("close", (code) => resolve(code === 0));
  });
}

async function syncOne(handle: number): Promise<void> {
  try {
    await fsyncAsync(handle);
  } catch (error) {
    // Some file systems have no fsync for folders.
    if (systemCodeOf(error) !== "EINVAL") throw error;
  } finally {
    closeSync(handle);
  }
}

/** A handle for `makeDurable`; null for links, and for files that their owner may not read. */
export function openForSync(path: Buffer): number | null {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return null;
  }
}
