import { posix } from "node:path";
import { AirlockError } from "../base/errors.js";

export type Fields = Readonly<Record<string, unknown>>;

const maxPaths = 64;

export function notUnderstood(what: string): AirlockError {
  return new AirlockError("E_TOOL_ARGUMENTS", `the call was not understood: ${what}`);
}

export function fieldsOf(value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw notUnderstood("its input is no object");
  return value as Fields;
}

const isThere = (value: unknown): boolean => value !== undefined && value !== null;

/** The text of the one field of these names that is there; two of them could be read by one and ignored by another. */
export function oneText(fields: Fields, names: readonly string[]): string | null {
  const given = names.filter((name) => isThere(fields[name]));
  const [first] = given;
  if (first === undefined) return null;
  const value = fields[first];
  if (given.length > 1) throw notUnderstood(`${given.join(" and ")} are both given`);
  if (typeof value !== "string") throw notUnderstood(`${first} is no text`);
  return value;
}

/** Every text in these fields, which may be texts or lists of texts. */
export function allTexts(fields: Fields, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const value = fields[name];
    if (!isThere(value)) return [];
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (list.length > maxPaths) throw notUnderstood(`${name} has more than ${maxPaths} entries`);
    return list.map((each) => {
      if (typeof each !== "string") throw notUnderstood(`${name} is no text`);
      return each;
    });
  });
}

/** The objects in a list, where there is such a field. */
export function allFields(fields: Fields, names: readonly string[]): Fields[] {
  return names.flatMap((name) => {
    const value = fields[name];
    if (!isThere(value)) return [];
    if (!Array.isArray(value) || value.length > maxPaths) throw notUnderstood(`${name} is no list, or a long one`);
    return value.map(fieldsOf);
  });
}

/** A path as the agent sees it: from its own folder. */
export function pathFrom(folder: string, path: string): string {
  return path.startsWith("~") ? path : posix.resolve(folder, path);
}

/** The folder that all matches of a glob lie below. */
export function rootOfGlob(pattern: string): string {
  const parts = pattern.split("/");
  const magic = parts.findIndex((part) => /[*?[\]{}()!]/.test(part));
  const fixed = magic === -1 ? parts.slice(0, -1) : parts.slice(0, magic);
  return fixed.join("/") || (pattern.startsWith("/") ? "/" : ".");
}
