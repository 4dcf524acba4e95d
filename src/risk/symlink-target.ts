import { canonicalNames, isInsideGit } from "./canonical.js";

/**
 * What is dangerous about where a link leads, by its text alone: what it leads through may itself be a link, so a link
 * that stays inside by its text is no proof of anything and is never followed.
 */
export function symlinkReasons(path: string, target: string): string[] {
  if (target.startsWith("/") || /^[a-zA-Z]:|^\\|^~/.test(target))
    return ["is a link that leaves the project (absolute)"];
  const place = path.split("/").slice(0, -1);
  for (const name of target.split(/[/\\]/)) {
    if (name === "" || name === ".") continue;
    if (name !== "..") place.push(name);
    else if (place.pop() === undefined) return ["is a link that leaves the project"];
  }
  return isInsideGit(canonicalNames(place.join("/"))) ? ["is a link into git's own data"] : [];
}
