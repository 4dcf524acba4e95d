import { AirlockError } from "../../base/errors.js";
import { displayPath, escapeText } from "../../base/escape.js";
import type { Skipped } from "../../model/apply.js";
import type { Change } from "../../model/change.js";
import type { CommandContext } from "../context.js";
import { makePalette, type Palette, wantsColour } from "../render/colour.js";
import { countOf } from "../render/size.js";
import { wrapLine } from "../render/wrap.js";
import { askText, choose } from "./prompt.js";

/** What a person decided: which changes go on, and which were refused, with the reason given for each ("" for none). */
export interface Decision {
  readonly chosen: readonly Change[];
  readonly rejected: readonly Skipped[];
}

/** Shows one change to a person who asks to see it before deciding. */
export type ShowChange = (change: Change) => Promise<void>;

/** Whether a change is asked for by itself. */
export const isHigh = ({ risk }: Change): boolean => risk.level === "high";

/** The palette for what is written to stderr. */
export function promptPalette({ edge }: CommandContext): Palette {
  return makePalette(wantsColour(edge.env, edge.stderr.isTTY === true));
}

/** Whether somebody is there to answer. */
export function canAsk({ edge, options }: CommandContext): boolean {
  return options.json !== true && edge.stdin.isTTY === true && edge.stderr.isTTY === true;
}

/**
 * Asks for each change of high risk by itself: it is what runs or is obeyed on the host later. Without anybody to ask, such
 * a change stops the apply (`E_APPLY_REFUSED`) unless it was allowed beforehand.
 */
export async function askForRisk(
  context: CommandContext,
  changes: readonly Change[],
  show: ShowChange,
  allowed: boolean,
): Promise<Decision> {
  const risky = changes.filter(isHigh);
  if (risky.length === 0 || allowed) return { chosen: changes, rejected: [] };
  if (!canAsk(context)) {
    const named = risky.slice(0, 5).map(({ path }) => displayPath(path));
    const more = risky.length > 5 ? ` and ${risky.length - 5} more` : "";
    throw new AirlockError(
      "E_APPLY_REFUSED",
      `${countOf(risky.length, "change")} of high risk: ${named.join(", ")}${more}`,
      { hint: "look at them with airlock diff, then add --allow-risk, or name the paths that you want" },
    );
  }
  context.note(`${countOf(risky.length, "change")} of high risk. Each is asked for by itself.`);
  const refused = await askEach(context, risky, show, () => true);
  const isRefused = new Set(refused.map(({ path }) => path));
  return { chosen: changes.filter(({ path }) => !isRefused.has(path)), rejected: refused };
}

/** Goes through changes one by one: yes, no (with a reason), see it, all the rest, none of the rest. */
export async function choosePaths(
  context: CommandContext,
  changes: readonly Change[],
  show: ShowChange,
): Promise<Decision> {
  const rejected = await askEach(context, changes, show, (change) => !isHigh(change));
  const isRejected = new Set(rejected.map(({ path }) => path));
  return { chosen: changes.filter(({ path }) => !isRejected.has(path)), rejected };
}

async function askEach(
  context: CommandContext,
  changes: readonly Change[],
  show: ShowChange,
  /** Whether the answer "all" is enough for a change: what is of high risk is still asked for among ordinary ones. */
  allIsEnough: (change: Change) => boolean,
): Promise<Skipped[]> {
  const { edge } = context;
  let all = false;
  const palette = promptPalette(context);
  const rejected: Skipped[] = [];
  for (let at = 0; at < changes.length; at += 1) {
    const change = changes[at];
    if (change === undefined) break;
    if (all && allIsEnough(change)) continue;
    edge.stderr.write(`\n${describe(change, palette, `${at + 1}/${changes.length}`, edge.stderr.columns ?? 80)}\n`);
    const answer = await askOne(context, change, show);
    if (answer === "all") all = true;
    if (answer === "quit" || answer === null) {
      rejected.push(...changes.slice(at).map(({ path }) => ({ path, reason: "" })));
      break;
    }
    if (answer === "no") {
      const reason = await askText(edge, "why not? (a note for the agent; Enter: none) ", edge.signal);
      rejected.push({ path: change.path, reason });
    }
  }
  return rejected;
}

async function askOne(context: CommandContext, change: Change, show: ShowChange): Promise<string | null> {
  const keys = ["no", "yes", "diff", "all", "quit", "?"];
  for (;;) {
    const answer = await choose(context.edge, "apply it? [y,N,d,a,q,?] ", keys, context.edge.signal);
    if (answer === "diff") await show(change);
    else if (answer === "?") context.edge.stderr.write(help);
    else return answer;
  }
}

const help = `y  apply it
n  leave it in the session, and say why if you like
d  show its diff
a  apply it and all that follow
q  leave it and all that follow
`;

function describe(
  { path, kind, type, risk, conflict }: Change,
  palette: Palette,
  position: string,
  columns: number,
): string {
  const slash = type === "dir" ? "/" : "";
  const head = `${palette.dim(`(${position})`)} ${kind} ${displayPath(path)}${slash}`;
  const conflicts = conflict ? ["changed on the host too since the session began"] : [];
  const reasons = [...risk.reasons, ...conflicts].flatMap((reason) =>
    wrapLine(`    ${escapeText(reason)}`, columns, "    ").map(palette.yellow),
  );
  return [risk.level === "high" ? palette.red(`! ${head}`) : `  ${head}`, ...reasons].join("\n");
}
