import { type CatalogueEntry, riskCatalogue } from "./catalogue.js";

interface Index {
  readonly names: Map<string, CatalogueEntry[]>;
  readonly endings: Map<string, CatalogueEntry[]>;
  readonly folders: Map<string, CatalogueEntry[]>;
  /** Folders within a folder, by the outer one. */
  readonly inFolder: Map<string, (readonly [string, CatalogueEntry])[]>;
  /** Last names of a path, by the very last of them. */
  readonly paths: Map<string, (readonly [string, CatalogueEntry])[]>;
  readonly globs: (readonly [string, CatalogueEntry])[];
}

function add<T>(map: Map<string, T[]>, key: string, value: T): void {
  const present = map.get(key);
  if (present === undefined) map.set(key, [value]);
  else present.push(value);
}

function globOf(pattern: string): string {
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  return `^${parts.join("[^/]*")}$`;
}

function put(index: Index, pattern: string, entry: CatalogueEntry): void {
  if (pattern.endsWith("/**")) {
    const [outer = "", inner] = pattern.slice(0, -3).split("/");
    if (inner === undefined) add(index.folders, outer, entry);
    else add(index.inFolder, outer, [inner, entry]);
  } else if (pattern.includes("/")) add(index.paths, pattern.slice(pattern.lastIndexOf("/") + 1), [pattern, entry]);
  else if (!pattern.includes("*")) add(index.names, pattern, entry);
  else if (pattern.startsWith("*.") && !pattern.includes("*", 1)) add(index.endings, pattern.slice(1), entry);
  else index.globs.push([globOf(pattern), entry]);
}

// The catalogue turned inside out once, so that a path costs a few look-ups and not hundreds of comparisons.
const index: Index = {
  names: new Map(),
  endings: new Map(),
  folders: new Map(),
  inFolder: new Map(),
  paths: new Map(),
  globs: [],
};
for (const entry of riskCatalogue) {
  for (const pattern of entry.paths.split(/\s+/)) put(index, pattern, entry);
}

// Nearly no name fits one of them, so all are tried at once first.
const anyGlob = new RegExp(index.globs.map(([glob]) => glob).join("|"), "s");
const globs = index.globs.map(([glob, entry]) => [new RegExp(glob, "s"), entry] as const);

function fromFolders(names: readonly string[]): CatalogueEntry[] {
  const found: CatalogueEntry[] = [];
  for (let at = 0; at < names.length; at += 1) {
    const name = names[at] ?? "";
    const inner = (index.inFolder.get(name) ?? []).filter(([next]) => names[at + 1] === next);
    // What is known of the folder within says more than what is known of the one around it.
    found.push(...(inner.length > 0 ? inner.map(([, entry]) => entry) : (index.folders.get(name) ?? [])));
  }
  return found;
}

function* fromName(names: readonly string[]): Generator<CatalogueEntry> {
  const name = names.at(-1) ?? "";
  yield* index.names.get(name) ?? [];
  const path = `/${names.join("/")}`;
  for (const [pattern, entry] of index.paths.get(name) ?? []) if (path.endsWith(`/${pattern}`)) yield entry;
  for (let dot = name.indexOf("."); dot !== -1; dot = name.indexOf(".", dot + 1)) {
    yield* index.endings.get(name.slice(dot)) ?? [];
  }
  if (!anyGlob.test(name)) return;
  for (const [glob, entry] of globs) if (glob.test(name)) yield entry;
}

function entriesOf(names: readonly string[], isFolder: boolean): readonly CatalogueEntry[] {
  const folders = fromFolders(names);
  const found = isFolder || names.includes(".git") ? folders : [...fromName(names), ...folders];
  return found.length < 2 ? found : [...new Set(found)];
}

// A path is asked for several times while its change is judged, and changes are judged in batches of 128.
const recent = new Map<string, readonly CatalogueEntry[]>();
const mostRecent = 512;

/**
 * Which entries a path (as canonical names) belongs to, what says most of it first; a folder only by the folders it is or
 * lies in.
 */
export function catalogueEntries(names: readonly string[], isFolder: boolean): readonly CatalogueEntry[] {
  const key = `${isFolder ? "/" : ""}${names.join("/")}`;
  const known = recent.get(key);
  if (known !== undefined) return known;
  const entries = entriesOf(names, isFolder);
  if (recent.size >= mostRecent) recent.clear();
  recent.set(key, entries);
  return entries;
}
