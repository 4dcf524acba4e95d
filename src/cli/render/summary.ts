import { displayPath, escapeText } from "../../base/escape.js";
import { countChanges } from "../../changes/collect.js";
import { knownRenames } from "../../changes/renames.js";
import type { GitReport } from "../../git/report.js";
import { belongsToGit } from "../../git/sort-paths.js";
import type { Change, ChangeTotals } from "../../model/change.js";
import { deletionWarnings } from "../../risk/whole-set.js";
import { makePalette, wantsColour } from "./colour.js";
import { renamedTo } from "./diff-text.js";
import { summarizeGit } from "./git-section.js";
import { formatTotals } from "./stat.js";
import { wrapLine } from "./wrap.js";

interface SummaryInput {
  readonly changes: readonly Change[];
  readonly totals: ChangeTotals;
  readonly warnings?: readonly string[];
  /** Where given, it tells of git's own files in their place. */
  readonly git?: GitReport | null;
}

interface SummaryPlace {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stderr: { readonly isTTY?: boolean; readonly columns?: number };
}

const shownFirst = 15;

/** What changed, in a few lines: the totals, then what must not be missed. What is left out is counted. */
export function formatSummary(input: SummaryInput, place: SummaryPlace): string {
  const { git = null } = input;
  const changes = git === null ? input.changes : input.changes.filter((change) => !belongsToGit(change));
  const totals = git === null ? input.totals : countChanges(changes);
  const warnings = git === null ? (input.warnings ?? []) : deletionWarnings(changes);
  const palette = makePalette(wantsColour(place.env, place.stderr.isTTY === true));
  const lines = [palette.bold(formatTotals(totals)), ...warnings.map((each) => palette.red(`! ${escapeText(each)}`))];
  const renames = new Map(knownRenames(changes).map((each) => [each.from, each]));
  const high = changes.filter(({ risk }) => risk.level === "high");
  const deleted = changes.filter(({ kind, risk }) => kind === "deleted" && risk.level !== "high");
  for (const { path, kind, risk } of high.slice(0, shownFirst)) {
    const line = `! ${kind} ${displayPath(path)}: ${risk.reasons.map(escapeText).join("; ")}`;
    lines.push(...wrapLine(line, place.stderr.columns ?? 80, "    ").map(palette.red));
  }
  if (high.length > shownFirst) lines.push(palette.red(`! and ${high.length - shownFirst} more of high risk`));
  for (const { path } of deleted.slice(0, shownFirst)) {
    lines.push(`  deleted ${displayPath(path)}${renamedTo(renames.get(path))}`);
  }
  if (deleted.length > shownFirst) lines.push(`  and ${deleted.length - shownFirst} more deleted`);
  const others = changes.filter((change) => !high.includes(change) && !deleted.includes(change));
  const room = Math.max(0, shownFirst - high.length - deleted.length);
  for (const { path, kind } of others.slice(0, room)) {
    lines.push(`  ${kind} ${displayPath(path)}`);
  }
  if (others.length > room) lines.push(`  and ${others.length - room} more, of no high risk`);
  return [...lines, ...(git === null ? [] : summarizeGit(git, palette))].join("\n");
}
