import { chmodSync, lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { encodePath } from "../../../src/base/byte-path.js";
import { at } from "./layer-between.js";

/** Names that a careless program stumbles over; U+DCxx is a byte that is not UTF-8. */
export const hostileNames = [
  "a",
  "b",
  "a-b",
  "a b",
  " lead",
  "trail ",
  "-rf",
  "--checkpoint-action=exec=sh x.sh",
  "*",
  "~root",
  "$(id)",
  "`id`",
  'quo"te',
  "quo'te",
  "back\\slash",
  "tab\tname",
  "new\nline",
  "\u001b[2J",
  "car\rRemoved",
  "\u202egnp.exe",
  "zero\u200bwidth",
  "\udcff\udcfe.js",
  "\udcff\udcfd.js",
  "caf\u00e9",
  "cafe\u0301",
  "\ud83d\ude00",
  "z".repeat(200),
];

export interface Operation {
  readonly path: readonly string[];
  readonly act: "write" | "remove" | "folder" | "link" | "mode";
  readonly text: string;
  readonly mode: number;
}

const texts = ["", "one\n", "two\n", "no end", "one\ntwo\nthree\n", "a\r\nb\r\n", "\u00ff\u0000bin", "x\n".repeat(40)];

/** Something that an agent could do to a tree. */
export function operations(names: readonly string[], modes = [0o644, 0o755, 0o600, 0o777]): fc.Arbitrary<Operation[]> {
  const operation = fc.record({
    path: fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }),
    act: fc.constantFrom("write", "write", "write", "remove", "folder", "link", "mode"),
    text: fc.oneof(
      fc.constantFrom(...texts),
      fc.string({ maxLength: 30 }).map((text) => `${text}\n`),
    ),
    mode: fc.constantFrom(...modes),
  });
  return fc.array(operation, { maxLength: 14 });
}

function typeAt(root: string, path: string): "dir" | "other" | null {
  try {
    return lstatSync(at(root, path)).isDirectory() ? "dir" : "other";
  } catch {
    return null;
  }
}

function makeParents(root: string, names: readonly string[]): void {
  for (let depth = 1; depth < names.length; depth += 1) {
    const path = names.slice(0, depth).join("/");
    if (typeAt(root, path) === "other") rmSync(at(root, path));
    if (typeAt(root, path) === null) mkdirSync(at(root, path), { mode: 0o755 });
  }
}

/** Does it, whatever stands in the way. */
export function perform(root: string, { path: names, act, text, mode }: Operation): void {
  const path = names.join("/");
  if (act === "mode" || act === "remove") {
    const type = typeAt(root, path);
    if (type === null) return;
    if (act === "remove") rmSync(at(root, path), { recursive: true });
    else if (!lstatSync(at(root, path)).isSymbolicLink())
      chmodSync(at(root, path), type === "dir" ? mode | 0o700 : mode);
    return;
  }
  makeParents(root, names);
  rmSync(at(root, path), { recursive: true, force: true });
  if (act === "folder") mkdirSync(at(root, path), { mode: 0o755 });
  else if (act === "link") symlinkSync(encodePath(text.replaceAll("\0", "") || "nowhere"), at(root, path));
  else writeFileSync(at(root, path), Buffer.from(text, "latin1"), { mode: 0o644 });
}
