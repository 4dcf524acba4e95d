import { AirlockError } from "../base/errors.js";
import type { BaseEntry, BaseReader } from "./base-reader.js";
import type { HiddenPaths } from "./hidden-paths.js";

/** An entry of the base that a walk came to. */
export interface BaseItem {
  readonly path: string;
  readonly entry: BaseEntry;
  /** A folder that may not be read: what it holds is unknown. */
  readonly unlisted: boolean;
}

interface OpenFolder {
  readonly prefix: string;
  readonly names: readonly string[];
  next: number;
}

// Linux allows deeper trees than anybody makes by accident; a walk that never ends must end.
const maxDepth = 10_000;

/** Walks everything below a folder of the base in tree order, except what was hidden. Holds the names of one folder a level. */
export function* walkBase(base: BaseReader, root: string, hidden: HiddenPaths): Generator<BaseItem, void, void> {
  const open: OpenFolder[] = [openFolder(root, base.list(root) ?? [])];
  for (let folder = open.at(-1); folder !== undefined; folder = open.at(-1)) {
    const name = folder.names[folder.next];
    folder.next += 1;
    if (name === undefined) {
      open.pop();
      continue;
    }
    const path = folder.prefix + name;
    const entry = hidden.covers(path) ? null : base.look(path);
    if (entry === null) continue;
    const names = entry.type === "dir" ? base.list(path) : [];
    yield { path, entry, unlisted: names === null };
    if (entry.type === "dir" && names !== null) open.push(openFolder(path, names));
    if (open.length > maxDepth) {
      throw new AirlockError("E_LAYER_LIMIT", `folders lie more than ${maxDepth} deep in the project`);
    }
  }
}

function openFolder(path: string, names: readonly string[]): OpenFolder {
  return { prefix: path === "" ? "" : `${path}/`, names, next: 0 };
}
