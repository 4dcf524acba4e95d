import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { encodePath } from "./byte-path.js";
import { AirlockError, systemCodeOf } from "./errors.js";

/** Finds folders below a root without ever following a symbolic link. */
export interface SafeFolders extends Disposable {
  /**
   * A system path of the folder's inside, ending in a slash; null when it is no folder of the base. To be used at once: the
   * next call may close what it leads through. Only the root's stays.
   */
  locate(components: readonly string[]): Buffer | null;
  /** Whether the folder that `locate` gave last is still where its path says: neither moved away nor deleted. */
  holds(components: readonly string[]): boolean;
  /** Forgets what is held, so that `locate` looks again. */
  forget(): void;
}

// Linux' O_PATH, which Node does not name: a handle on a folder that needs no permission to read it.
const openPath = 0o10000000;
const heldFolders = 64;
const absent = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"]);

/** Tells whether a failed look-up means that nothing is there, as opposed to that nothing may be seen. */
export function meansAbsent(error: unknown): boolean {
  return absent.has(systemCodeOf(error) ?? "");
}

/**
 * Each component is opened with O_NOFOLLOW relative to the handle of its parent (through /proc/self/fd, as Node has no
 * openat), so that swapping a folder with a link between check and use (CVE-2026-39861) leads nowhere. Walks go along
 * trees, so the handles of the last path are kept; deep paths keep only the last ones, and length is not limited.
 */
class HeldFolders implements SafeFolders {
  readonly #root: number;
  readonly #device: bigint;
  readonly #mount: string;
  #place = "";
  readonly #names: string[] = [];
  readonly #handles: number[] = [];

  constructor(root: Buffer) {
    this.#root = openSync(root, openPath | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    this.#device = fstatSync(this.#root, { bigint: true }).dev;
    this.#mount = mountOf(this.#root);
  }

  locate(components: readonly string[]): Buffer | null {
    if (components.length === 0) return Buffer.from(`/proc/self/fd/${this.#root}/`);
    let shared = 0;
    while (shared < components.length && this.#names[shared] === components[shared]) shared += 1;
    this.#truncate(shared);
    let at = shared;
    while (at > 0 && this.#handles[at - 1] === -1) at -= 1;
    for (; at < components.length; at += 1) {
      const handle = this.#open(this.#handles[at - 1] ?? this.#root, components[at] ?? "");
      if (handle === null) return null;
      this.#names[at] = components[at] ?? "";
      this.#handles[at] = handle;
      if (at >= heldFolders) this.#release(at - heldFolders);
    }
    return Buffer.from(`/proc/self/fd/${this.#handles[components.length - 1] ?? this.#root}/`);
  }

  holds(components: readonly string[]): boolean {
    const handle = components.length === 0 ? this.#root : this.#handles[components.length - 1];
    if (handle === undefined || handle === -1) return false;
    if (components.length === 0) return true;
    try {
      const below = components.map((name) => `/${encodePath(name).toString("latin1")}`).join("");
      const place = placeOf(handle);
      if (place === `${this.#place}${below}`) return true;
      // The root itself may have been moved, which changes nothing below it.
      this.#place = placeOf(this.#root).replace(/\/$/, "");
      return place === `${this.#place}${below}`;
    } catch (error) {
      // The kernel tells no path above a page; a second walk over the same folders tells as much.
      if (systemCodeOf(error) === "ENAMETOOLONG") return this.#leadsTo(components, handle);
      throw error;
    }
  }

  forget(): void {
    this.#truncate(0);
  }

  #leadsTo(components: readonly string[], handle: number): boolean {
    using again = new HeldFolders(Buffer.from(`/proc/self/fd/${this.#root}/.`));
    const found = again.locate(components);
    if (found === null) return false;
    const now = lstatSync(Buffer.concat([found, Buffer.from(".")]), { bigint: true });
    const held = fstatSync(handle, { bigint: true });
    return now.ino === held.ino && now.dev === held.dev;
  }

  #open(parent: number, name: string): number | null {
    let handle: number;
    try {
      const path = Buffer.concat([Buffer.from(`/proc/self/fd/${parent}/`), encodePath(name)]);
      handle = openSync(path, openPath | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    } catch (error) {
      if (meansAbsent(error)) return null;
      throw unreadable(name, error);
    }
    // What is mounted below the project is not part of the overlay's lower layer: the agent never saw it.
    const foreign = fstatSync(handle, { bigint: true }).dev !== this.#device && mountOf(handle) !== this.#mount;
    if (!foreign) return handle;
    closeSync(handle);
    return null;
  }

  #release(at: number): void {
    const handle = this.#handles[at] ?? -1;
    if (handle !== -1) closeSync(handle);
    this.#handles[at] = -1;
  }

  #truncate(length: number): void {
    for (let at = length; at < this.#handles.length; at += 1) this.#release(at);
    this.#names.length = length;
    this.#handles.length = length;
  }

  [Symbol.dispose](): void {
    this.#truncate(0);
    closeSync(this.#root);
  }
}

/** For systems without /proc: every component is looked at, and the last answer is remembered. */
class CheckedFolders implements SafeFolders {
  readonly #root: Buffer;
  readonly #device: bigint;

  constructor(root: Buffer) {
    this.#root = root;
    this.#device = lstatSync(root, { bigint: true }).dev;
  }

  locate(components: readonly string[]): Buffer | null {
    let path = Buffer.concat([this.#root, Buffer.from("/")]);
    for (const name of components) {
      path = Buffer.concat([path, encodePath(name)]);
      try {
        const found = lstatSync(path, { bigint: true });
        if (!found.isDirectory() || found.dev !== this.#device) return null;
      } catch (error) {
        if (meansAbsent(error)) return null;
        throw unreadable(name, error);
      }
      path = Buffer.concat([path, Buffer.from("/")]);
    }
    return path;
  }

  holds(components: readonly string[]): boolean {
    return this.locate(components) !== null;
  }

  forget(): void {}

  [Symbol.dispose](): void {}
}

function placeOf(handle: number): string {
  return readlinkSync(`/proc/self/fd/${handle}`, { encoding: "latin1" });
}

function mountOf(handle: number): string {
  return /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${handle}`, "latin1"))?.[1] ?? "";
}

function unreadable(name: string, cause: unknown): AirlockError {
  return new AirlockError("E_PROJECT_UNUSABLE", `cannot look into ${JSON.stringify(name)} of the project`, {
    hint: "give yourself the right to search that folder, then try again",
    cause,
  });
}

/** Whether an open folder or file can be named through /proc, as a parent or for what takes paths only. */
export function hasDescriptorPaths(): boolean {
  try {
    return statSync("/proc/self/fd/").isDirectory() && readFileSync("/proc/self/fdinfo/0", "latin1").includes("mnt_id");
  } catch {
    return false;
  }
}

/** Opens the folders below a root; `portable` is for tests of what other systems get. */
export function openSafeFolders(root: string, portable = !hasDescriptorPaths()): SafeFolders {
  return portable ? new CheckedFolders(encodePath(root)) : new HeldFolders(encodePath(root));
}
