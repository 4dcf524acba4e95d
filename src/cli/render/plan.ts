import { displayPath, escapeText } from "../../base/escape.js";
import { belongsToGit, gitFolderOf } from "../../git/sort-paths.js";
import type { ApplyPlan, Operation, Skipped } from "../../model/apply.js";
import type { Change } from "../../model/change.js";
import type { Palette } from "./colour.js";
import { countOf } from "./size.js";
import { wrapLine } from "./wrap.js";

interface PlanText {
  readonly plan: ApplyPlan;
  /** Every change of the session, for the risk of what is applied. */
  readonly changes: readonly Change[];
  readonly palette: Palette;
  readonly columns: number;
}

// Beyond this the ordinary paths are counted by folder; deletions, high risk, what is skipped and conflicts are always all named.
const namedOrdinary = 40;

/** What an operation does, in a word. */
export function verbOf({ expected, after }: Operation): string {
  if (after === null) return "delete";
  if (expected === null) return "add";
  return expected.type === after.type ? "change" : "replace";
}

/** What an apply will do: deletions and high risk first with their reasons, then the rest, then what is left out and why. */
export function formatPlan({ plan, changes, palette, columns }: PlanText): string {
  const riskOf = new Map(changes.map(({ path, risk }) => [path, risk]));
  const isHigh = ({ path }: Operation): boolean => riskOf.get(path)?.level === "high";
  const isFirst = (each: Operation): boolean => each.after === null || isHigh(each);
  const below = countBelow(plan.operations);
  const lines = [palette.bold(countLine(plan))];
  for (const each of plan.operations.filter(isFirst)) {
    const count = below.get(each.path) ?? 0;
    // Named with the folder that goes.
    if (count === withFolder && !isHigh(each)) continue;
    const more = count > 0 ? ` and ${countOf(count, "path")} in it` : "";
    lines.push(palette.red(`${isHigh(each) ? "!" : " "} ${lineOf(each)}${more}`));
    for (const reason of riskOf.get(each.path)?.reasons ?? []) lines.push(...reasonLines(reason, palette, columns));
  }
  const rest = plan.operations.filter((each) => !isFirst(each));
  lines.push(...(rest.length <= namedOrdinary ? rest.map((each) => `  ${lineOf(each)}`) : byFolder(rest)));
  lines.push(...section("not applied:", foldGit(plan.skipped), palette.yellow, columns));
  const title = "changed on the host too, so nothing is applied until you decide:";
  return [...lines, ...section(title, plan.conflicts, palette.red, columns)].join("\n");
}

const reasonIndent = " ".repeat(11);

function reasonLines(reason: string, palette: Palette, columns: number): string[] {
  return wrapLine(`${reasonIndent}${escapeText(reason)}`, columns, reasonIndent).map(palette.yellow);
}

const withFolder = -1;

/** How many deletions lie below each topmost deleted folder; `withFolder` for those deletions themselves. */
function countBelow(operations: readonly Operation[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  let top: string | null = null;
  // A plan is in tree order: a folder comes before what it holds.
  for (const { path, expected, after } of operations) {
    if (after !== null) continue;
    if (top !== null && path.startsWith(`${top}/`)) {
      counts.set(path, withFolder);
      counts.set(top, (counts.get(top) ?? 0) + 1);
    } else top = expected?.type === "dir" ? path : null;
  }
  return counts;
}

function lineOf(operation: Operation): string {
  const slash = (operation.after ?? operation.expected)?.type === "dir" ? "/" : "";
  return `${verbOf(operation).padEnd(8)} ${displayPath(operation.path)}${slash}`;
}

function countLine({ operations, skipped, conflicts }: ApplyPlan): string {
  const verbs = operations.map(verbOf);
  const count = (verb: string): number => verbs.filter((each) => each === verb).length;
  const parts = [
    `${count("add")} to add`,
    `${count("change") + count("replace")} to change`,
    `${count("delete")} to delete`,
    ...(skipped.length === 0 ? [] : [`${skipped.length} not applied`]),
    ...(conflicts.length === 0 ? [] : [countOf(conflicts.length, "conflict")]),
  ];
  return parts.join(", ");
}

function byFolder(operations: readonly Operation[]): string[] {
  const counts = new Map<string, number>();
  for (const { path } of operations) {
    const top = path.includes("/") ? `${path.slice(0, path.indexOf("/"))}/` : path;
    counts.set(top, (counts.get(top) ?? 0) + 1);
  }
  return [...counts].map(([top, count]) => `  ${countOf(count, "ordinary change")} in ${displayPath(top)}`);
}

// One commit changes dozens of git's files, and all of them for one reason; the diff has a section on what they say.
function foldGit(skipped: readonly Skipped[]): Skipped[] {
  const counts = new Map<string, { readonly reason: string; count: number }>();
  for (const each of skipped.filter(belongsToGit)) {
    const folder = counts.get(gitFolderOf(each.path));
    if (folder === undefined) counts.set(gitFolderOf(each.path), { reason: each.reason, count: 1 });
    else folder.count += 1;
  }
  const folded = [...counts].map(([path, { reason, count }]) => ({
    path,
    reason: `${countOf(count, "path")}; ${reason}`,
  }));
  return [...folded, ...skipped.filter((each) => !belongsToGit(each))];
}

function section(
  title: string,
  entries: readonly Skipped[],
  paint: (text: string) => string,
  columns: number,
): string[] {
  if (entries.length === 0) return [];
  const lines = entries.flatMap(({ path, reason }) =>
    wrapLine(`  ${displayPath(path)}: ${escapeText(reason)}`, columns, "      "),
  );
  return [title, ...lines.map(paint)];
}
