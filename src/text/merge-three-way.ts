import { diffContents, latin1, splitLines } from "./line-diff.js";

/** A stretch of lines that both sides changed, each in its own way. Lines are Latin-1, with their line feeds. */
interface MergeConflict {
  /** The first line of the stretch in the base, from 1. */
  readonly baseLine: number;
  readonly base: readonly string[];
  readonly ours: readonly string[];
  readonly theirs: readonly string[];
}

type Merged = { readonly bytes: Uint8Array } | { readonly conflicts: readonly MergeConflict[] };

/** Base lines `from` to `until` (excluded) become `lines`. */
interface Edit {
  readonly from: number;
  readonly until: number;
  readonly lines: readonly string[];
}

function editsBetween(base: Uint8Array, side: Uint8Array): Edit[] {
  const edits: { from: number; until: number; lines: string[] }[] = [];
  for (const hunk of diffContents(base, side)) {
    let at = hunk.oldCount === 0 ? hunk.oldStart : hunk.oldStart - 1;
    let open = false;
    for (const { sign, text } of hunk.lines) {
      if (sign !== " " && !open) edits.push({ from: at, until: at, lines: [] });
      open = sign !== " ";
      const last = edits.at(-1);
      if (sign !== "+") at += 1;
      if (!open || last === undefined) continue;
      if (sign === "+") last.lines.push(text);
      else last.until = at;
    }
  }
  return edits;
}

/** Takes the edits of both sides in turn, as groups that touch each other. */
class Merge {
  readonly #base: readonly string[];
  readonly #ours: Edit[];
  readonly #theirs: Edit[];
  readonly lines: string[] = [];
  readonly conflicts: MergeConflict[] = [];
  #at = 0;

  constructor(base: Uint8Array, ours: Uint8Array, theirs: Uint8Array) {
    this.#base = splitLines(latin1(base));
    this.#ours = editsBetween(base, ours);
    this.#theirs = editsBetween(base, theirs);
  }

  run(): void {
    for (;;) {
      const first = Math.min(
        this.#ours[0]?.from ?? Number.POSITIVE_INFINITY,
        this.#theirs[0]?.from ?? Number.POSITIVE_INFINITY,
      );
      if (first === Number.POSITIVE_INFINITY) break;
      this.#copyUntil(first);
      this.#takeGroup(first);
    }
    this.#copyUntil(this.#base.length);
  }

  #take(lines: readonly string[]): void {
    for (const line of lines) this.lines.push(line);
  }

  #copyUntil(until: number): void {
    for (; this.#at < until; this.#at += 1) this.lines.push(this.#base[this.#at] ?? "");
  }

  // Edits that touch belong together: text that is new on both sides of one line has no order of its own.
  #takeGroup(from: number): void {
    const ours: Edit[] = [];
    const theirs: Edit[] = [];
    let until = from;
    for (;;) {
      const taken = this.#takeTouching(this.#ours, ours, until) ?? this.#takeTouching(this.#theirs, theirs, until);
      if (taken === null) break;
      until = Math.max(until, taken);
    }
    this.#resolve(from, until, this.#apply(ours, from, until), this.#apply(theirs, from, until));
    this.#at = until;
  }

  #takeTouching(queue: Edit[], into: Edit[], until: number): number | null {
    const next = queue[0];
    if (next === undefined || next.from > until) return null;
    queue.shift();
    into.push(next);
    return next.until;
  }

  #apply(edits: readonly Edit[], from: number, until: number): string[] {
    let lines: string[] = [];
    let at = from;
    for (const edit of edits) {
      lines = lines.concat(this.#base.slice(at, edit.from), edit.lines);
      at = edit.until;
    }
    return lines.concat(this.#base.slice(at, until));
  }

  #resolve(from: number, until: number, ours: readonly string[], theirs: readonly string[]): void {
    const base = this.#base.slice(from, until);
    if (isSame(ours, theirs) || isSame(base, theirs)) this.#take(ours);
    else if (isSame(base, ours)) this.#take(theirs);
    else this.conflicts.push({ baseLine: from + 1, base, ours, theirs });
  }
}

const isSame = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && left.every((line, at) => line === right[at]);

/**
 * Puts two changes of a text together: a stretch of lines that one side changed is taken from that side, one that both changed
 * alike is taken once. What both changed differently, or right beside each other, is a conflict, and then nothing is merged.
 */
export function mergeThreeWay(base: Uint8Array, ours: Uint8Array, theirs: Uint8Array): Merged {
  if (Buffer.compare(ours, theirs) === 0 || Buffer.compare(base, theirs) === 0) return { bytes: ours };
  if (Buffer.compare(base, ours) === 0) return { bytes: theirs };
  // Lines mean nothing in a binary file: two changes far apart can still break it together.
  const whole = [base, ours, theirs].map((side) => splitLines(latin1(side)));
  if ([base, ours, theirs].some((side) => side.includes(0))) {
    return { conflicts: [{ baseLine: 1, base: whole[0] ?? [], ours: whole[1] ?? [], theirs: whole[2] ?? [] }] };
  }
  const merge = new Merge(base, ours, theirs);
  merge.run();
  if (merge.conflicts.length > 0) return { conflicts: merge.conflicts };
  return { bytes: Buffer.from(merge.lines.join(""), "latin1") };
}
