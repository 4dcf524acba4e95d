import { canonicalNames } from "./canonical.js";

// Everything else (scripts, bin, workspaces, dependencies, …) has npm run or install something, now or in a later version.
const harmlessKeys = new Set([
  "name",
  "version",
  "description",
  "keywords",
  "author",
  "contributors",
  "maintainers",
  "license",
  "homepage",
  "repository",
  "bugs",
  "funding",
  "private",
  "sideEffects",
  "$schema",
]);

/** Tells whether a path is a `package.json`, whose content decides its risk. */
export function holdsManifest(path: string): boolean {
  return canonicalNames(path).at(-1) === "package.json";
}

function parse(bytes: Uint8Array): Readonly<Record<string, unknown>> | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

/** The keys of a `package.json` that changed and that npm or a tool acts on; null when that cannot be told. */
export function changedManifestKeys(before: Uint8Array, after: Uint8Array): string[] | null {
  const old = parse(before);
  const now = parse(after);
  if (old === null || now === null) return null;
  const keys = [...new Set([...Object.keys(old), ...Object.keys(now)])].filter((key) => !harmlessKeys.has(key));
  return keys.filter((key) => JSON.stringify(old[key]) !== JSON.stringify(now[key])).sort();
}

/** Why a `package.json` matters; empty when nothing that npm acts on changed. */
export function manifestReasons(contents: { before: Uint8Array; after: Uint8Array } | undefined): string[] {
  const keys = contents === undefined ? null : changedManifestKeys(contents.before, contents.after);
  if (keys === null) return ["can change what npm runs or installs"];
  return keys.length === 0 ? [] : [`changes what npm runs or installs: ${keys.join(", ")}`];
}
