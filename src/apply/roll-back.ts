import { lchownSync, mkdirSync, renameSync, rmdirSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { AirlockError, messageOf, systemCodeOf } from "../base/errors.js";
import type { HostState, Skipped } from "../model/apply.js";
import { putBack } from "./commit.js";
import { conflictAt } from "./failures.js";
import { isSameContent, isSameInode, lookAt } from "./host-state.js";
import { adjustAt, type ProjectTree } from "./project-tree.js";
import type { Step, Steps } from "./record.js";
import type { Stage } from "./stage.js";

interface RollBackWish extends Steps {
  readonly tree: ProjectTree;
  /** Null when it is gone: then nothing of the old is left to bring back. */
  readonly stage: Stage | null;
  readonly onStep: (what: string) => void;
}

/** How a roll-back went. */
export interface RolledBack {
  /** Paths that somebody else changed meanwhile: they stay as that somebody left them. */
  readonly kept: readonly Skipped[];
  /** Paths that should have been brought back and could not be. */
  readonly failed: readonly Skipped[];
}

const changed = "was changed by somebody else meanwhile";

/**
 * Takes back whatever was done, newest first. What that is it reads off the disk: the path holds the old inode, the staged
 * one, or somebody else's. So it can be killed at any point and begun again.
 */
export async function rollBack(wish: RollBackWish): Promise<RolledBack> {
  const back = new RollBack(wish);
  back.openMade();
  for (const step of wish.steps.toReversed()) {
    back.step(step);
    await setImmediate();
  }
  back.settleFolders();
  return { kept: back.kept, failed: back.failed };
}

class RollBack {
  readonly kept: Skipped[] = [];
  readonly failed: Skipped[] = [];
  readonly #wish: RollBackWish;
  /** What stood where something of another type was to come. */
  readonly #removed: ReadonlyMap<string, HostState | null>;

  constructor(wish: RollBackWish) {
    this.#wish = wish;
    const removals = wish.steps.filter(({ act }) => act === "remove");
    this.#removed = new Map(removals.map(({ path, before }) => [path, before]));
  }

  /** New folders may have come without the right to write into them. */
  openMade(): void {
    for (const step of this.#wish.steps) {
      if (step.act !== "make" || step.after?.type !== "dir" || (step.after.mode & 0o700) === 0o700) continue;
      this.#try(step.path, () => {
        const now = this.#wish.tree.look(step.path);
        if (now !== null && isSameInode(step.staged, now))
          this.#wish.tree.adjust(step.path, now, { mode: now.mode | 0o700 });
      });
    }
    for (const { folder, before } of this.#wish.folders) {
      if ((before.mode & 0o300) !== 0o300) continue;
      this.#try(folder, () => {
        const now = this.#wish.tree.look(folder);
        if (now === null || !isSameInode(before, now) || (now.mode & 0o300) === 0o300) return;
        this.#wish.tree.adjust(folder, now, { mode: now.mode | 0o300 });
      });
    }
  }

  step(step: Step): void {
    this.#try(step.path, () => {
      if (step.act === "make") this.#make(step);
      else if (step.act === "replace") this.#replace(step);
      else if (step.act === "adjust") this.#adjust(step);
      else if (step.before?.type === "dir") this.#removeFolder(step);
      else this.#remove(step);
    });
  }

  #try(path: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      if (error instanceof AirlockError && error.code === "E_APPLY_CONFLICT") this.#keep(path);
      else this.failed.push({ path, reason: messageOf(error) });
    }
  }

  #keep(path: string): void {
    this.kept.push({ path, reason: changed });
  }

  #kept(step: Step): Buffer | null {
    const { stage } = this.#wish;
    if (stage === null) return null;
    const path = stage.at(`b${step.number}`);
    const state = lookAt(path);
    return isSameInode(step.before, state) ? path : null;
  }

  #make(step: Step): void {
    const { tree, stage } = this.#wish;
    const now = tree.look(step.path);
    if (now === null || !isSameInode(step.staged, now)) {
      if (now !== null && this.#isForeign(step, now)) this.#keep(step.path);
      return;
    }
    if (!isSameContent(step.staged, now)) throw conflictAt(step.path, changed);
    const path = tree.at(step.path);
    this.#wish.onStep(`unmake ${step.number}`);
    if (now.type === "dir") {
      this.#unmakeFolder(step, path);
      return;
    }
    if (stage === null) throw conflictAt(step.path, changed);
    const taken = stage.at(`u${step.number}`);
    renameSync(path, taken);
    if (isSameContent(step.staged, lookAt(taken))) return;
    putBack(taken, path);
    this.#keep(step.path);
  }

  // Ours may not have come so far, or may be gone again and what was there before be back: a roll-back can begin anew.
  #isForeign(step: Step, now: HostState): boolean {
    if (step.carriedBy !== null) return false;
    if (this.#wish.stage?.look(`n${step.number}`) != null) return false;
    const removed = this.#removed.get(step.path);
    if (removed === undefined || removed === null) return true;
    return !(isSameInode(removed, now) || (removed.type === "dir" && now.type === "dir"));
  }

  #unmakeFolder(step: Step, path: Buffer): void {
    try {
      rmdirSync(path);
    } catch (error) {
      const full = systemCodeOf(error) === "ENOTEMPTY" || systemCodeOf(error) === "EEXIST";
      if (!full) throw error;
      this.#keep(step.path);
    }
  }

  #replace(step: Step): void {
    const { tree } = this.#wish;
    const now = tree.look(step.path);
    const old = this.#kept(step);
    if (isSameInode(step.before, now)) return;
    if (old === null) {
      if (isSameInode(step.staged, now)) this.failed.push({ path: step.path, reason: "its before-image is gone" });
      else this.#keep(step.path);
      return;
    }
    const path = tree.at(step.path);
    if (now === null) {
      // Only where no hard links are is a file moved away before its successor comes.
      this.#wish.onStep(`put back ${step.number}`);
      if (!putBack(old, path)) this.#keep(step.path);
      return;
    }
    if (!isSameContent(step.staged, now)) throw conflictAt(step.path, changed);
    this.#wish.onStep(`put back ${step.number}`);
    renameSync(old, path);
  }

  #remove(step: Step): void {
    const { tree } = this.#wish;
    const now = tree.look(step.path);
    if (isSameInode(step.before, now)) return;
    const old = this.#kept(step);
    if (old === null) {
      if (now === null) this.failed.push({ path: step.path, reason: "its before-image is gone" });
      else this.#keep(step.path);
      return;
    }
    this.#wish.onStep(`put back ${step.number}`);
    if (!putBack(old, tree.at(step.path))) this.#keep(step.path);
  }

  #removeFolder(step: Step): void {
    const { tree } = this.#wish;
    const now = tree.look(step.path);
    if (now?.type === "dir") return;
    if (now !== null) throw conflictAt(step.path, changed);
    this.#wish.onStep(`mkdir ${step.number}`);
    mkdirSync(tree.at(step.path), { mode: 0o700 });
  }

  #adjust(step: Step): void {
    const { tree } = this.#wish;
    const { before, after } = step;
    const now = tree.look(step.path);
    if (before === null || after === null) return;
    if (!isSameInode(before, now) || now === null) throw conflictAt(step.path, changed);
    if (before.type === "dir") return;
    if (now.size !== before.size || !isTimeOf(now, before.mtimeNs, after.mtimeNs)) throw conflictAt(step.path, changed);
    this.#wish.onStep(`adjust back ${step.number}`);
    this.#restore(step.path, before, now);
  }

  /** Folders at last: what happens in them moves their times. */
  settleFolders(): void {
    const wanted = new Map<string, HostState>();
    for (const { path, before } of this.#wish.steps) if (before?.type === "dir") wanted.set(path, before);
    for (const { folder, before } of this.#wish.folders) wanted.set(folder, before);
    for (const [path, before] of [...wanted].sort(([a], [b]) => (a < b ? 1 : -1))) {
      this.#try(path, () => {
        const now = this.#wish.tree.look(path);
        if (now?.type === "dir") this.#restore(path, before, now);
      });
    }
  }

  #restore(path: string, before: HostState, now: HostState): void {
    const at = this.#wish.tree.at(path);
    if (before.uid !== now.uid || before.gid !== now.gid) lchownSync(at, before.uid, before.gid);
    const mtimeNs = before.mtimeNs === now.mtimeNs ? null : BigInt(before.mtimeNs);
    adjustAt(at, now, { ...(before.mode === now.mode ? {} : { mode: before.mode }), mtimeNs });
  }
}

// Set by us to the microsecond, or not yet.
function isTimeOf(now: HostState, before: string, after: bigint | null): boolean {
  return now.mtimeNs === before || (after !== null && BigInt(now.mtimeNs) / 1000n === after / 1000n);
}
