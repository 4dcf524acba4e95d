import { constants, type Dirent } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { decodePath, encodePath } from "../base/byte-path.js";
import type { UploadEntry } from "./keeper-client.js";

interface UploadOptions {
  /** Paths that stay here, because they are hidden from the sandbox. */
  readonly hidden: ReadonlySet<string>;
  readonly signal: AbortSignal;
  readonly onProgress: (entries: number, bytes: number) => void;
}

async function* readContent(path: Buffer, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
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
  const stat = await lstat(full, { bigint: true });
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
  return { ...common, kind: "file", size: Number(stat.size), content: readContent(full, signal) };
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
    for (const entry of await readdir(full, { withFileTypes: true, encoding: "buffer" })) {
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
