import { AirlockError } from "../base/errors.js";
import type { BaseEntry, BaseReader } from "./base-reader.js";
import { type Draft, kindBetween, type ScannedEntry, stateOfBase, stateOfEntry } from "./draft.js";
import type { HiddenPaths } from "./hidden-paths.js";
import { compareInTree, isBelow, parentOf } from "./tree-order.js";
import { type BaseItem, walkBase } from "./walk-base.js";

interface ScanInput {
  readonly base: BaseReader;
  readonly hidden: HiddenPaths;
  readonly baseTimeMs: number;
  readonly settled: ReadonlyMap<string, number>;
  readonly maxEntries: number;
}

const maxPathUnits = 65_536;

/** Goes along a layer and the base side by side and finds what differs; content is not read. */
export class LayerScan {
  readonly #input: ScanInput;
  /** A part of the base that the layer hides; what the layer does not have again was deleted. */
  #region: HiddenRegion | null = null;
  #last: string | null = null;
  /** A folder of the layer that the base does not have: nothing below it needs looking for. */
  #new: string | null = null;
  #entries = 0;

  constructor(input: ScanInput) {
    this.#input = input;
  }

  /** The differences that an entry reveals, its own and those of the base that lie before it. */
  *take(entry: ScannedEntry): Generator<Draft, void, void> {
    this.#check(entry);
    if (this.#region !== null && !isBelow(entry.path, this.#region.root)) yield* this.#leaveRegion();
    if (this.#region !== null) yield* this.#deletions(this.#region.upTo(entry));
    const found = this.#look(entry);
    if (entry.kind === "whiteout") yield* this.#takeWhiteout(entry, found);
    else yield* this.#takeEntry(entry, found);
  }

  #look({ path, kind }: ScannedEntry): BaseEntry | null {
    if (this.#new !== null && isBelow(path, this.#new)) return null;
    const found = this.#input.base.look(path);
    this.#new = found === null && kind === "dir" ? path : null;
    return found;
  }

  /** What is left when the layer's entries are over. */
  *finish(): Generator<Draft, void, void> {
    yield* this.#leaveRegion();
  }

  *#leaveRegion(): Generator<Draft, void, void> {
    const region = this.#region;
    this.#region = null;
    if (region !== null) yield* this.#deletions(region.rest());
  }

  *#takeWhiteout(entry: ScannedEntry, found: BaseEntry | null): Generator<Draft, void, void> {
    const { base, hidden } = this.#input;
    if (found === null || this.#region !== null || hidden.covers(entry.path)) return;
    if (found.type === "dir") this.#hide(entry.path);
    const unlisted = found.type === "dir" && base.list(entry.path) === null;
    yield* this.#deletions([{ path: entry.path, entry: found, unlisted }]);
  }

  *#takeEntry(entry: ScannedEntry, found: BaseEntry | null): Generator<Draft, void, void> {
    const { hidden } = this.#input;
    const after = stateOfEntry(entry);
    if (after === null) return;
    const masked = hidden.covers(entry.path);
    const before = found === null || masked ? null : stateOfBase(found);
    const losesFolder = before?.type === "dir" && after.type !== "dir";
    if ((losesFolder || (entry.opaque && before?.type === "dir")) && this.#region === null) this.#hide(entry.path);
    const kind = kindBetween(before, after);
    if (kind === null) return;
    const conflict = found === null ? this.#vanished(entry) : this.#movedOn(entry.path, found);
    const path = entry.path === "" ? "." : entry.path;
    const warnings = losesFolder ? hiddenWarning(hidden.countBelow(entry.path)) : [];
    const { content } = entry;
    yield { path, kind, before, after, masked, conflict, warnings, remarks: remarksOn(entry), content };
  }

  #hide(root: string): void {
    const { base, hidden } = this.#input;
    this.#region = new HiddenRegion(root, walkBase(base, root, hidden));
  }

  *#deletions(items: Iterable<BaseItem>): Generator<Draft, void, void> {
    const { hidden } = this.#input;
    for (const { path, entry, unlisted } of items) {
      // A folder with a hidden file in it cannot go: the agent could not delete what it never saw.
      if (entry.type === "dir" && hidden.countBelow(path) > 0) continue;
      const conflict = this.#movedOn(path, entry);
      const warnings = unlisted ? ["cannot be read on the host, so what it holds is not listed"] : [];
      yield {
        path,
        kind: "deleted",
        before: stateOfBase(entry),
        after: null,
        masked: false,
        conflict,
        warnings,
        remarks: [],
      };
    }
  }

  // The base does not have it: made by the agent, or deleted on the host while the agent changed a copy of it. A copy
  // that was renamed inside looks the same as the latter, so the folder must have changed on the host as well.
  #vanished(entry: ScannedEntry): boolean {
    if (entry.copiedUp === false) return false;
    const folder = parentOf(entry.path);
    const parent = this.#input.base.look(folder);
    return parent !== null && this.#movedOn(folder, parent);
  }

  // What an apply of this session wrote is the host's latest state and no surprise.
  #movedOn(path: string, { ctimeMs }: BaseEntry): boolean {
    return ctimeMs > this.#input.baseTimeMs && ctimeMs !== this.#input.settled.get(path);
  }

  // Deletions are found by going along in step, so entries out of order would hide some.
  #check({ path }: ScannedEntry): void {
    this.#entries += 1;
    if (this.#entries > this.#input.maxEntries) {
      throw new AirlockError("E_LAYER_LIMIT", `the session changed more than ${this.#input.maxEntries} paths`);
    }
    const strange = path !== "" && path.split("/").some((name) => name === "" || name === "." || name === "..");
    const disordered = this.#last !== null && compareInTree(this.#last, path) >= 0;
    if (strange || disordered || path.includes("\0") || path.length > maxPathUnits) {
      throw new AirlockError(
        "E_KEEPER_FAILED",
        `the layer's list is not usable at ${JSON.stringify(path.slice(0, 200))}`,
      );
    }
    this.#last = path;
  }
}

class HiddenRegion {
  readonly root: string;
  readonly #walk: Iterator<BaseItem, void, void>;
  #next: BaseItem | null = null;
  #over = false;

  constructor(root: string, walk: Iterator<BaseItem, void, void>) {
    this.root = root;
    this.#walk = walk;
  }

  #peek(): BaseItem | null {
    if (this.#next !== null || this.#over) return this.#next;
    const step = this.#walk.next();
    if (step.done === true) this.#over = true;
    else this.#next = step.value;
    return this.#next;
  }

  /** What the base has before an entry; the entry itself is there again, so it is passed over. */
  *upTo(entry: ScannedEntry): Generator<BaseItem, void, void> {
    for (let item = this.#peek(); item !== null; item = this.#peek()) {
      const order = compareInTree(item.path, entry.path);
      if (order > 0 || (order === 0 && entry.kind === "whiteout")) return;
      this.#next = null;
      if (order < 0) yield item;
    }
  }

  *rest(): Generator<BaseItem, void, void> {
    for (let item = this.#peek(); item !== null; item = this.#peek()) {
      this.#next = null;
      yield item;
    }
  }
}

function hiddenWarning(count: number): string[] {
  return count === 0
    ? []
    : [`takes the place of a folder that holds ${count} hidden ${count === 1 ? "file" : "files"}`];
}

function remarksOn({ attributes, links, kind }: ScannedEntry): string[] {
  const remarks =
    attributes.length === 0 ? [] : [`has extended attributes, which are not kept: ${attributes.join(", ")}`];
  if (kind === "file" && links > 1) remarks.push(`has ${links} names (hard links), which become separate files`);
  return remarks;
}
