import { AirlockError } from "../base/errors.js";
import type { LayerEntry } from "../model/change.js";

/** A layer's entry, with what the overlay and the keeper say beyond it. */
export interface ListedEntry extends LayerEntry {
  /** Whether the overlay copied it up from its base. */
  readonly copiedUp?: boolean | undefined;
  /** All of a small file's bytes, read at the same moment; absent where they were not asked for or not small. */
  readonly content?: Uint8Array;
}

/** An entry as it was listed, and how many bytes of its content follow the list. */
interface ParsedEntry {
  readonly entry: ListedEntry;
  readonly holds: number;
}

type Fields = Readonly<Record<string, unknown>>;

const kinds: ReadonlySet<unknown> = new Set([
  "file",
  "dir",
  "symlink",
  "whiteout",
  "fifo",
  "socket",
  "chardev",
  "blockdev",
]);
const known: ReadonlySet<string> = new Set(
  "path kind opaque mode uid gid size mtimeNs nlink ino copiedUp target sha256 xattrs holds".split(" "),
);

function refused(what: string): AirlockError {
  return new AirlockError("E_KEEPER_FAILED", `the keeper's answer to layer.list cannot be understood: ${what}`);
}

function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === "string") return value;
  throw refused(`${name} is no text`);
}

function count(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw refused(`${name} is no count`);
}

function decimal(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === "string" && /^-?\d{1,25}$/.test(value)) return value;
  throw refused(`${name} is no number`);
}

function kindOf(fields: Fields): LayerEntry["kind"] {
  const { kind } = fields;
  if (!kinds.has(kind)) throw refused("an unknown kind");
  return kind as LayerEntry["kind"];
}

function flag(value: unknown, name: string): boolean {
  if (typeof value === "boolean") return value;
  throw refused(`${name} is neither true nor false`);
}

function attributesOf({ xattrs }: Fields): readonly string[] {
  if (xattrs === undefined) return [];
  if (Array.isArray(xattrs) && xattrs.every((name) => typeof name === "string")) return xattrs as string[];
  throw refused("xattrs are no names");
}

function optionalsOf({ target, sha256 }: Fields): Pick<ListedEntry, "target" | "sha256"> | null {
  if (target === undefined && sha256 === undefined) return null;
  if (target !== undefined && typeof target !== "string") throw refused("a target is no text");
  if (sha256 !== undefined && !(typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256))) {
    throw refused("a SHA-256 is none");
  }
  return { ...(target === undefined ? {} : { target }), ...(sha256 === undefined ? {} : { sha256 }) };
}

// By hand: a schema takes ten times as long for each of 10,000 entries.
function parseEntry(value: unknown): ParsedEntry {
  if (typeof value !== "object" || value === null) throw refused("an entry is no object");
  const fields = value as Fields;
  for (const name in fields) if (!known.has(name)) throw refused("an entry has an unknown field");
  const entry: ListedEntry = {
    path: text(fields, "path"),
    kind: kindOf(fields),
    opaque: flag(fields["opaque"], "opaque"),
    mode: count(fields, "mode"),
    uid: count(fields, "uid"),
    gid: count(fields, "gid"),
    size: count(fields, "size"),
    mtimeNs: BigInt(decimal(fields, "mtimeNs")),
    links: count(fields, "nlink"),
    inode: decimal(fields, "ino"),
    attributes: attributesOf(fields),
    copiedUp: fields["copiedUp"] === undefined ? undefined : flag(fields["copiedUp"], "copiedUp"),
  };
  const more = optionalsOf(fields);
  const holds = fields["holds"] === undefined ? 0 : count(fields, "holds");
  if (holds > 0 && (entry.kind !== "file" || holds !== entry.size)) throw refused("a content has another size");
  return { entry: more === null ? entry : { ...entry, ...more }, holds };
}

function parseEntries(message: unknown): readonly ParsedEntry[] {
  const entries = (message as Fields | null)?.["entries"];
  if (!Array.isArray(entries) || Object.keys(message as Fields).length !== 1) throw refused("no list of entries");
  return entries.map(parseEntry);
}

/** Puts an answer to `layer.list` together: lists of entries, each followed by the contents that it announces, in one piece. */
export async function* listedEntries(
  answers: AsyncGenerator<unknown, unknown, void>,
): AsyncGenerator<readonly ListedEntry[], void, void> {
  for await (const message of answers) {
    const parsed = parseEntries(message);
    const announced = parsed.reduce((sum, { holds }) => sum + holds, 0);
    if (announced === 0) {
      yield parsed.map(({ entry }) => entry);
      continue;
    }
    const { value: data } = await answers.next();
    if (!(data instanceof Uint8Array) || data.length !== announced)
      throw refused("contents are not what was announced");
    // A copy: the frame lies in a larger piece of memory, which would live as long as one of these.
    const contents = Buffer.from(data);
    let at = 0;
    yield parsed.map(({ entry, holds }) => {
      at += holds;
      return holds === 0 ? entry : { ...entry, content: contents.subarray(at - holds, at) };
    });
  }
}
