import type { Command } from "commander";
import { isAirlockError } from "../../base/errors.js";
import { escapeBody } from "../../base/escape.js";
import { orderForPeople } from "../../changes/collect.js";
import { belongsToGit } from "../../git/sort-paths.js";
import { readJournal } from "../../journal/read.js";
import type { Skipped } from "../../model/apply.js";
import type { Change, ChangeTotals } from "../../model/change.js";
import { dropApplyWish } from "../../session/apply/apply-wish.js";
import { recordLeft } from "../../session/apply/feedback.js";
import { openReview, type Review } from "../../session/apply/review.js";
import { loadAws } from "../../session/aws/aws-file.js";
import { discardSession } from "../../session/discard.js";
import { gitChangesOf } from "../../session/git/git-changes.js";
import { journalPaths } from "../../session/home.js";
import type { Workbench } from "../../session/workbench.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { applySelection, reportOutcome, type Selection, selectHunks, showOne } from "../dialogue/apply-selection.js";
import { canAsk, choosePaths } from "../dialogue/consent.js";
import { choose } from "../dialogue/prompt.js";
import { formatReceipt } from "../render/receipt.js";
import { showDiff } from "../render/show-diff.js";
import { formatSummary } from "../render/summary.js";
import { chooseSession, withBench } from "../with-bench.js";

/** How a review ended. */
export interface ReviewEnding {
  readonly kept: boolean;
  /** Of what the session had changed when the review began. */
  readonly totals: ChangeTotals;
}

type Verb = "apply" | "choose" | "hunks" | "diff" | "screen" | "keep" | "discard";

const help: Record<Verb, string> = {
  apply: "write all of it to the project; what is of high risk is asked for by itself",
  choose: "go through the paths one by one",
  hunks: "go through the hunks, as git add -p does",
  diff: "see it all",
  screen: "the same on the whole screen",
  keep: "leave the session as it is",
  discard: "throw the session away",
};

async function askVerb(context: CommandContext, review: Review): Promise<Verb> {
  const { changes } = review.changes;
  const verbs: Verb[] =
    changes.length === 0
      ? ["keep", "discard"]
      : ["keep", "apply", "choose", "hunks", "diff", ...(hasScreen(context) ? ["screen" as const] : []), "discard"];
  const question = `${verbs.slice(1).join(", ")} or keep? [keep] `;
  for (;;) {
    const answer = await choose(context.edge, question, [...verbs, "?"], context.edge.signal);
    if (answer !== "?") return verbs.find((verb) => verb === answer) ?? "keep";
    for (const verb of verbs) context.note(`  ${verb.padEnd(8)} ${help[verb]}`);
  }
}

interface Chosen extends Selection {
  readonly rejected: readonly Skipped[];
}

async function select(context: CommandContext, bench: Workbench, review: Review, verb: Verb): Promise<Chosen> {
  // git's own files are never applied: nobody is asked about each of them.
  const all: readonly Change[] = orderForPeople(review.changes.changes).filter((change) => !belongsToGit(change));
  const none = new Map<string, Uint8Array>();
  if (verb === "hunks") return { ...(await selectHunks(context, bench, review, all)), rejected: [] };
  if (verb === "choose") {
    const { chosen, rejected } = await choosePaths(context, all, showOne(context, bench, review));
    const refused = new Set(rejected.map(({ path }) => path));
    return { chosen, rejected, refused, asked: new Set(chosen.map(({ path }) => path)), overrides: none };
  }
  return { chosen: all, rejected: [], overrides: none };
}

const wish = { policy: undefined, yes: false, allowRisk: false, dryRun: false, sync: true } as const;

async function applyPart(context: CommandContext, bench: Workbench, review: Review, verb: Verb): Promise<void> {
  const chosen = await select(context, bench, review, verb);
  await recordLeft(bench, review.record.id, chosen.rejected);
  if (chosen.chosen.length === 0) return context.note("nothing was chosen");
  try {
    reportOutcome(context, await applySelection(context, bench, review, chosen, wish));
  } catch (error) {
    // The project is as it was: the review goes on with what is true now.
    if (!isAirlockError(error) || !error.code.startsWith("E_APPLY")) throw error;
    context.warn(`${escapeBody(error.message)}${error.hint === undefined ? "" : `\nhint: ${escapeBody(error.hint)}`}`);
  }
  return undefined;
}

// What was done in AWS is done: it is looked at beside the files, and no answer here takes it back.
async function ledgerOf(bench: Workbench, id: string): Promise<string> {
  if ((await loadAws(bench.home, id)) === null) return "";
  const [{ readLedger }, { formatLedger }] = await Promise.all([
    import("../../session/aws/ledger.js"),
    import("../render/aws-ledger.js"),
  ]);
  return formatLedger(await readLedger(readJournal(journalPaths(bench.home, id).journal)));
}

const leastColumns = 40;
const leastRows = 10;

/** Whether the whole screen can be drawn on, and a person wants that: a screen reader reads lines. */
function hasScreen(context: CommandContext): boolean {
  const { env, stdout } = context.edge;
  const { columns = 0, rows = 0 } = stdout;
  const wantsLines = [env["ACCESSIBLE"], env["AIRLOCK_PLAIN"]].some((value) => (value ?? "") !== "");
  const isCapable = stdout.isTTY === true && env["TERM"] !== "dumb" && columns >= leastColumns && rows >= leastRows;
  return canAsk(context) && isCapable && !wantsLines;
}

async function reviewAtOnce(context: CommandContext, bench: Workbench, id: string): Promise<ReviewEnding> {
  const { reviewOnScreen } = await import("../reviewer/review-screen.js");
  const ending = await reviewOnScreen(context, bench, id, () => ledgerOf(bench, id));
  if (ending.kept) await keep(context, bench, id);
  return ending;
}

async function keep(context: CommandContext, bench: Workbench, id: string): Promise<void> {
  if (canAsk(context)) await dropApplyWish(bench.home, id);
  context.note(`kept session ${id}: airlock diff, airlock apply, airlock discard`);
}

/** What changed, and what to do with it, until the session is kept or discarded. */
export async function reviewSession(context: CommandContext, bench: Workbench, id: string): Promise<ReviewEnding> {
  let first: ChangeTotals | null = null;
  for (;;) {
    const review = await openReview(bench, id);
    const isApplied = first !== null && review.changes.changes.length === 0;
    first ??= review.changes.totals;
    const totals = first;
    const git = await gitChangesOf(bench, review.record, review.changes.changes);
    const summary = isApplied
      ? "the project has everything that the session changed"
      : formatSummary({ ...review.changes, git }, context.edge);
    context.edge.stderr.write(`\n${summary}\n`);
    const ledger = await ledgerOf(bench, id);
    if (ledger !== "") context.edge.stderr.write(`\n${ledger}\n`);
    const verb = canAsk(context) ? await askVerb(context, review) : "keep";
    if (verb === "diff") await showDiff(context, bench, review.record, review.changes);
    else if (verb === "discard") {
      context.edge.stderr.write(`${formatReceipt(await discardSession(bench, id))}\n`);
      return { kept: false, totals };
    } else if (verb === "keep") {
      await keep(context, bench, id);
      return { kept: true, totals };
    } else if (verb === "screen") return { ...(await reviewAtOnce(context, bench, id)), totals };
    else await applyPart(context, bench, review, verb);
  }
}

interface ReviewOptions extends GlobalOptions {
  readonly plain?: boolean;
  readonly web?: boolean;
  readonly port?: string;
}

async function reviewInBrowser(context: CommandContext, bench: Workbench, id: string, port?: string): Promise<void> {
  const { serveReview } = await import("../web/serve-review.js");
  await serveReview(context, bench, { id, port, ledger: () => ledgerOf(bench, id) });
}

async function review(context: CommandContext, id: string | undefined, options: ReviewOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const record = await chooseSession(context, bench, id);
    if (options.web === true) {
      await reviewInBrowser(context, bench, record.id, options.port);
      return 0;
    }
    const isPlain = options.plain === true || !hasScreen(context);
    await (isPlain ? reviewSession : reviewAtOnce)(context, bench, record.id);
    return 0;
  });
}

/** `airlock review`. */
export function define(command: Command, act: Act): void {
  command
    .argument("[id]", "the session; by default the newest of the project")
    .option("--plain", "ask line by line, for small terminals and screen readers")
    .option("--web", "serve the review to a browser on this machine, and print the address to open")
    .option("--port <number>", "with --web: the port, instead of a free one")
    .addHelpText(
      "after",
      "\nAt a terminal it takes the whole screen: ? shows the keys, and nothing is written before you say so. With --plain, TERM=dumb, or \
ACCESSIBLE or AIRLOCK_PLAIN set it asks line by line. Without a terminal it prints what changed and does nothing.\n\nWith --web it serves one page on 127.0.0.1 until Ctrl-C, to whoever has the address that it prints: nothing is opened for you.\n\nExit status: 0 · 2 usage · 10 no such session · 12 engine · 130 Ctrl-C ended --web",
    )
    .action(act(review));
}
