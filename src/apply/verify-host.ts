import { accessSync, constants, readdirSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { decodePath } from "../base/byte-path.js";
import { systemCodeOf } from "../base/errors.js";
import { displayPath } from "../base/escape.js";
import type { HostState, Operation } from "../model/apply.js";
import { conflictAt, failureAt, refusedAt, unusableAt } from "./failures.js";
import { differenceFrom, hashFileAt, lookAt } from "./host-state.js";
import { NewFolders, requireConsistent, type Verified } from "./plan-steps.js";
import { folderOf, type ProjectTree } from "./project-tree.js";
import { stagePattern, type TouchedFolder } from "./record.js";
import { inTreeOrder } from "./tree-names.js";

/** Who writes: what belongs to somebody else can be put back exactly by root only. */
export interface Writer {
  readonly uid: number;
  readonly asRoot: boolean;
}

/** What the host has at the paths of an apply, all of it as expected. */
export interface VerifiedHost {
  readonly operations: readonly Verified[];
  readonly folders: readonly TouchedFolder[];
  /** When the last hash of each file was taken, by this process's clock. */
  readonly hashedAtMs: ReadonlyMap<string, number>;
}

const pauseMs = 10;

/** Lets signals and timers in now and then, and ends when told to. */
export class Breather {
  #last = performance.now();
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Whether it is time to: waiting where nothing is waited for costs, too. */
  get isDue(): boolean {
    return performance.now() - this.#last >= pauseMs;
  }

  async breathe(): Promise<void> {
    if (!this.isDue) return;
    await setImmediate();
    this.#last = performance.now();
    this.#signal.throwIfAborted();
  }
}

/**
 * Compares the host with what the person saw, and finds out what would fail, while nothing is touched: another content or
 * type, a parent that is a link, missing rights, a read-only file system, immutable files, folders that would not be empty.
 */
export async function verifyHost(
  tree: ProjectTree,
  operations: readonly Operation[],
  writer: Writer,
  signal: AbortSignal,
): Promise<VerifiedHost> {
  requireConsistent(operations);
  requireNoStage(tree);
  const run = new Verification(tree, operations, writer, signal);
  return await run.all();
}

// One that is there was left by an apply that nobody ended yet, or is somebody else's: both are no place for ours.
function requireNoStage(tree: ProjectTree): void {
  const names = readdirSync(tree.folder("."), { encoding: "buffer" }).map(decodePath);
  const taken = names.find((name) => stagePattern.test(name));
  if (taken === undefined) return;
  const hint =
    "an interrupted apply left it: any airlock command takes that back first; if it stays, look into it and remove it";
  throw unusableAt(taken, "is in the way of an apply", hint);
}

class Verification {
  readonly #tree: ProjectTree;
  readonly #sorted: readonly Operation[];
  readonly #byPath: ReadonlyMap<string, Operation>;
  readonly #writer: Writer;
  readonly #signal: AbortSignal;
  readonly #folders = new Map<string, TouchedFolder>();
  readonly #hashedAtMs = new Map<string, number>();
  readonly #new = new NewFolders();

  constructor(tree: ProjectTree, operations: readonly Operation[], writer: Writer, signal: AbortSignal) {
    this.#tree = tree;
    this.#sorted = [...operations].sort(inTreeOrder);
    this.#byPath = new Map(operations.map((operation) => [operation.path, operation]));
    this.#writer = writer;
    this.#signal = signal;
  }

  async all(): Promise<VerifiedHost> {
    const breather = new Breather(this.#signal);
    const verified: Verified[] = [];
    this.#touch(".");
    for (const operation of this.#sorted) {
      if (breather.isDue) await breather.breathe();
      try {
        verified.push(this.#inNewFolder(operation) ?? (await this.#one(operation)));
      } catch (error) {
        throw failureAt(operation.path, "look at", error);
      }
    }
    return { operations: verified, folders: [...this.#folders.values()], hashedAtMs: this.#hashedAtMs };
  }

  #inNewFolder(operation: Operation): Verified | null {
    const { path, after, expected } = operation;
    if (this.#new.topOf(path) === null) return null;
    if (expected !== null) throw conflictAt(path, "is not there any more");
    if (after?.type === "dir") this.#new.add(operation);
    return { ...operation, before: null };
  }

  async #one(operation: Operation): Promise<Verified> {
    const { path, after } = operation;
    const found = this.#tree.look(path);
    const before = found?.type === "file" ? await this.#hash(path) : found;
    const difference = differenceFrom(operation.expected, before);
    if (difference !== null) throw conflictAt(path, difference);
    if (before !== null) this.#requireReplaceable(path, before, after?.type ?? null);
    if (after?.type === "dir" && before?.type !== "dir") this.#new.add(operation);
    if (before?.type !== "dir" || after?.type !== "dir") this.#touch(folderOf(path));
    return { ...operation, before };
  }

  async #hash(path: string): Promise<HostState> {
    const now = Date.now();
    const state = await hashFileAt(this.#tree.at(path), this.#signal).catch((error: unknown) => {
      if (systemCodeOf(error) === "EACCES")
        throw unusableAt(path, "cannot be read", "give yourself the right to read it");
      throw error;
    });
    if (state === null) throw conflictAt(path, "is being written right now");
    this.#hashedAtMs.set(path, now);
    return state;
  }

  #requireReplaceable(path: string, before: HostState, after: string | null): void {
    if (before.type === "special") throw refusedAt(path, "is a device, pipe or socket, which cannot be put back");
    if (!this.#writer.asRoot && before.uid !== this.#writer.uid) {
      throw unusableAt(path, "belongs to somebody else", "only its owner or root can put it back exactly");
    }
    if (before.type === "dir" && after !== "dir") this.#requireEmptied(path);
    // Links are not followed; a file without the right to write may be replaced, but not an immutable one.
    if (before.type !== "symlink") requireChangeable(path, this.#tree.at(path));
  }

  // Only what the plan removes may be in a folder that goes.
  #requireEmptied(path: string): void {
    const folder = this.#tree.folder(path);
    for (const name of readdirSync(folder, { encoding: "buffer" }).map(decodePath)) {
      const child = `${path}/${name}`;
      if (this.#byPath.get(child)?.after === null) continue;
      throw conflictAt(child, `is in ${displayPath(path)}, which was to be removed`);
    }
  }

  #touch(path: string): void {
    if (this.#folders.has(path)) return;
    const folder = this.#tree.folder(path);
    const before = lookAt(Buffer.concat([folder, Buffer.from(".")]));
    if (before === null) throw conflictAt(path, "is not there any more");
    this.#folders.set(path, { folder: path, before });
    this.#tree.know(path, before);
    // What goes, or becomes writable, is opened first.
    const wish = this.#byPath.get(path);
    const opened = wish !== undefined && (wish.after?.type !== "dir" || (wish.after.mode & 0o300) === 0o300);
    try {
      accessSync(Buffer.concat([folder, Buffer.from(".")]), constants.W_OK | constants.X_OK);
    } catch (error) {
      if (!(opened && systemCodeOf(error) === "EACCES")) throw failureAt(path, "write into", error);
    }
  }
}

function requireChangeable(path: string, at: Buffer): void {
  try {
    accessSync(at, constants.W_OK);
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === "EPERM") throw unusableAt(path, "is immutable", "chattr -i takes that away");
    if (code === "EROFS") throw failureAt(path, "replace", error);
  }
}
