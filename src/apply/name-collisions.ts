import { displayPath } from "../base/escape.js";
import type { Change } from "../model/change.js";
import { foldName } from "../risk/canonical.js";
import { inFolder, nameOf, parentOf } from "./tree-names.js";

/**
 * New names that the host cannot tell from others, with the reason: one would silently replace the other
 * (CVE-2021-37712, CVE-2026-23950).
 */
export function nameCollisions(
  changes: ReadonlyMap<string, Change>,
  siblings: (folder: string) => readonly string[],
): Map<string, string> {
  const fresh = [...changes.values()].filter(({ before, after }) => before === null && after !== null);
  const groups = new Map<string, Set<string>>();
  const keyOf = (folder: string, name: string): string => `${folder}\0${foldName(name)}`;
  const note = (folder: string, name: string): void => {
    const key = keyOf(folder, name);
    groups.set(key, (groups.get(key) ?? new Set()).add(name));
  };
  for (const { path } of fresh) note(parentOf(path), nameOf(path));
  for (const folder of new Set(fresh.map(({ path }) => parentOf(path)))) {
    for (const name of siblings(folder)) {
      if (changes.get(inFolder(folder, name))?.after !== null) note(folder, name);
    }
  }
  const found = new Map<string, string>();
  for (const { path } of fresh) {
    const group = groups.get(keyOf(parentOf(path), nameOf(path))) ?? new Set();
    const other = [...group].find((name) => name !== nameOf(path));
    if (other !== undefined) found.set(path, `has the same name as ${displayPath(other)} on this file system`);
  }
  return found;
}
