import { displayPath, escapeText } from "../../base/escape.js";
import type { ApplyPlan, Operation, Skipped } from "../../model/apply.js";
import type { Change } from "../../model/change.js";
import type { Palette } from "./colour.js";
import { countOf } from "./size.js";

interface PlanText {
  readonly plan: ApplyPlan;
  /** Every change of the session, for the risk of what is applied. */
  readonly changes: readonly Change[];
  readonly palette: Palette;
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
export function formatPlan({ plan, changes, palette }: PlanText): string {
  const riskOf = new Map(changes.map(({ path, risk }) => [path, risk]));
  const isFirst = (each: Operation): boolean => each.after === null || riskOf.get(each.path)?.level === "high";
  const first = plan.operations.filter(isFirst);
  const rest = plan.operations.filter((each) => !isFirst(each));
  const lines = [palette.bold(countLine(plan))];
  for (const each of first) {
    const high = riskOf.get(each.path)?.level === "high";
    lines.push(palette.red(`${high ? "!" : " "} ${lineOf(each)}`));
    for (const reason of riskOf.get(each.path)?.reasons ?? [])
      lines.push(palette.yellow(`           ${escapeText(reason)}`));
  }
  lines.push(...(rest.length <= namedOrdinary ? rest.map((each) => `  ${lineOf(each)}`) : byFolder(rest)));
  lines.push(...section("not applied:", plan.skipped, palette.yellow));
  lines.push(
    ...section("changed on the host too, so nothing is applied until you decide:", plan.conflicts, palette.red),
  );
  return lines.join("\n");
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

function section(title: string, entries: readonly Skipped[], paint: (text: string) => string): string[] {
  if (entries.length === 0) return [];
  return [title, ...entries.map(({ path, reason }) => paint(`  ${displayPath(path)}: ${escapeText(reason)}`))];
}
