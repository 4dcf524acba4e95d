import { mkdirSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { decodePath, encodePath } from "../base/byte-path.js";
import { openSafeFolders, type SafeFolders } from "../base/safe-folders.js";
import type { HostState } from "../model/apply.js";
import { conflictAt, failureAt } from "./failures.js";
import { lookAt } from "./host-state.js";
import { adjustAt, componentsOf, type ProjectTree } from "./project-tree.js";
import type { Step } from "./record.js";

/** The folder at the project's root in which everything waits, on the same file system as its place. */
export class Stage implements Disposable {
  readonly name: string;
  readonly #folders: SafeFolders;
  readonly #tree: ProjectTree;

  constructor(tree: ProjectTree, name: string) {
    this.#tree = tree;
    this.name = name;
    // A handle of its own: what somebody else puts in its place is never written.
    this.#folders = openSafeFolders(decodePath(tree.at(name)));
  }

  /** The system path of something in the stage: directly, or inside a new folder that is built there. */
  at(...names: readonly string[]): Buffer {
    const folder = this.#folders.locate(names.slice(0, -1));
    if (folder === null) throw conflictAt(this.name, "was changed by somebody else");
    return Buffer.concat([folder, encodePath(names.at(-1) ?? "")]);
  }

  look(name: string): HostState | null {
    return lookAt(this.at(name));
  }

  /** Removes the stage and all that is left in it. */
  remove(): void {
    this.#folders.forget();
    const inside = this.#folders.locate([]);
    if (inside !== null) emptyFolder(inside);
    rmdirSync(this.#tree.at(this.name));
  }

  [Symbol.dispose](): void {
    this.#folders[Symbol.dispose]();
  }
}

function emptyFolder(folder: Buffer): void {
  for (const name of readdirSync(folder, { encoding: "buffer" })) {
    const path = Buffer.concat([folder, name]);
    const state = lookAt(path);
    if (state === null) continue;
    if (state.type !== "dir") {
      unlinkSync(path);
      continue;
    }
    if ((state.mode & 0o700) !== 0o700) adjustAt(path, state, { mode: 0o700 });
    using below = openSafeFolders(decodePath(path));
    const inside = below.locate([]);
    if (inside !== null) emptyFolder(inside);
    rmdirSync(path);
  }
}

/** Makes the stage; a name that is taken is somebody else's. */
export function makeStage(tree: ProjectTree, name: string): Stage {
  try {
    mkdirSync(tree.at(name), { mode: 0o700 });
  } catch (error) {
    throw failureAt(".", "stage an apply in", error);
  }
  return new Stage(tree, name);
}

/** Opens the stage of an interrupted apply; null when it is gone. */
export function openStage(tree: ProjectTree, name: string): Stage | null {
  return tree.look(name)?.type === "dir" ? new Stage(tree, name) : null;
}

type Placed = Pick<Step, "number" | "path" | "carriedBy">;

/** Where in the stage the new entry of a step is, as long as it was not put in its place. */
export function stagedPath(stage: Stage, step: Placed, byNumber: ReadonlyMap<number, Placed>): Buffer {
  const top = step.carriedBy === null ? undefined : byNumber.get(step.carriedBy);
  if (top === undefined) return stage.at(`n${step.number}`);
  return stage.at(`n${top.number}`, ...componentsOf(step.path.slice(top.path.length + 1)));
}
