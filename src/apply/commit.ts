import { linkSync, renameSync, rmdirSync, unlinkSync } from "node:fs";
import { systemCodeOf } from "../base/errors.js";
import type { HostState } from "../model/apply.js";
import { conflictAt, failureAt } from "./failures.js";
import { hashFileAt, isSameContent, isSameInode, isUntouched, lookAt } from "./host-state.js";
import { adjustAt, folderOf, type ProjectTree } from "./project-tree.js";
import type { Step, TouchedFolder } from "./record.js";
import type { Stage } from "./stage.js";
import { Breather } from "./verify-host.js";

interface CommitWish {
  readonly tree: ProjectTree;
  readonly stage: Stage;
  readonly steps: readonly Step[];
  readonly folders: readonly TouchedFolder[];
  readonly hashedAtMs: ReadonlyMap<string, number>;
  readonly signal: AbortSignal;
  readonly onDone: () => void;
  readonly onStep: (what: string) => void;
}

// Two writes within one tick of the kernel's clock leave one ctime: a hash taken this soon after proves nothing.
const tickNs = 20_000_000n;
const noLinks = new Set(["EPERM", "EOPNOTSUPP", "ENOTSUP", "ENOSYS", "EMLINK", "EXDEV"]);

/** Puts everything in its place. Throws at the first thing that is not as it was; taking back is the caller's. */
export async function commitSteps(wish: CommitWish): Promise<void> {
  const commit = new Commit(wish);
  commit.openFolders();
  const breather = new Breather(wish.signal);
  for (const step of wish.steps) {
    await breather.breathe();
    try {
      await commit.step(step);
    } catch (error) {
      throw failureAt(step.path, "change", error);
    }
    wish.onDone();
  }
  commit.keepTimes();
}

class Commit {
  readonly #wish: CommitWish;
  /** The ctime of files with several names, of which we took some away already. */
  readonly #ownCtimes = new Map<string, string>();

  constructor(wish: CommitWish) {
    this.#wish = wish;
  }

  /** Folders that shall become writable, or go, are writable before anything in them is touched. */
  openFolders(): void {
    const touched = new Set(this.#wish.folders.map(({ folder }) => folder));
    for (const { act, path, before, after } of this.#wish.steps) {
      if (before?.type !== "dir" || !touched.has(path) || (before.mode & 0o300) === 0o300) continue;
      if (act !== "remove" && (act !== "adjust" || ((after?.mode ?? 0) & 0o300) !== 0o300)) continue;
      this.#say(`open ${path}`);
      this.#wish.tree.adjust(path, before, { mode: after?.mode ?? before.mode | 0o700 });
    }
  }

  /** A folder in which files were only replaced is no younger than before. */
  keepTimes(): void {
    const { steps, folders, tree } = this.#wish;
    const changed = new Set(
      steps.map(({ act, path }) => (act === "replace" ? "." : act === "adjust" ? path : folderOf(path))),
    );
    for (const { folder, before } of folders) {
      // The project's own folder comes last, when the stage is gone from it.
      if (folder === "." || changed.has(folder)) continue;
      this.#say(`time ${folder}`);
      tree.adjust(folder, before, { mtimeNs: BigInt(before.mtimeNs) });
    }
  }

  async step(step: Step): Promise<void> {
    if (step.carriedBy !== null) return;
    if (step.act === "make") this.#make(step);
    else if (step.act === "adjust") await this.#adjust(step);
    else if (step.act === "replace") await this.#replace(step);
    else if (step.before?.type === "dir") this.#removeFolder(step, step.before);
    else await this.#remove(step);
  }

  #say(what: string): void {
    this.#wish.onStep(what);
  }

  /** The path of what the record says is there, looked at right now. */
  async #fresh(step: Step): Promise<{ readonly path: Buffer; readonly before: HostState }> {
    const { before } = step;
    const path = this.#wish.tree.at(step.path);
    const ctimeNs = this.#ownCtimes.get(before?.inode ?? "") ?? before?.ctimeNs ?? "";
    if (before === null || !isUntouched({ ...before, ctimeNs }, lookAt(path))) {
      throw conflictAt(step.path, "changed while it was applied");
    }
    if (before.type !== "file" || !this.#isYoung(step)) return { path, before };
    const again = await hashFileAt(path, this.#wish.signal);
    if (again?.sha256 !== before.sha256) throw conflictAt(step.path, "changed while it was applied");
    return { path: this.#wish.tree.at(step.path), before };
  }

  #isYoung({ path, before }: Step): boolean {
    const hashedAtNs = BigInt(this.#wish.hashedAtMs.get(path) ?? 0) * 1_000_000n;
    return BigInt(before?.ctimeNs ?? 0) + tickNs > hashedAtNs;
  }

  async #remove(step: Step): Promise<void> {
    const { path, before } = await this.#fresh(step);
    const kept = this.#wish.stage.at(`b${step.number}`);
    this.#say(`remove ${step.number}`);
    renameSync(path, kept);
    this.#say(`removed ${step.number}`);
    if (this.#isKept(before, kept)) return;
    putBack(kept, path);
    throw conflictAt(step.path, "changed while it was removed");
  }

  /** Whether what was taken away is what was to be taken, with nothing written to it since. */
  #isKept(before: HostState, kept: Buffer): boolean {
    const now = lookAt(kept);
    if (now === null || !isSameContent(before, now) || now.mode !== before.mode || now.uid !== before.uid) return false;
    if (before.links > 1) this.#ownCtimes.set(before.inode, now.ctimeNs);
    return true;
  }

  #removeFolder(step: Step, before: HostState): void {
    const path = this.#wish.tree.at(step.path);
    if (!isSameInode(before, lookAt(path))) throw conflictAt(step.path, "changed while it was applied");
    this.#say(`rmdir ${step.number}`);
    try {
      rmdirSync(path);
    } catch (error) {
      const full = systemCodeOf(error) === "ENOTEMPTY" || systemCodeOf(error) === "EEXIST";
      throw full ? conflictAt(step.path, "got something new while it was removed") : error;
    }
  }

  #make(step: Step): void {
    const { tree, stage } = this.#wish;
    const path = tree.at(step.path);
    const staged = stage.at(`n${step.number}`);
    if (!isSameContent(step.staged, lookAt(staged))) throw conflictAt(stage.name, "was changed by somebody else");
    if (step.after?.type === "dir") {
      this.#makeFolder(step, staged, path);
      return;
    }
    this.#say(`make ${step.number}`);
    if (!linkNew(staged, path)) throw conflictAt(step.path, "was made by somebody else meanwhile");
    this.#say(`made ${step.number}`);
    dropName(staged);
  }

  #makeFolder(step: Step, staged: Buffer, path: Buffer): void {
    // A rename of a folder replaces an empty folder, and nothing else.
    if (lookAt(path) !== null) throw conflictAt(step.path, "was made by somebody else meanwhile");
    this.#say(`make ${step.number}`);
    renameSync(staged, path);
    const { staged: made, after } = step;
    if (made === null || after === null || made.mode === after.mode) return;
    this.#say(`made ${step.number}`);
    adjustAt(path, made, { mode: after.mode });
  }

  async #replace(step: Step): Promise<void> {
    const { stage } = this.#wish;
    const { path, before } = await this.#fresh(step);
    const [kept, staged] = [stage.at(`b${step.number}`), stage.at(`n${step.number}`)];
    if (!isSameContent(step.staged, lookAt(staged))) throw conflictAt(stage.name, "was changed by somebody else");
    this.#say(`keep ${step.number}`);
    try {
      linkSync(path, kept);
    } catch (error) {
      if (!noLinks.has(systemCodeOf(error) ?? "")) throw error;
      renameSync(path, kept);
    }
    if (!this.#isKept(before, kept)) throw conflictAt(step.path, "changed while it was replaced");
    this.#say(`replace ${step.number}`);
    renameSync(staged, path);
    this.#say(`replaced ${step.number}`);
    if (!this.#isKept(before, kept)) throw conflictAt(step.path, "changed while it was replaced");
  }

  async #adjust(step: Step): Promise<void> {
    const { tree } = this.#wish;
    const { before, after } = step;
    if (before === null || after === null || (step.path === "." && after.mode === before.mode)) return;
    const found = tree.look(step.path);
    const same = before.type === "dir" ? isSameInode(before, found) : isUntouched(before, found);
    if (!same) throw conflictAt(step.path, "changed while it was applied");
    if (before.type === "file" && this.#isYoung(step)) await this.#fresh(step);
    this.#say(`adjust ${step.number}`);
    // A time that is right already keeps the nanoseconds that Node cannot set.
    const keepsTime = before.type === "file" && String(after.mtimeNs) === before.mtimeNs;
    const mtimeNs = keepsTime ? null : after.mtimeNs;
    tree.adjust(step.path, before, { mode: after.mode, mtimeNs, owner: after.owner ?? null });
  }
}

/** Gives something a second name where nothing is; false when something is there by now. */
export function linkNew(from: Buffer, to: Buffer): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    const code = systemCodeOf(error) ?? "";
    if (code === "EEXIST") return false;
    if (!noLinks.has(code)) throw error;
    if (lookAt(to) !== null) return false;
    renameSync(from, to);
    return true;
  }
}

/** Puts back what was taken by mistake, unless something new is in its place: then it stays where it was taken to. */
export function putBack(from: Buffer, to: Buffer): boolean {
  if (!linkNew(from, to)) return false;
  dropName(from);
  return true;
}

function dropName(path: Buffer): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemCodeOf(error) !== "ENOENT") throw error;
  }
}
