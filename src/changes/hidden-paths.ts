import type { HiddenFile } from "../model/session.js";
import { parentOf } from "./tree-order.js";

/** The paths of the base that the sandbox never saw. */
export class HiddenPaths {
  readonly #hidden: ReadonlySet<string>;
  readonly #holders = new Map<string, number>();

  constructor(hidden: readonly HiddenFile[]) {
    this.#hidden = new Set(hidden.map(({ path }) => path));
    for (const path of this.#hidden) {
      for (let folder = path; folder !== ""; ) {
        folder = parentOf(folder);
        this.#holders.set(folder, (this.#holders.get(folder) ?? 0) + 1);
      }
    }
  }

  /** Whether a path, or a folder around it, is hidden. */
  covers(path: string): boolean {
    if (this.#hidden.size === 0) return false;
    for (let each = path; each !== ""; each = parentOf(each)) if (this.#hidden.has(each)) return true;
    return false;
  }

  /** How many hidden paths a folder holds, at any depth. */
  countBelow(folder: string): number {
    return this.#holders.get(folder) ?? 0;
  }
}
