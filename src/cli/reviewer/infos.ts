import type { Change } from "../../model/change.js";
import { deletionWarnings } from "../../risk/whole-set.js";
import type { Review } from "../../session/apply/review.js";
import { gitChangesOf } from "../../session/git/git-changes.js";
import type { Workbench } from "../../session/workbench.js";
import { makePalette } from "../render/colour.js";
import { summarizeGit } from "../render/git-section.js";
import type { Info } from "./state.js";

/** What was done in AWS, as text; "" for nothing. */
export type Ledger = () => Promise<string>;

/** What is to be said of the whole: mass deletions, git, AWS. */
export async function infosOf(
  bench: Workbench,
  review: Review,
  changes: readonly Change[],
  ledger: Ledger,
): Promise<Info[]> {
  const git = await gitChangesOf(bench, review.record, review.changes.changes);
  const gitLines = git === null ? [] : summarizeGit(git, makePalette(false));
  const ledgerText = await ledger();
  return [
    ...deletionWarnings(changes).map((text) => ({ text, warns: true })),
    ...gitLines.map((text) => ({ text: text.replace(/^! /, ""), warns: text.startsWith("!") })),
    ...ledgerText.split("\n").flatMap((text) => (text.trim() === "" ? [] : [{ text, warns: false }])),
  ];
}
