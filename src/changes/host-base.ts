import { createHash } from "node:crypto";
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  read,
  readdirSync,
  readlinkSync,
  readSync,
} from "node:fs";
import { promisify } from "node:util";
import { decodePath, encodePath } from "../base/byte-path.js";
import { AirlockError, systemCodeOf } from "../base/errors.js";
import { meansAbsent, openSafeFolders, type SafeFolders } from "../base/safe-folders.js";
import type { EntryType } from "../model/change.js";
import type { BaseEntry, BaseReader } from "./base-reader.js";

const chunkBytes = 1024 * 1024;
const denied = new Set(["EACCES", "EPERM"]);

function typeOf(stats: BigIntStats): EntryType {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "dir";
  return stats.isSymbolicLink() ? "symlink" : "special";
}

interface OpenFile {
  readonly handle: number;
  readonly size: number;
}

const smallBytes = 64 * 1024;
const readAsync = promisify(read);

// A detour through the thread pool costs more than reading a small piece; a large one must not hold everything up.
async function readSome(handle: number, into: Buffer, position: number | null): Promise<number> {
  if (into.length <= smallBytes) return readSync(handle, into, 0, into.length, position);
  return (await readAsync(handle, into, 0, into.length, position)).bytesRead;
}

function splitPath(path: string): string[] {
  return path === "" ? [] : path.split("/");
}

/** The project folder as a base. Looking is synchronous: 100,000 look-ups are ten times cheaper that way. */
class HostBase implements BaseReader {
  readonly #folders: SafeFolders;

  constructor(folders: SafeFolders) {
    this.#folders = folders;
  }

  #locate(path: string): Buffer | null {
    const components = splitPath(path);
    const name = components.pop();
    const folder = this.#folders.locate(components);
    if (folder === null) return null;
    return name === undefined ? Buffer.concat([folder, Buffer.from(".")]) : Buffer.concat([folder, encodePath(name)]);
  }

  look(path: string, tries = 100): BaseEntry | null {
    const located = this.#locate(path);
    if (located === null) return null;
    try {
      const stats = lstatSync(located, { bigint: true });
      const type = typeOf(stats);
      const common = { type, mode: Number(stats.mode) & 0o7777, ctimeMs: Number(stats.ctimeNs) / 1e6 };
      if (type === "file") return { ...common, size: Number(stats.size) };
      if (type !== "symlink") return { ...common, size: 0 };
      const target = readlinkSync(located, { encoding: "buffer" });
      return { ...common, size: target.length, target: decodePath(target) };
    } catch (error) {
      if (meansAbsent(error)) return null;
      // A link that is none any more: the host swapped it between the two calls.
      if (systemCodeOf(error) === "EINVAL" && tries > 1) return this.look(path, tries - 1);
      throw new AirlockError("E_PROJECT_UNUSABLE", `cannot look at ${JSON.stringify(path)} of the project`, {
        cause: error,
      });
    }
  }

  list(path: string): readonly string[] | null {
    const folder = this.#folders.locate(splitPath(path));
    if (folder === null) return [];
    try {
      const names = readdirSync(Buffer.concat([folder, Buffer.from(".")]), { encoding: "buffer" });
      return names.sort(Buffer.compare).map(decodePath);
    } catch (error) {
      if (meansAbsent(error)) return [];
      if (denied.has(systemCodeOf(error) ?? "")) return null;
      throw error;
    }
  }

  listSome(path: string, most: number): readonly string[] {
    const located = this.#folders.locate(splitPath(path));
    if (located === null) return [];
    const names: string[] = [];
    try {
      // Latin-1 keeps the bytes of names.
      const folder = opendirSync(located, { encoding: "latin1" });
      try {
        for (let entry = folder.readSync(); entry !== null && names.length < most; entry = folder.readSync()) {
          names.push(decodePath(Buffer.from(entry.name, "latin1")));
        }
      } finally {
        folder.closeSync();
      }
    } catch (error) {
      if (!meansAbsent(error) && !denied.has(systemCodeOf(error) ?? "")) throw error;
    }
    return names;
  }

  // A FIFO put in place of a file must not block, a device must not be touched: looked at, opened without following and
  // without waiting, and looked at again through the handle.
  #open(path: string): OpenFile | null {
    const located = this.#locate(path);
    if (located === null) return null;
    try {
      const seen = lstatSync(located, { bigint: true });
      if (!seen.isFile()) return null;
      const handle = openSync(located, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      const opened = fstatSync(handle, { bigint: true });
      if (opened.isFile() && opened.ino === seen.ino && opened.dev === seen.dev) {
        return { handle, size: Number(opened.size) };
      }
      closeSync(handle);
      return null;
    } catch (error) {
      if (meansAbsent(error) || denied.has(systemCodeOf(error) ?? "")) return null;
      throw error;
    }
  }

  async read(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | null> {
    const file = this.#open(path);
    if (file === null) return null;
    try {
      const bytes = Buffer.alloc(Math.min(maxBytes, file.size));
      let filled = 0;
      while (filled < bytes.length) {
        signal.throwIfAborted();
        const got = await readSome(file.handle, bytes.subarray(filled), filled);
        if (got === 0) break;
        filled += got;
      }
      return bytes.subarray(0, filled);
    } finally {
      closeSync(file.handle);
    }
  }

  async hash(path: string, signal: AbortSignal): Promise<string | null> {
    const file = this.#open(path);
    if (file === null) return null;
    try {
      const hash = createHash("sha256");
      const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, Math.max(1, file.size)));
      for (;;) {
        signal.throwIfAborted();
        const got = await readSome(file.handle, chunk, null);
        if (got === 0) return hash.digest("hex");
        hash.update(chunk.subarray(0, got));
      }
    } finally {
      closeSync(file.handle);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#folders[Symbol.dispose]();
    return Promise.resolve();
  }
}

/** Opens a folder of the host as a base; `portable` walks as on systems without /proc. */
export function openHostBase(root: string, { portable }: { readonly portable?: boolean } = {}): BaseReader {
  try {
    return new HostBase(openSafeFolders(root, portable));
  } catch (error) {
    throw new AirlockError("E_PROJECT_UNUSABLE", `cannot open the project folder ${JSON.stringify(root)}`, {
      hint: "the folder must exist and be readable",
      cause: error,
    });
  }
}
