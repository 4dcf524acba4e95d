import { encodePath } from "../base/byte-path.js";
import { displayPath } from "../base/escape.js";
import type { ApplyPlan, ConflictPolicy, Operation, Skipped } from "../model/apply.js";
import type { Change, LayerEntry } from "../model/change.js";
import { nameCollisions } from "./name-collisions.js";
import { linkTogether, operationFor, type Writing } from "./operation-for.js";
import { leaveOff, refusalOf } from "./refuse.js";
import { resolveConflict } from "./resolve-conflict.js";
import { ancestorsOf, inFolder, inTreeOrder, nameOf, parentOf } from "./tree-names.js";

interface PlanInput {
  /** Every change of the session, with the hashes of both sides. */
  readonly changes: readonly Change[];
  /** Those to apply; one that a person chose in part stands for itself here. */
  readonly chosen: readonly Change[];
  /** Contents of files of which only a part was chosen. */
  readonly overrides: ReadonlyMap<string, Uint8Array>;
  /** The layer's listing that the changes were found in; the project itself is "". */
  readonly entries: ReadonlyMap<string, LayerEntry>;
  readonly policy: ConflictPolicy;
  /** With `merge`: for what cannot be merged. */
  readonly unmerged?: ConflictPolicy;
  readonly session: string;
  /** The names that the host has in a folder; "" is the project. Empty when it has no such folder. */
  readonly siblings: (folder: string) => readonly string[];
  /** Both sides' changes of a text put together; null when they do not go together. */
  readonly mergeOf: (path: string) => Uint8Array | null;
  /** What a person said no to: it is not taken in for anything else either. */
  readonly refused?: ReadonlySet<string>;
  /** The host takes names that differ in case or form for the same. */
  readonly caseInsensitive?: boolean;
  /** Files that were hidden from the sandbox may be made from what was made inside. */
  readonly allowMasked?: boolean;
}

type Verdict =
  | ({ readonly act: "write" } & Writing)
  | { readonly act: "skip"; readonly reason: string }
  | { readonly act: "conflict"; readonly reason: string };

const longestName = 255;

const skip = (reason: string): Verdict => ({ act: "skip", reason });
const makesFolder = ({ before, after }: Change): boolean => after?.type === "dir" && before?.type !== "dir";
const losesFolder = ({ before, after }: Change): boolean => before?.type === "dir" && after?.type !== "dir";

/**
 * What an apply of the chosen changes does. Pure. Beyond what was chosen it takes in only what that cannot be without: the
 * new folders around a path, and the deletions below a folder that becomes something else; both are operations like any other.
 */
export function planApply(input: PlanInput): ApplyPlan {
  return new Planning(input).plan();
}

class Planning {
  readonly #input: PlanInput;
  readonly #chosen: ReadonlyMap<string, Change>;
  /** Chosen or taken in. */
  readonly #considered = new Map<string, Change>();
  readonly #verdicts = new Map<string, Verdict>();
  readonly #given = new Set<string>();
  readonly #refusals = new Map<string, string | null>();
  readonly #making = new Map<string, string | null>();
  readonly #losing = new Map<string, string | null>();

  constructor(input: PlanInput) {
    this.#input = input;
    this.#chosen = new Map(input.chosen.map((change) => [change.path, change]));
  }

  plan(): ApplyPlan {
    this.#takeIn();
    const sorted = [...this.#considered.values()].sort(inTreeOrder);
    const collisions = this.#input.caseInsensitive === true ? this.#collisions() : new Map<string, string>();
    for (const change of sorted) this.#verdicts.set(change.path, this.#judge(change, collisions));
    // From the deepest up: a folder can go only when all that it holds goes.
    for (const change of sorted.toReversed()) if (losesFolder(change)) this.#requireEmptied(change);
    return this.#collect(sorted);
  }

  #takeIn(): void {
    const all = new Map(this.#input.changes.map((change) => [change.path, change]));
    const seen = new Set<string>();
    for (const change of this.#chosen.values()) {
      this.#considered.set(change.path, change);
      if (change.after === null || this.#refusalOf(change) !== null) continue;
      for (const folder of ancestorsOf(change.path)) {
        if (seen.has(folder)) break;
        seen.add(folder);
        const found = this.#chosen.get(folder) ?? all.get(folder);
        if (found !== undefined && makesFolder(found)) this.#considered.set(folder, found);
      }
    }
    for (const change of this.#input.changes) {
      if (change.after === null && !this.#considered.has(change.path) && this.#replacedAbove(change.path) !== null) {
        this.#considered.set(change.path, change);
      }
    }
  }

  /** The folder above a path that becomes something else. */
  #replacedAbove(path: string): Change | null {
    for (const folder of ancestorsOf(path)) {
      const found = this.#considered.get(folder);
      if (found !== undefined && found.after !== null && losesFolder(found)) return found;
    }
    return null;
  }

  #judge(change: Change, collisions: ReadonlyMap<string, string>): Verdict {
    const { path, after } = change;
    const reason = this.#refusalOf(change) ?? collisions.get(path);
    if (reason !== undefined) return skip(reason);
    const above = after === null ? this.#stayingAbove(path) : this.#folderAbove(path);
    if (typeof above === "object") return above;
    if (above !== path) return { act: "write", path: above, bytes: this.#input.overrides.get(path) };
    return this.#judgeByItself(change);
  }

  #refusalOf(change: Change): string | null {
    const known = this.#refusals.get(change.path);
    if (known !== undefined) return known;
    const { allowMasked, refused } = this.#input;
    const found = refusalOf(change, allowMasked) ?? (refused?.has(change.path) ? "refused" : null);
    this.#refusals.set(change.path, found);
    return found;
  }

  /** Where a path lands by the new folders around it, or why it does not. */
  #folderAbove(path: string): Verdict | string {
    const folder = this.#nearest(parentOf(path), makesFolder, this.#making);
    const verdict = folder === null ? undefined : this.#verdicts.get(folder);
    if (folder === null || verdict === undefined) return path;
    if (verdict.act === "write") return verdict.path + path.slice(folder.length);
    return skip(`lies in ${displayPath(folder)}, which is not applied: ${verdict.reason}`);
  }

  /** Where the host's folder stays, so does what it holds: it may be another folder by now. */
  #stayingAbove(path: string): Verdict | string {
    const folder = this.#nearest(parentOf(path), losesFolder, this.#losing);
    const verdict = folder === null ? undefined : this.#verdicts.get(folder);
    if (folder === null || verdict === undefined) return path;
    // A folder around it that stays makes this one stay as well.
    return verdict.act === "write" && verdict.path === folder ? path : skip(`stays with ${displayPath(folder)}`);
  }

  /** The nearest considered folder at or above a path of which something is true. */
  #nearest(path: string, fits: (change: Change) => boolean, known: Map<string, string | null>): string | null {
    const passed: string[] = [];
    let nearest: string | null = null;
    for (let at = path; at !== "" && nearest === null; at = parentOf(at)) {
      const before = known.get(at);
      const change = this.#considered.get(at);
      if (before !== undefined) nearest = before;
      else if (change !== undefined && fits(change)) nearest = at;
      passed.push(at);
      if (before === null) break;
    }
    for (const each of passed) known.set(each, nearest);
    return nearest;
  }

  #judgeByItself(change: Change): Verdict {
    const { path } = change;
    const bytes = this.#input.overrides.get(path);
    const write = { act: "write", path, bytes } as const;
    if (change.conflict) {
      // Hunks were chosen by looking at the host's text: there is no merging them a second time.
      const mergeOf = bytes === undefined ? this.#input.mergeOf : () => null;
      const found = this.#resolve(change, mergeOf);
      if (found.act === "ask") return { act: "conflict", reason: found.reason };
      if (found.act === "keep") return skip(found.reason);
      if (found.act === "merge") return { ...write, bytes: found.bytes, merged: true };
      if (found.act === "beside") {
        const beside = this.#pathBeside(path);
        if (beside === null) return { act: "conflict", reason: `${found.reason}, and its name is too long for two` };
        return {
          ...write,
          path: beside,
          why: `${found.reason}: the host's version stays, the session's is ${displayPath(beside)}`,
        };
      }
    }
    const { mode, notes } = leaveOff(change, undefined);
    return change.kind === "mode" && mode === change.before?.mode ? skip(notes.join("; ") || "changes nothing") : write;
  }

  #resolve(change: Change, mergeOf: (path: string) => Uint8Array | null): ReturnType<typeof resolveConflict> {
    const { policy, unmerged } = this.#input;
    const found = resolveConflict(change, policy, mergeOf);
    return found.act === "ask" && unmerged !== undefined ? resolveConflict(change, unmerged, () => null) : found;
  }

  #pathBeside(path: string): string | null {
    const folder = parentOf(path);
    const taken = new Set(this.#input.siblings(folder));
    for (let number = 1; ; number += 1) {
      const name = `${nameOf(path)}.airlock-${this.#input.session}${number === 1 ? "" : `-${number}`}`;
      const beside = inFolder(folder, name);
      if (encodePath(name).length > longestName) return null;
      if (taken.has(name) || this.#given.has(beside) || this.#considered.has(beside)) continue;
      this.#given.add(beside);
      return beside;
    }
  }

  #collisions(): Map<string, string> {
    return nameCollisions(this.#considered, this.#input.siblings);
  }

  #requireEmptied(change: Change): void {
    const { path } = change;
    const verdict = this.#verdicts.get(path);
    if (verdict?.act !== "write" || verdict.path !== path) return;
    const left = this.#input.siblings(path).find((name) => !this.#goes(inFolder(path, name)));
    if (left === undefined) return;
    this.#verdicts.set(path, skip(`still holds ${displayPath(inFolder(path, left))}, which stays`));
    if (change.after === null) return;
    // It becomes something else with all that it held, or not at all.
    for (const each of this.#considered.keys()) {
      if (each.startsWith(`${path}/`) && this.#goes(each))
        this.#verdicts.set(each, skip(`stays with ${displayPath(path)}`));
    }
  }

  #goes(path: string): boolean {
    return this.#considered.get(path)?.after === null && this.#verdicts.get(path)?.act === "write";
  }

  /** New folders that were taken in and that something needs: the rest is left again. */
  #neededFolders(): ReadonlySet<string> {
    const needed = new Set<string>();
    for (const path of this.#chosen.keys()) {
      if (this.#verdicts.get(path)?.act !== "write") continue;
      for (const folder of ancestorsOf(path)) {
        if (needed.has(folder)) break;
        needed.add(folder);
      }
    }
    return needed;
  }

  #collect(sorted: readonly Change[]): ApplyPlan {
    const operations: Operation[] = [];
    const skipped: Skipped[] = [];
    const conflicts: Skipped[] = [];
    const needed = this.#neededFolders();
    for (const change of sorted) {
      const { path } = change;
      const verdict = this.#verdicts.get(path);
      const isChosen = this.#chosen.has(path);
      if (verdict?.act === "conflict") conflicts.push({ path, reason: verdict.reason });
      else if (verdict?.act === "skip" && isChosen) skipped.push({ path, reason: verdict.reason });
      if (verdict?.act !== "write" || !(isChosen || change.after === null || needed.has(path))) continue;
      const { operation, notes } = operationFor(change, verdict, this.#input.entries.get(path === "." ? "" : path));
      operations.push(operation);
      skipped.push(...notes.map((reason) => ({ path, reason })));
    }
    return { operations: linkTogether(operations, this.#input.entries).sort(inTreeOrder), skipped, conflicts };
  }
}
