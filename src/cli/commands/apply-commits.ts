import { AirlockError } from "../../base/errors.js";
import { escapeText } from "../../base/escape.js";
import type { Incoming } from "../../git/incoming.js";
import { bringCommits } from "../../session/git/commits.js";
import type { Workbench } from "../../session/workbench.js";
import type { CommandContext } from "../context.js";
import { confirm } from "../dialogue/prompt.js";
import { makePalette, type Palette, wantsColour } from "../render/colour.js";
import { renderCommits } from "../render/git-section.js";
import { countOf } from "../render/size.js";

/** How `airlock apply --commits` was called. */
export interface CommitsOptions {
  /** The branch in the session; by default what is checked out there. */
  readonly branch: string | undefined;
  readonly yes: boolean;
  readonly allowRisk: boolean;
  readonly dryRun: boolean;
  /** Replace an earlier landing that is not part of what comes. */
  readonly force: boolean;
}

const shownCommits = 20;
const shownRisks = 40;

function* describe({ commits, changes, risks }: Incoming, palette: Palette, columns: number): Generator<string> {
  yield `${palette.bold(`${countOf(commits.length, "commit")}, ${countOf(changes.length, "path")} changed`)}\n`;
  yield* renderCommits(commits.slice(0, shownCommits), { palette, columns });
  if (commits.length > shownCommits) yield `      and ${countOf(commits.length - shownCommits, "more commit")}\n`;
  for (const risk of risks.slice(0, shownRisks)) yield `${palette.red(`! ${escapeText(risk)}`)}\n`;
  if (risks.length > shownRisks) yield palette.red(`! and ${risks.length - shownRisks} more of high risk\n`);
}

function mayAsk({ edge, options }: CommandContext): boolean {
  return options.json !== true && edge.stdin.isTTY === true && edge.stderr.isTTY === true;
}

async function decide(context: CommandContext, incoming: Incoming, options: CommitsOptions): Promise<boolean> {
  const { edge } = context;
  const palette = makePalette(wantsColour(edge.env, edge.stderr.isTTY === true));
  if (context.options.json !== true) {
    edge.stderr.write([...describe(incoming, palette, edge.stderr.columns ?? 80)].join(""));
  }
  if (options.dryRun) return false;
  const risky = incoming.risks.length > 0 && !options.allowRisk;
  if (options.yes && !risky) return true;
  if (mayAsk(context))
    return await confirm(edge, risky ? "bring them over, with what is of high risk?" : "bring them over?");
  if (risky) {
    throw new AirlockError(
      "E_APPLY_REFUSED",
      `the commits hold ${countOf(incoming.risks.length, "change")} of high risk`,
      {
        hint: "look at them with --dry-run, then add --allow-risk",
      },
    );
  }
  throw new AirlockError("E_APPLY_REFUSED", "there is nobody to ask whether to bring the commits over", {
    hint: "look at them with --dry-run, then add --yes",
  });
}

/** `airlock apply --commits`: shows what the commits bring, asks, and lands them on a branch of their own. */
export async function applyCommits(
  context: CommandContext,
  bench: Workbench,
  session: string,
  options: CommitsOptions,
): Promise<number> {
  const confirmed = (incoming: Incoming): Promise<boolean> => decide(context, incoming, options);
  const { branch, force } = options;
  const brought = await bringCommits(bench, { id: session }, { branch, force, confirm: confirmed });
  if (context.options.json === true) {
    const { branch: landedOn, tip, commits, changes, risks, landed } = brought;
    context.printJson({ branch: landedOn, tip, landed, commits, paths: changes.map(({ path }) => path), risks });
  } else if (!brought.landed) context.note("nothing was brought over");
  else {
    context.print(
      `brought ${countOf(brought.commits.length, "commit")} to ${brought.branch}; see them: git log ${brought.branch}; to take it back: git branch -D ${brought.branch}`,
    );
  }
  return 0;
}
