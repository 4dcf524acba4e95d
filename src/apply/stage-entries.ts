import {
  constants,
  createReadStream,
  fchmodSync,
  fchownSync,
  fsync,
  futimesSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  statfsSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { promisify } from "node:util";
import { encodePath } from "../base/byte-path.js";
import { AirlockError, systemCodeOf } from "../base/errors.js";
import { displayPath } from "../base/escape.js";
import type { ContentPart, HostState, OperationSource, WantedEntry } from "../model/apply.js";
import { conflictAt, failureAt } from "./failures.js";
import { lookAt } from "./host-state.js";
import type { PlannedStep } from "./plan-steps.js";
import { adjustAt, folderOf, type ProjectTree, secondsOf } from "./project-tree.js";
import type { TouchedFolder } from "./record.js";
import { type Stage, stagedPath } from "./stage.js";
import { Breather } from "./verify-host.js";
import { ContentWriter, type Promised, smallContent } from "./write-content.js";

/** Whom an entry shall belong to; -1: as it is. */
interface Owner {
  readonly uid: number;
  readonly gid: number;
}

interface StageWish {
  readonly tree: ProjectTree;
  readonly stage: Stage;
  readonly steps: readonly PlannedStep[];
  readonly source: OperationSource;
  readonly folders: readonly TouchedFolder[];
  readonly asRoot: boolean;
  /** Make each file durable as it is written. */
  readonly syncEach: boolean;
  readonly signal: AbortSignal;
  readonly onFile: () => void;
  readonly onStep: (what: string) => void;
}

const fsyncAsync = promisify(fsync);
const reserveBytes = 64n * 1024n * 1024n;
const askEveryBytes = 16 * 1024 * 1024;

/** Writes everything new into the stage, checked against what was reviewed, and notes the inodes. Touches nothing else. */
export async function stageEntries(wish: StageWish): Promise<void> {
  await new Stager(wish).all();
}

class Stager {
  readonly #wish: StageWish;
  readonly #byNumber: ReadonlyMap<number, PlannedStep>;
  readonly #groups = new Map<string, PlannedStep>();
  readonly #named = new Set<PlannedStep>();
  readonly #existing: ReadonlyMap<string, HostState>;
  readonly #breather: Breather;
  #written = 0;
  #askAt = 0;

  constructor(wish: StageWish) {
    this.#wish = wish;
    this.#byNumber = new Map(wish.steps.map((step) => [step.number, step]));
    this.#existing = new Map(wish.folders.map(({ folder, before }) => [folder, before]));
    this.#breather = new Breather(wish.signal);
  }

  async all(): Promise<void> {
    const made = this.#wish.steps.filter(({ act }) => act === "make" || act === "replace");
    const folders = made.filter(({ after }) => after?.type === "dir");
    for (const step of folders) this.#at(step, "stage", (path) => mkdirSync(path, { mode: 0o700 }));
    await this.#files(made.filter(({ after }) => after?.type === "file"));
    for (const step of made)
      if (step.after?.type === "symlink") this.#at(step, "stage", (path) => this.#link(step, path));
    for (const step of folders.toReversed()) this.#at(step, "stage", (path) => this.#finishFolder(step, path));
    await this.#breather.breathe();
  }

  async #files(files: readonly PlannedStep[]): Promise<void> {
    const first: PlannedStep[] = [];
    const names: PlannedStep[] = [];
    for (const step of files) {
      const group = step.after?.link;
      const known = group === undefined ? undefined : this.#groups.get(group);
      if (group !== undefined && known === undefined) this.#groups.set(group, step);
      (known === undefined ? first : names).push(step);
    }
    await this.#fetched(first);
    for (const step of first) {
      if (step.content !== null && "from" in step.content) continue;
      await this.#write(step, this.#atHand(step));
    }
    for (const step of names) this.#name(step);
    for (const { number } of this.#named) unlinkSync(this.#wish.stage.at(`g${number}`));
  }

  async #fetched(files: readonly PlannedStep[]): Promise<void> {
    const wanted = new Map<string, PlannedStep[]>();
    for (const step of files) {
      if (step.content === null || !("from" in step.content)) continue;
      const same = wanted.get(step.content.from);
      if (same === undefined) wanted.set(step.content.from, [step]);
      else same.push(step);
    }
    const left = new Set<string>();
    for (const [path, steps] of wanted) {
      const bytes = this.#wish.source.held?.(path) ?? null;
      if (bytes === null) left.add(path);
      else for (const step of steps) await this.#writeHeld(step, bytes);
    }
    if (left.size === 0) return;
    for await (const { path, parts } of this.#wish.source.fetch([...left], this.#wish.signal)) {
      const [step, ...others] = wanted.get(path) ?? [];
      if (step === undefined || !left.delete(path)) throw conflictAt(path, "was not asked for");
      await this.#write(step, parts);
      for (const other of others) await this.#write(other, readBack(this.#path(step)));
    }
    for (const path of left) throw conflictAt(path, "is not in the session any more");
  }

  /** Where there are thousands, each promise counts. */
  #writeHeld(step: PlannedStep, bytes: Uint8Array): Promise<void> | undefined {
    if (this.#wish.syncEach || bytes.length > smallContent) return this.#write(step, bytes);
    this.#wish.onStep(`stage ${step.number}`);
    try {
      using writer = this.#writerOf(step);
      writer.writeSmall(bytes);
      this.#finishFile(step, writer);
    } catch (error) {
      throw failureAt(step.path, "write", error);
    }
    this.#wish.onFile();
    return this.#breather.isDue ? this.#breather.breathe() : undefined;
  }

  #atHand(step: PlannedStep): AsyncIterable<ContentPart> | Uint8Array {
    const { content, copiesHost, path, after } = step;
    if (content !== null && "bytes" in content) return content.bytes;
    if (copiesHost) return readBack(this.#wish.tree.at(path));
    if (after?.size === 0) return new Uint8Array();
    throw new AirlockError("E_INTERNAL", `the plan has no content for ${displayPath(path)}`);
  }

  #writerOf(step: PlannedStep): ContentWriter {
    const after = wantedOf(step);
    const expected = step.copiesHost ? step.before : null;
    const promised: Promised = {
      path: step.path,
      size: after.size ?? expected?.size,
      sha256: after.sha256 ?? expected?.sha256,
    };
    // Nobody else gets into the stage, so a file may have its mode from the beginning.
    return new ContentWriter(this.#path(step), (after.mode & 0o777) | 0o600, promised, (bytes) =>
      this.#requireRoom(bytes),
    );
  }

  async #write(step: PlannedStep, parts: AsyncIterable<ContentPart> | Uint8Array): Promise<void> {
    this.#wish.onStep(`stage ${step.number}`);
    try {
      using writer = this.#writerOf(step);
      if (parts instanceof Uint8Array) await writer.write(parts);
      else await writer.writeAll(parts, this.#wish.signal);
      this.#finishFile(step, writer);
      if (this.#wish.syncEach) await fsyncAsync(writer.handle);
    } catch (error) {
      throw failureAt(step.path, "write", error);
    }
    this.#wish.onFile();
    await this.#breather.breathe();
  }

  #finishFile(step: PlannedStep, writer: ContentWriter): void {
    writer.finish();
    const after = wantedOf(step);
    const mtimeNs = after.mtimeNs ?? (step.copiesHost && step.before !== null ? BigInt(step.before.mtimeNs) : null);
    if (mtimeNs !== null) futimesSync(writer.handle, secondsOf(mtimeNs), secondsOf(mtimeNs));
    let made = writer.state();
    // The owner comes first: giving a file away takes set-id bits off it.
    const given = giveTo(this.#ownerOf(step), made, (owner) => fchownSync(writer.handle, owner.uid, owner.gid));
    if (given || made.mode !== after.mode) {
      fchmodSync(writer.handle, after.mode);
      made = writer.state();
    }
    const { sha256 } = writer.promised;
    step.staged = sha256 === undefined ? made : { ...made, sha256 };
  }

  #name(step: PlannedStep): void {
    const first = this.#groups.get(wantedOf(step).link ?? "");
    if (first === undefined) return;
    const { stage } = this.#wish;
    // Two deep paths at once cannot be held, so the file gets a name directly in the stage for the time being.
    if (!this.#named.has(first)) linkSync(this.#path(first), stage.at(`g${first.number}`));
    this.#named.add(first);
    const from = stage.at(`g${first.number}`);
    this.#at(step, "stage", (path) => linkSync(from, path));
    step.staged = first.staged;
    this.#wish.onFile();
  }

  #link(step: PlannedStep, path: Buffer): void {
    const after = wantedOf(step);
    symlinkSync(encodePath(after.target ?? ""), path);
    this.#finish(step, path, { mtimeNs: after.mtimeNs });
    this.#wish.onFile();
  }

  #finishFolder(step: PlannedStep, path: Buffer): void {
    const { mode, mtimeNs } = wantedOf(step);
    // Moving a folder writes into it (".."), so the topmost gets its last mode when it has arrived.
    this.#finish(step, path, { mode: step.carriedBy === null ? mode | 0o700 : mode, mtimeNs });
  }

  #finish(step: PlannedStep, path: Buffer, wanted: { readonly mode?: number; readonly mtimeNs: bigint | null }): void {
    const made = lookAt(path);
    if (made === null) throw conflictAt(this.#wish.stage.name, "was changed by somebody else");
    giveTo(this.#ownerOf(step), made, (owner) => lchownSync(path, owner.uid, owner.gid));
    adjustAt(path, made, wanted);
    step.staged = lookAt(path);
  }

  // Root gives what it writes to whom the project, or the file before, belongs to. Others keep groups where they may: of
  // the file before, or of a folder that hands its own group on.
  #ownerOf(step: PlannedStep): Owner {
    const { before, after } = step;
    const { asRoot } = this.#wish;
    const folder = this.#existing.get(folderOf(this.#topOf(step).path));
    const handsOn = folder !== undefined && (folder.mode & 0o2000) !== 0;
    if (after?.owner !== undefined) return asRoot ? after.owner : { uid: -1, gid: after.owner.gid };
    if (before !== null) return asRoot ? before : { uid: -1, gid: before.gid };
    const { uid, gid } = this.#existing.get(".") ?? { uid: -1, gid: -1 };
    return { uid: asRoot ? uid : -1, gid: handsOn ? folder.gid : asRoot ? gid : -1 };
  }

  #topOf(step: PlannedStep): PlannedStep {
    return (step.carriedBy === null ? undefined : this.#byNumber.get(step.carriedBy)) ?? step;
  }

  #requireRoom(bytes: number): void {
    this.#written += bytes;
    if (this.#written < this.#askAt) return;
    this.#askAt = this.#written + askEveryBytes;
    const { bavail, bsize } = statfsSync(this.#wish.stage.at("."), { bigint: true });
    if (bavail * bsize > reserveBytes + BigInt(bytes)) return;
    throw new AirlockError("E_DISK_FULL", "the project's file system has no room for the changes", {
      hint: "nothing was changed; make room, then apply again",
    });
  }

  #path(step: PlannedStep): Buffer {
    return stagedPath(this.#wish.stage, step, this.#byNumber);
  }

  #at(step: PlannedStep, doing: string, act: (path: Buffer) => void): void {
    this.#wish.onStep(`${doing} ${step.number}`);
    try {
      act(this.#path(step));
    } catch (error) {
      throw failureAt(step.path, "write", error);
    }
  }
}

function wantedOf({ after, path }: PlannedStep): WantedEntry {
  if (after !== null) return after;
  throw new AirlockError("E_INTERNAL", `nothing is to be written at ${displayPath(path)}`);
}

// Only root can give away; a group that its user is not in stays what it is. Tells whether something was given.
function giveTo({ uid, gid }: Owner, made: HostState, give: (owner: Owner) => void): boolean {
  const owner = { uid: uid === -1 ? made.uid : uid, gid: gid === -1 ? made.gid : gid };
  if (owner.uid === made.uid && owner.gid === made.gid) return false;
  try {
    give(owner);
    return true;
  } catch (error) {
    if (uid !== -1 || systemCodeOf(error) !== "EPERM") throw error;
    return false;
  }
}

function readBack(path: Buffer): AsyncIterable<Uint8Array> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  return createReadStream("", { fd, highWaterMark: 1024 * 1024 });
}
