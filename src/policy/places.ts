import { type BigIntStats, lstatSync, readdirSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { enginePlaces, programFolders, secretPlaces, systemFolders, trapPlaces } from "./credential-places.js";

/** What differs from user to user and must stay out of every sandbox. Null: there is none on this machine. */
export interface ProtectedPlaces {
  readonly homedir: string;
  readonly airlockHome: string;
  readonly engineSocket: string | null;
  readonly engineDataRoot: string | null;
}

/** One protected path, with its identity when it exists: a bind mount shows the same folder under another path. */
interface Place {
  readonly path: string;
  readonly identity: string | null;
}

/** All protected paths, each as written and as resolved. */
export interface PlaceIndex {
  readonly homes: readonly Place[];
  readonly airlockHome: readonly Place[];
  readonly engine: readonly Place[];
  readonly secrets: readonly Place[];
  readonly traps: readonly Place[];
  readonly system: readonly Place[];
  readonly programs: readonly Place[];
}

/** A path that is checked: resolved, with the identities of itself and of every folder above it. */
export interface Located {
  readonly path: string;
  readonly lineage: readonly string[];
}

/** Whether `path` is `folder` or lies below it; both absolute and normalised. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

/** Whether the path is one of the places or lies below one, under whatever name. */
export function liesIn(located: Located, places: readonly Place[]): boolean {
  return places.some(
    ({ path, identity }) => isWithin(located.path, path) || (identity !== null && located.lineage.includes(identity)),
  );
}

/** Whether one of the places lies below the path (or is it). */
export function holds(located: Located, places: readonly Place[]): boolean {
  return places.some(({ path }) => isWithin(path, located.path));
}

const identityOf = ({ dev, ino }: Pick<BigIntStats, "dev" | "ino">): string => `${dev}:${ino}`;

/** Places a resolved path among its ancestors. The root is left out: everything lies below it. */
export function locate(path: string): Located {
  const lineage: string[] = [];
  for (let each = path; each !== "/"; each = dirname(each)) lineage.push(identityOf(lstatSync(each, { bigint: true })));
  return { path, lineage };
}

/** Finds out what a path really is, one look for each component. What does not exist is resolved as far as it exists. */
type Resolver = (path: string) => Place;

function makeResolver(): Resolver {
  const known = new Map<string, Place>([["/", { path: "/", identity: null }]]);
  const resolvePlace: Resolver = (path) => {
    const before = known.get(path);
    if (before !== undefined) return before;
    const above = resolvePlace(dirname(path)).path;
    const found = lookUp(join(above, basename(path)));
    known.set(path, found);
    return found;
  };
  return resolvePlace;
}

function lookUp(path: string): Place {
  try {
    const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (found === undefined) return { path, identity: null };
    if (!found.isSymbolicLink()) return { path, identity: identityOf(found) };
    const target = realpathSync.native(path);
    return { path: target, identity: target === "/" ? null : identityOf(lstatSync(target, { bigint: true })) };
  } catch {
    return { path, identity: null };
  }
}

// Each place counts as it is written and as it is resolved.
function placesAt(paths: readonly string[], resolvePlace: Resolver): Place[] {
  const written = new Set(paths.map((path) => resolve(path)));
  return [...written].flatMap((path) => {
    const found = resolvePlace(path);
    return found.path === path ? [found] : [{ path, identity: found.identity }, found];
  });
}

function listNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

// `.bash*` stands for the names that are there now and for the bare stem, which is enough to refuse the folder around it.
function expand(home: string, relative: string): string[] {
  if (!relative.endsWith("*")) return [join(home, relative)];
  const folder = dirname(join(home, relative));
  const stem = relative.slice(relative.lastIndexOf("/") + 1, -1);
  const names = listNames(folder).filter((name) => name.startsWith(stem));
  return [stem, ...names].map((name) => join(folder, name));
}

// The homes of other people on the machine are homes too: of the path asked for, and root's.
function homesFor(path: string, homedir: string): string[] {
  const other = /^\/(?:home|Users)\/[^/]+/.exec(path)?.[0];
  return [homedir, "/root", ...(other === undefined ? [] : [other])];
}

/** Everything that is protected from the path asked for, looked up anew on each call. */
export function indexPlaces(path: string, places: ProtectedPlaces): PlaceIndex {
  const resolver = makeResolver();
  const at = (paths: readonly string[]) => placesAt(paths, resolver);
  const own = homesFor(path, places.homedir);
  const homes = at(own);
  const inHomes = (relatives: readonly string[]) =>
    at(homes.flatMap((home) => relatives.flatMap((relative) => expand(home.path, relative))));
  const engine = enginePlaces.flatMap((each) =>
    each.startsWith("~/") ? homes.map((home) => join(home.path, each.slice(2))) : [each],
  );
  const ofEngine = [places.engineSocket, places.engineDataRoot].filter((each) => each !== null);
  return {
    homes: at([...own, "/home", "/Users"]),
    airlockHome: at([places.airlockHome]),
    engine: at([...engine, ...ofEngine]),
    secrets: inHomes(secretPlaces),
    traps: inHomes(trapPlaces),
    system: at(systemFolders),
    programs: at(programFolders),
  };
}
