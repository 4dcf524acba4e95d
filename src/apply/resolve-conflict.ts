import type { ConflictPolicy } from "../model/apply.js";
import type { Change } from "../model/change.js";

/** What becomes of a change whose path the host changed as well. */
type Resolution =
  | { readonly act: "take" }
  | { readonly act: "beside"; readonly reason: string }
  | { readonly act: "merge"; readonly bytes: Uint8Array }
  | { readonly act: "keep"; readonly reason: string }
  | { readonly act: "ask"; readonly reason: string };

type MergeOf = (path: string) => Uint8Array | null;

const bothFiles = ({ before, after }: Change): boolean => before?.type === "file" && after?.type === "file";

function isSame({ before, after }: Change): boolean {
  if (before === null || before.type !== after?.type) return false;
  if (before.type === "symlink") return before.target === after.target;
  if (before.mode !== after.mode || before.type === "special") return false;
  return before.type === "dir" || (before.sha256 !== undefined && before.sha256 === after.sha256);
}

/** What both sides did, for people. */
function bothDid({ kind, before, after }: Change): string {
  if (kind === "deleted") return "deleted in the session, changed on the host";
  if (kind === "mode") return "its mode changed in the session, and it changed on the host";
  if (kind === "type") return `became a ${nameOf(after?.type)} in the session, changed on the host`;
  if (before === null) return "made or changed in the session, and gone or renamed on the host";
  return "changed in the session and on the host";
}

function nameOf(type: string | undefined): string {
  return type === "dir" ? "folder" : type === "symlink" ? "link" : "file";
}

/**
 * The whole table of conflicts: what is done with a change by what both sides did and by what the person chose. The host's
 * version is replaced by `take-sandbox` alone, and by a merge that kept its lines.
 */
export function resolveConflict(change: Change, policy: ConflictPolicy, mergeOf: MergeOf): Resolution {
  const reason = bothDid(change);
  if (isSame(change)) return { act: "keep", reason: "the host has the same already" };
  switch (policy) {
    case "fail":
      return { act: "ask", reason };
    case "keep-host":
      return { act: "keep", reason: `${reason}: the host's version stays` };
    case "take-sandbox":
      return { act: "take" };
    case "both":
      // There is nothing to write beside a deletion, nor a second version of a content that is the same.
      if (change.after === null || change.kind === "mode") {
        return { act: "keep", reason: `${reason}: the host's version stays` };
      }
      return { act: "beside", reason };
    case "merge": {
      const bytes = change.kind === "modified" && bothFiles(change) ? mergeOf(change.path) : null;
      return bytes === null ? { act: "ask", reason: `${reason}, and cannot be merged` } : { act: "merge", bytes };
    }
  }
}
