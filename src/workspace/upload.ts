import { constants, type Dirent } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { decodePath, encodePath } from "../base/byte-path.js";
import { AirlockError, messageOf, systemCodeOf } from "../base/errors.js";
import { displayPath } from "../base/escape.js";
import type { UploadEntry } from "./keeper-client.js";

interface UploadOptions {
  /** Paths that stay here, because they are hidden from the sandbox. */
  readonly hidden: ReadonlySet<string>;
  readonly signal: AbortSignal;
  readonly onProgress: (entries: number, bytes: number) => void;
}

function unreadable(path: string, error: unknown): AirlockError {
  const why = systemCodeOf(error) ?? messageOf(error);
  if (why === "ENOENT" || why === "ELOOP")
    return new AirlockError("E_BASE_CHANGED", `${displayPath(path)} vanished while it was uploaded`, {
      hint: "try again",
      cause: error,
    });
  return new AirlockError("E_PROJECT_UNUSABLE", `${displayPath(path)} cannot be read for the upload: ${why}`, {
    hint: `make it readable for yourself, or hide it: mask: ["${path}"]`,
    cause: error,
  });
}

// A file may be swapped for a FIFO or a link between the look and the opening: neither is waited for nor followed.
async function* readContent(full: Buffer, path: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  const file = await open(full, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: unknown) => Promise.reject(unreadable(path, error)),
  );
  await using _closed = { [Symbol.asyncDispose]: () => file.close() };
  if (!(await file.stat()).isFile()) throw unreadable(path, Object.assign(new Error(), { code: "ELOOP" }));
  // The handle is closed by `await using`; the stream must not close it a second time.
  yield* file.createReadStream({ autoClose: false, signal }) as AsyncIterable<Uint8Array>;
}

async function describe(
  root: Buffer,
  path: string,
  entry: Dirent<Buffer>,
  signal: AbortSignal,
): Promise<UploadEntry | null> {
  const full = Buffer.concat([root, Buffer.from("/"), encodePath(path)]);
  const stat = await lstat(full, { bigint: true }).catch(() => null);
  // Gone since the folder was read: then it is no part of the base.
  if (stat === null) return null;
  const common = {
    path,
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtimeNs: stat.mtimeNs.toString(),
  };
  if (entry.isDirectory()) return { ...common, kind: "dir" };
  if (entry.isSymbolicLink())
    return { ...common, kind: "symlink", target: decodePath(await readlink(full, { encoding: "buffer" })) };
  // Sockets, FIFOs and devices of the host are no part of a project.
  if (!entry.isFile()) return null;
  return { ...common, kind: "file", size: Number(stat.size), content: readContent(full, path, signal) };
}

async function listFolder(full: Buffer, path: string): Promise<Dirent<Buffer>[]> {
  try {
    return await readdir(full, { withFileTypes: true, encoding: "buffer" });
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** The entries of a host folder in the order in which the keeper takes them: parents first, no link followed. */
export async function* uploadEntries(
  root: string,
  { hidden, signal, onProgress }: UploadOptions,
): AsyncGenerator<UploadEntry, void, void> {
  const rootBytes = encodePath(root);
  const folders = [""];
  let entries = 0;
  let bytes = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal.throwIfAborted();
    const full = folder === "" ? rootBytes : Buffer.concat([rootBytes, Buffer.from("/"), encodePath(folder)]);
    for (const entry of await listFolder(full, folder)) {
      const name = decodePath(entry.name);
      const path = folder === "" ? name : `${folder}/${name}`;
      if (hidden.has(path)) continue;
      const described = await describe(rootBytes, path, entry, signal);
      if (described === null) continue;
      if (described.kind === "dir") folders.push(path);
      entries += 1;
      bytes += described.size ?? 0;
      yield described;
      onProgress(entries, bytes);
    }
  }
}
