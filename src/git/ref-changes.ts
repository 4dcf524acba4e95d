import type { Change } from "../model/change.js";
import type { MovedRef } from "./branches.js";
import { isRefName, type PackedRefs, packedRefsBytes, parseLooseRef, parsePackedRefs, type RefValue } from "./refs.js";
import type { ReadFile } from "./report.js";

/** The refs of one side, read when asked for. */
class Side {
  readonly packed: PackedRefs;
  readonly #read: ReadFile;

  constructor(read: ReadFile, packed: PackedRefs) {
    this.#read = read;
    this.packed = packed;
  }

  async loose(name: string): Promise<RefValue | null> {
    const bytes = await this.#read(`.git/${name}`, 8_192);
    return bytes === null ? null : parseLooseRef(bytes);
  }

  /** The object that a ref stands for, through at most five others as git allows. */
  async resolve(name: string): Promise<string | null> {
    for (let wanted = name, hops = 0; hops <= 5; hops += 1) {
      const value: RefValue | null = await this.loose(wanted);
      if (value === null) return this.packed.refs.get(wanted) ?? null;
      if ("id" in value) return value.id;
      wanted = value.symbolic;
    }
    return null;
  }
}

async function readPacked(read: ReadFile): Promise<PackedRefs> {
  const bytes = await read(".git/packed-refs", packedRefsBytes);
  return bytes === null ? { refs: new Map(), strange: 0 } : parsePackedRefs(bytes);
}

/** Refs that differ between the sides. */
export interface RefChanges {
  readonly moved: readonly MovedRef[];
  readonly head: { readonly before: string | null; readonly after: string | null } | null;
  /** The host's tips, as far as they were read. */
  readonly known: ReadonlySet<string>;
  readonly notes: readonly string[];
}

const maxRefs = 5_000;

async function readHead(side: Side): Promise<string | null> {
  const value = await side.loose("HEAD");
  return value === null ? null : "id" in value ? value.id : value.symbolic;
}

function candidates(changes: readonly Change[], before: PackedRefs, after: PackedRefs, notes: string[]): string[] {
  const names = new Set<string>();
  for (const { path, type, after: state } of changes) {
    const name = path.slice(".git/".length);
    if (name === "HEAD" || name === "packed-refs") continue;
    if (type !== "file") notes.push(`${path} is no regular file, so it is no ref`);
    else if (isRefName(name)) names.add(name);
    else if (state !== null) notes.push(`${path} has no name of a ref`);
  }
  if (changes.some(({ path }) => path === ".git/packed-refs")) {
    for (const [name, id] of before.refs) if (after.refs.get(name) !== id) names.add(name);
    for (const [name, id] of after.refs) if (before.refs.get(name) !== id) names.add(name);
    if (after.strange > 0) notes.push(`.git/packed-refs has ${after.strange} lines that git would not write`);
  }
  // Branches first: whatever is too many, they are compared.
  const rank = (name: string): string => (name.startsWith("refs/heads/") ? `0${name}` : `1${name}`);
  return [...names].sort((left, right) => (rank(left) < rank(right) ? -1 : 1));
}

/** Compares the refs of both sides where their files differ: the cost follows the changes, not the repository. */
export async function compareRefs(
  changes: readonly Change[],
  read: { before: ReadFile; after: ReadFile },
): Promise<RefChanges> {
  const notes: string[] = [];
  if (changes.length === 0) return { moved: [], head: null, known: new Set(), notes };
  const before = new Side(read.before, await readPacked(read.before));
  const packedMoved = changes.some(({ path }) => path === ".git/packed-refs");
  const after = new Side(read.after, packedMoved ? await readPacked(read.after) : before.packed);
  const names = candidates(changes, before.packed, after.packed, notes);
  if (names.length > maxRefs) notes.push(`${names.length - maxRefs} more refs changed than are compared here`);
  const moved: MovedRef[] = [];
  const conflicts = new Set(changes.filter(({ conflict }) => conflict).map(({ path }) => path));
  for (const name of names.slice(0, maxRefs)) {
    const [old, now] = [await before.resolve(name), await after.resolve(name)];
    if (old !== now) moved.push({ name, before: old, after: now, conflict: conflicts.has(`.git/${name}`) });
    else if (now === null) notes.push(`.git/${name} does not hold an object's id`);
  }
  const [oldHead, newHead] = [await readHead(before), await readHead(after)];
  const tips = [...before.packed.refs.values(), ...moved.map((ref) => ref.before), await before.resolve("HEAD")];
  const known = new Set(tips.filter((id) => id !== null));
  return { moved, head: oldHead === newHead ? null : { before: oldHead, after: newHead }, known, notes };
}
