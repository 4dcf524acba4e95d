import { posix } from "node:path";
import { compileGlob, type Glob } from "../text/glob.js";

const compiled = new Map<string, Glob>();
const keptAtMost = 1_000;

function globOf(pattern: string): Glob {
  const found = compiled.get(pattern);
  if (found !== undefined) return found;
  if (compiled.size >= keptAtMost) compiled.clear();
  const glob = compileGlob(pattern);
  compiled.set(pattern, glob);
  return glob;
}

// The workspace's own name may have characters that mean something in a pattern, so it is taken off the path, not put before the pattern.
function below(folder: string, path: string): string | null {
  if (path === folder) return "";
  const start = folder === "/" ? "/" : `${folder}/`;
  return path.startsWith(start) ? path.slice(start.length) : null;
}

/** Whether a path pattern names an absolute path: from the workspace, or from the root when it begins with a slash. */
export function matchesPath(pattern: string, path: string, workspace: string): boolean {
  const isAbsolute = pattern.startsWith("/");
  const rest = below(isAbsolute ? "/" : workspace, path);
  if (rest === null) return false;
  if (pattern === "**" || pattern === "/**") return true;
  return rest !== "" && globOf(pattern).matches(rest, true);
}

/** Whether a folder may hold something that the pattern names, or lies in it; rather yes than no. */
export function mayReachInto(pattern: string, folder: string, workspace: string): boolean {
  if (!pattern.includes("/")) return true;
  const fixed = pattern.slice(0, pattern.search(/[*?[{\\]|$/));
  const start = posix.resolve(workspace, fixed.slice(0, fixed.lastIndexOf("/") + 1));
  return below(folder, start) !== null || below(start, folder) !== null;
}
