import { isDeepStrictEqual } from "node:util";
import {
  applyEdits,
  findNodeAtLocation,
  getNodeValue,
  modify,
  type Node,
  type ParseError,
  parseTree,
} from "jsonc-parser";
import { AirlockError } from "../../base/errors.js";

const taken = { allowTrailingComma: true, disallowComments: false, allowEmptyContent: true };

function treeOf(text: string, file: string): Node | undefined {
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, taken);
  const [first] = errors;
  if (first === undefined && (tree === undefined || tree.type === "object")) return tree;
  const line = text.slice(0, first?.offset ?? 0).split("\n").length;
  throw new AirlockError(
    "E_CONFIG_INVALID",
    `${file} is not a JSON object that can be read (line ${line}); it was left as it is`,
    {
      hint: "mend it, or add what --print shows by hand",
    },
  );
}

// What is written has to look like what is there: the first indented line and the first line's end tell.
function styleOf(text: string): { tabSize: number; insertSpaces: boolean; eol: string } {
  const indent = /^([ \t]+)\S/m.exec(text)?.[1] ?? "  ";
  return { tabSize: indent.length, insertSpaces: !indent.startsWith("\t"), eol: text.includes("\r\n") ? "\r\n" : "\n" };
}

function edited(text: string, keys: readonly string[], value: unknown): string {
  return applyEdits(text, modify(text, [...keys], value, { formattingOptions: styleOf(text) }));
}

function dataOf(text: string, file: string): Readonly<Record<string, unknown>> {
  const tree = treeOf(text, file);
  return tree === undefined ? {} : (getNodeValue(tree) as Readonly<Record<string, unknown>>);
}

type Plain = Readonly<Record<string, unknown>>;

const isPlain = (value: unknown): value is Plain =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** An object with another value at `keys`; undefined takes the last key away. */
export function withValue(from: Plain, [key, ...rest]: readonly string[], value: unknown): Plain {
  if (key === undefined) return from;
  const inner = from[key];
  const { [key]: _old, ...others } = from;
  if (rest.length > 0) return { ...from, [key]: withValue(isPlain(inner) ? inner : {}, rest, value) };
  return value === undefined ? others : { ...from, [key]: value };
}

/** Tells whether two values are the same as data: what parsers make has no prototype, or numbers of its own kind. */
export function isSameData(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(JSON.parse(JSON.stringify(one)), JSON.parse(JSON.stringify(other)));
}

function requireSame(file: string, actual: unknown, expected: unknown): void {
  if (isSameData(actual, expected)) return;
  throw new AirlockError(
    "E_CONFIG_INVALID",
    `${file} cannot be changed without changing something else in it; it was left as it is`,
    {
      hint: "a key may stand in it twice: mend it, or add what --print shows by hand",
    },
  );
}

/** What stands at `keys`, or undefined. */
export function readJsonEntry(text: string, keys: readonly string[], file: string): unknown {
  const tree = treeOf(text, file);
  const node = tree === undefined ? undefined : findNodeAtLocation(tree, [...keys]);
  return node === undefined ? undefined : getNodeValue(node);
}

/** The text with the entry in it, everything else of it kept to the byte, comments too. */
export function addJsonEntry(text: string, keys: readonly string[], value: unknown, file: string): string {
  if (text.trim() === "") return `${JSON.stringify(withValue({}, keys, value), null, 2)}\n`;
  const before = dataOf(text, file);
  for (let depth = 1; depth < keys.length; depth += 1) {
    const parent = readJsonEntry(text, keys.slice(0, depth), file);
    if (parent !== undefined && !isPlain(parent))
      throw new AirlockError(
        "E_CONFIG_INVALID",
        `"${keys.slice(0, depth).join(".")}" in ${file} is no object; it was left as it is`,
      );
  }
  const after = edited(text, keys, value);
  requireSame(file, dataOf(after, file), withValue(before, keys, value));
  return after;
}

/** The text without the entry; parents that it leaves empty go with it when `emptied` says that they came with it. */
export function removeJsonEntry(text: string, keys: readonly string[], emptied: boolean, file: string): string {
  const before = dataOf(text, file);
  const parent = readJsonEntry(text, keys.slice(0, -1), file);
  const goes =
    emptied && keys.length > 1 && isPlain(parent) && Object.keys(parent).length === 1 ? keys.slice(0, -1) : keys;
  const after = edited(text, goes, undefined);
  requireSame(file, dataOf(after, file), withValue(before, goes, undefined));
  return after;
}
