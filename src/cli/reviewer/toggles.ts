/** What lines are chosen in. */
interface Doc {
  readonly path: string;
  readonly lines: readonly { readonly sign: string }[];
  /** The numbers of all lines that change something. */
  readonly changed: readonly number[];
}

/** How much of a file is to be applied: all of it, or some lines of the very diff that they were chosen in. */
export type StagedPart<D> = "all" | { readonly doc: D; readonly lines: ReadonlySet<number> };

type StagedMap<D> = ReadonlyMap<string, StagedPart<D>>;

/** Stages all of some paths; takes them all back where every one was staged whole already. */
export function togglePaths<D>(staged: StagedMap<D>, paths: readonly string[]): StagedMap<D> {
  const next = new Map(staged);
  const isAll = paths.every((path) => staged.get(path) === "all");
  for (const path of paths) isAll ? next.delete(path) : next.set(path, "all");
  return next;
}

/** The lines of a document that are staged. */
export function stagedLines<D extends Doc>(staged: StagedPart<D> | undefined, doc: D): ReadonlySet<number> {
  return staged === "all" ? new Set(doc.changed) : (staged?.lines ?? new Set());
}

/** Stages some changed lines of a file; takes them back where every one was staged already. */
export function toggleLines<D extends Doc>(staged: StagedMap<D>, doc: D, lines: readonly number[]): StagedMap<D> {
  const wanted = lines.filter((line) => doc.lines[line]?.sign !== " ");
  if (wanted.length === 0) return staged;
  const picked = new Set(stagedLines(staged.get(doc.path), doc));
  const isAll = wanted.every((line) => picked.has(line));
  for (const line of wanted) isAll ? picked.delete(line) : picked.add(line);
  const next = new Map(staged);
  if (picked.size === 0) next.delete(doc.path);
  else next.set(doc.path, picked.size === doc.changed.length ? "all" : { doc, lines: picked });
  return next;
}
