import type { Receipt } from "../../session/discard.js";

/** The receipt of a discard: one line a thing, then the verdict, then where the journal ends. */
export function formatReceipt({ session, checks, clean, journal }: Receipt): string {
  const lines = checks.flatMap(({ what, gone, todo }) => [
    `  ${gone ? "gone" : "LEFT"}  ${what}`,
    ...(todo === undefined ? [] : [`        to do: ${todo}`]),
  ]);
  const verdict = clean
    ? "clean: nothing of the session is left but its journal (airlock log) and recordings"
    : "NOT clean: run airlock discard again, or airlock prune";
  const end = journal === null ? [] : [`  journal: ${journal.entries} entries, head ${journal.hash}`];
  return [`discarded ${session}`, ...lines, `  ${verdict}`, ...end].join("\n");
}
