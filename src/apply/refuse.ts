import type { Change, LayerEntry } from "../model/change.js";
import { canonicalNames, isInsideGit } from "../risk/canonical.js";

/** Why a change is never applied, whoever asks for it; null when it may be. */
export function refusalOf(change: Change, allowMasked = false): string | null {
  return pathRefusal(change) ?? typeRefusal(change) ?? maskRefusal(change, allowMasked) ?? proofRefusal(change);
}

function pathRefusal({ path, before }: Change): string | null {
  const names = path === "." ? [] : path.split("/");
  if (path.includes("\0") || names.some((name) => name === "" || name === "." || name === "..")) {
    return "is no path inside the project";
  }
  const canonical = canonicalNames(path);
  if (isInsideGit(canonical)) {
    return "git data is never applied as files; airlock apply --commits brings commits over";
  }
  if (canonical[0]?.startsWith(".airlock-apply-") === true) return "has the name of Airlock's own work in the project";
  // A name that the host has already deceives nobody anew, and what the agent did to it must be possible to take over.
  if (before !== null) return null;
  if (/\p{Cc}/u.test(path)) return "has control characters in its name";
  return /\p{Cs}/u.test(path) ? "has a name that is not valid UTF-8" : null;
}

function typeRefusal({ before, after }: Change): string | null {
  if (after?.type === "special") return "is a pipe, a socket or a device";
  if (before?.type === "special") return "is a pipe, a socket or a device on the host, which could not be put back";
  if (after?.type === "symlink" && (after.target ?? "") === "") return "is a link whose target is not known";
  return null;
}

function maskRefusal({ masked }: Change, allowMasked: boolean): string | null {
  return masked && !allowMasked ? "is hidden from the sandbox: what was made there is never put over the host's" : null;
}

// What is written must be what was looked at (threat: reviewed is not applied), and only hashes prove that.
function proofRefusal({ kind, before, after }: Change): string | null {
  if (kind === "mode") return null;
  if (after?.type === "file" && after.sha256 === undefined)
    return "is too large to be hashed, so what it holds has no proof";
  if (before?.type === "file" && before.sha256 === undefined) {
    return "cannot be hashed on the host, so that it stays as it was seen has no proof";
  }
  return null;
}

/** What is applied of a change's mode, and what is left off it, for people. */
interface LeftOff {
  readonly mode: number;
  readonly notes: readonly string[];
}

const specialBits: readonly (readonly [number, string])[] = [
  [0o4000, "set-user-id"],
  [0o2000, "set-group-id"],
  [0o1000, "sticky"],
];

/**
 * The mode without set-id and sticky bits, except those that the host's entry has already: a folder's, and a file's whose
 * content stays. (Threat: new content under an old set-id bit runs as its owner.)
 */
export function leaveOff({ kind, before, after }: Change, entry: LayerEntry | undefined): LeftOff {
  const mode = after?.mode ?? 0;
  const stays = before !== null && before.type === after?.type && (after.type === "dir" || kind === "mode");
  const kept = stays ? mode & before.mode & 0o7000 : 0;
  const lost = mode & 0o7000 & ~kept;
  const names = specialBits.filter(([bit]) => (lost & bit) !== 0).map(([, name]) => name);
  const notes =
    names.length === 0 ? [] : [`its ${names.join(" and ")} ${names.length === 1 ? "bit is" : "bits are"} not applied`];
  return { mode: (mode & 0o777) | kept, notes: [...notes, ...attributeNotes(entry)] };
}

// A security label is the host's policy's to give, so it is no loss.
function attributeNotes(entry: LayerEntry | undefined): string[] {
  const attributes = (entry?.attributes ?? []).filter((name) => name !== "security.selinux");
  const lists = attributes.filter((name) => name.startsWith("system.posix_acl_"));
  const others = attributes.filter((name) => !name.startsWith("system.posix_acl_"));
  return [
    ...(lists.length === 0 ? [] : ["its access control list is not applied"]),
    ...(others.length === 0 ? [] : [`its extended attributes are not applied: ${others.join(", ")}`]),
  ];
}
