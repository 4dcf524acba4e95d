import { decodePath } from "../base/byte-path.js";

/** The largest packed-refs that is read, about 100,000 refs. */
export const packedRefsBytes = 8 * 1024 * 1024;
const maxRefs = 200_000;
const maxName = 4_096;

const objectId = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Whether a text is an object id: 40 hex digits, or 64 in a SHA-256 repository. */
export function isObjectId(text: string): boolean {
  return objectId.test(text);
}

/** The rules of `git check-ref-format`: what breaks them is no ref for git, and could be an option or a path for others. */
export function isRefName(name: string): boolean {
  if (name.length > maxName || !name.startsWith("refs/") || name.endsWith(".")) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  if (/[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{/.test(name)) return false;
  return name.split("/").every((part) => part !== "" && !part.startsWith(".") && !part.endsWith(".lock"));
}

/** What a ref file says: an object id, or the name of another ref. */
export type RefValue = { readonly id: string } | { readonly symbolic: string };

/** Reads a loose ref or HEAD; null when it holds neither. */
export function parseLooseRef(bytes: Uint8Array): RefValue | null {
  if (bytes.length > maxName + 16) return null;
  const text = decodePath(bytes).replace(/[\s\0]+$/u, "");
  if (isObjectId(text)) return { id: text };
  const symbolic = /^ref:[ \t]*(.*)$/su.exec(text)?.[1];
  return symbolic !== undefined && isRefName(symbolic) ? { symbolic } : null;
}

/** The refs of a packed-refs file, and how many of its lines are none. */
export interface PackedRefs {
  readonly refs: ReadonlyMap<string, string>;
  readonly strange: number;
}

/** Reads packed-refs. Lines that git would not write are counted, never guessed at. */
export function parsePackedRefs(bytes: Uint8Array): PackedRefs {
  const refs = new Map<string, string>();
  let strange = 0;
  for (const line of decodePath(bytes).split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    if (line.startsWith("^")) {
      if (!isObjectId(line.slice(1))) strange += 1;
      continue;
    }
    const space = line.indexOf(" ");
    const id = line.slice(0, Math.max(0, space));
    const name = line.slice(space + 1);
    if (isObjectId(id) && isRefName(name) && refs.size < maxRefs) refs.set(name, id);
    else strange += 1;
  }
  return { refs, strange };
}
