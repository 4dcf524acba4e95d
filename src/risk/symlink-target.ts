import { canonicalNames, isInsideGit } from "./canonical.js";

/**
 * What is dangerous about where a link leads, by its text alone: what it leads through may itself be a link, so a link
 * that stays inside by its text is no proof of anything and is never followed.
 */
export function symlinkReasons(path: string, target: string): string[] {
  if (target.startsWith("/") || /^[a-zA-Z]:|^\\|^~/.test(target))
    return ["is a link that leaves the project (absolute)"];
  const place = path.split("/").slice(0, -1);
  let named = false;
  let upAgain = false;
  for (const name of target.split(/[/\\]/)) {
    if (name === "" || name === ".") continue;
    if (name !== "..") {
      place.push(name);
      named = true;
      continue;
    }
    if (place.pop() === undefined) return ["is a link that leaves the project"];
    upAgain ||= named;
  }
  const reasons: string[] = [];
  // `a/link/..` is not `a`: up is from where the link leads (CVE-2026-26960).
  if (upAgain)
    reasons.push("is a link through a folder and up again, which leads elsewhere where that folder is a link");
  if (isInsideGit(canonicalNames(place.join("/")))) reasons.push("is a link into git's own data");
  return reasons;
}
