import { parse, stringify } from "smol-toml";
import { AirlockError, messageOf } from "../../base/errors.js";
import { isSameData, withValue } from "./edit-json.js";

type Plain = Readonly<Record<string, unknown>>;

function dataOf(text: string, file: string): Plain {
  try {
    return parse(text);
  } catch (error) {
    throw new AirlockError(
      "E_CONFIG_INVALID",
      `${file} cannot be read: ${messageOf(error).split("\n")[0]}; it was left as it is`,
      {
        hint: "mend it, or add what --print shows by hand",
        cause: error,
      },
    );
  }
}

/** What stands at `keys`, or undefined. */
export function readTomlEntry(text: string, keys: readonly string[], file: string): unknown {
  let value: unknown = dataOf(text, file);
  for (const key of keys) value = typeof value === "object" && value !== null ? (value as Plain)[key] : undefined;
  return value;
}

/** The entry as a table of its own. */
export function tomlBlock(keys: readonly string[], value: unknown): string {
  // Without the empty parents that the library would write first.
  return `[${keys.join(".")}]\n${stringify(value as Record<string, unknown>).trimEnd()}\n`;
}

// A library that writes TOML would lose the comments: the table is put at the end, and what the library reads then decides.
function requireSame(file: string, text: string, expected: Plain): string {
  if (isSameData(dataOf(text, file), expected)) return text;
  throw new AirlockError(
    "E_CONFIG_INVALID",
    `${file} cannot be changed without changing something else in it; it was left as it is`,
    {
      hint: "add or remove what --print shows by hand",
    },
  );
}

/** The text with the table at its end, everything before it kept to the byte. */
export function addTomlEntry(text: string, keys: readonly string[], value: unknown, file: string): string {
  const before = dataOf(text, file);
  const gap = text === "" ? "" : text.endsWith("\n") ? "\n" : "\n\n";
  return requireSame(file, `${text}${gap}${tomlBlock(keys, value)}`, withValue(before, keys, value));
}

/** The text without the table. */
export function removeTomlEntry(text: string, keys: readonly string[], file: string): string {
  const before = dataOf(text, file);
  const lines = text.split("\n");
  const start = lines.findIndex((line) => line.trim() === `[${keys.join(".")}]`);
  const next = lines.findIndex((line, index) => index > start && /^\s*\[/.test(line));
  const end = next === -1 ? lines.length : next;
  const from = start > 0 && lines[start - 1]?.trim() === "" ? start - 1 : start;
  const kept = [...lines.slice(0, from), ...(next === -1 ? [""] : lines.slice(end))];
  const without = withValue(before, keys, undefined);
  const parent = without[keys[0] ?? ""];
  const isEmpty = typeof parent === "object" && parent !== null && Object.keys(parent).length === 0;
  // A table that only held ours was never written by itself.
  const expected = isEmpty ? withValue(without, keys.slice(0, 1), undefined) : without;
  return requireSame(file, kept.join("\n"), expected);
}
