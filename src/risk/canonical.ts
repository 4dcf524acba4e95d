// What HFS+ drops from names: git's `next_hfs_char`. Every other format character is as invisible, so all of them go.
const ignorable = /[\p{Cf}\u115f\u1160\u3164\uffa0]|[\ufe00-\ufe0f]/gu;

/** One form for all names that some file system takes for the same: case, ligatures, composed and decomposed letters. */
export function foldName(name: string): string {
  return name.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");
}

// NTFS drops trailing dots and spaces, reads `:` as the start of a stream, and has short names: git's `verify_path`.
const shortNames: ReadonlyMap<string, string> = new Map([
  ["git~1", ".git"],
  ["gitmod~1", ".gitmodules"],
  ["gi7eba~1", ".gitmodules"],
  ["gitatt~1", ".gitattributes"],
  ["gi7d29~1", ".gitattributes"],
  ["gitign~1", ".gitignore"],
  ["mailma~1", ".mailmap"],
]);

function canonicalName(name: string): string {
  const folded = foldName(name.replace(ignorable, ""));
  const onNtfs = folded.replace(/:.*$/su, "").replace(/[ .]+$/u, "");
  return shortNames.get(onNtfs) ?? (onNtfs === "" ? folded : onNtfs);
}

/**
 * The names of a path as the most lenient file system would read them, so that `.GIT/config`, `.g\u200cit/config` and
 * `git~1\config` are all what git on some machine takes for `.git/config` (CVE-2014-9390, CVE-2025-59944).
 */
export function canonicalNames(path: string): string[] {
  if (/^[a-z0-9_\-./]*$/.test(path) && !/\.(?:\/|$)/.test(path)) return path.split("/");
  return path
    .split(/[/\\]/)
    .map(canonicalName)
    .filter((name) => name !== "" && name !== ".");
}

/** Tells whether a path lies in a `.git` folder, or is one, for any file system. */
export function isInsideGit(names: readonly string[]): boolean {
  return names.includes(".git");
}
