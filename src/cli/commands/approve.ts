import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { AirlockError, isAirlockError } from "../../base/errors.js";
import { escapeText } from "../../base/escape.js";
import type { Answer } from "../../model/question.js";
import type { WaitingQuestion } from "../../questions/questions.js";
import { loadApplyWish } from "../../session/apply/apply-wish.js";
import { listSessions } from "../../session/store.js";
import { answerWaiting, askWhileItWaits, waitingQuestions } from "../../session/tools/ask-session.js";
import type { Workbench } from "../../session/workbench.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { canAsk } from "../dialogue/consent.js";
import { questionDeeds } from "../dialogue/question-deeds.js";
import { askHere, questionText } from "../dialogue/question-dialogue.js";
import { applyWishText } from "../render/apply-wish.js";
import { chooseSession, withBench } from "../with-bench.js";

interface ApproveOptions extends GlobalOptions {
  readonly watch?: boolean;
  readonly list?: boolean;
  readonly yes?: string;
  readonly deny?: string;
  readonly reason?: string;
}

const lookMs = 250;

function find(waiting: readonly WaitingQuestion[], id: string): WaitingQuestion {
  const found = waiting.filter(({ question }) => question.id.startsWith(id));
  if (found.length === 1 && found[0] !== undefined) return found[0];
  throw new AirlockError(
    "E_QUESTION_GONE",
    `${found.length === 0 ? "no" : "more than one"} question "${escapeText(id)}" waits`,
    {
      hint: "airlock approve --list",
    },
  );
}

async function answerOne(
  context: CommandContext,
  bench: Workbench,
  waiting: readonly WaitingQuestion[],
  { yes, deny, reason = null }: { readonly yes?: string; readonly deny?: string; readonly reason?: string | null },
): Promise<void> {
  const question = find(waiting, yes ?? deny ?? "");
  const verdict = yes === undefined ? "deny" : "allow";
  const answer: Answer = { verdict, scope: "once", tier: null, reason, edited: null, by: "approve" };
  await answerWaiting(bench.home, question, answer);
  context.note(`${question.question.id}: ${verdict === "allow" ? "yes, once" : "no"}`);
}

function list(context: CommandContext, waiting: readonly WaitingQuestion[], asJson: boolean): void {
  if (asJson) context.printJson(waiting.map(({ question }) => question));
  else if (waiting.length === 0) context.note("nothing waits for an answer");
  else for (const { question } of waiting) context.print(`${question.id}\n${questionText(question, context.edge)}`);
}

async function dialogue(context: CommandContext, bench: Workbench, waiting: WaitingQuestion): Promise<boolean> {
  const deeds = questionDeeds(context, bench);
  const answer = await askWhileItWaits(bench.home, waiting, (question, gone) =>
    askHere(context, question, deeds, gone),
  );
  if (answer === "gone") return true;
  if (answer === null) return false;
  try {
    await answerWaiting(bench.home, waiting, { ...answer, by: "approve" });
  } catch (error) {
    if (!isAirlockError(error, "E_QUESTION_GONE")) throw error;
    context.warn(error.message);
  }
  return true;
}

// A review is a command of its own: here it is only said that somebody waits for one.
async function announceWishes(
  context: CommandContext,
  bench: Workbench,
  session: string | undefined,
  told: Set<string>,
): Promise<void> {
  for (const id of session === undefined
    ? (await listSessions(bench.home, () => undefined))
        .filter(({ state }) => state !== "discarded")
        .map(({ id: each }) => each)
    : [session]) {
    const wish = await loadApplyWish(bench.home, id);
    if (wish === null || told.has(`${id} ${wish.at}`)) continue;
    told.add(`${id} ${wish.at}`);
    context.note(applyWishText(wish, id));
  }
}

async function approve(context: CommandContext, id: string | undefined, options: ApproveOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const session = id === undefined ? undefined : (await chooseSession(context, bench, id)).id;
    const look = () => waitingQuestions(bench.home, session);
    if (options.yes !== undefined && options.deny !== undefined) throw new AirlockError("E_USAGE", "yes or no?");
    if (options.yes !== undefined || options.deny !== undefined) {
      await answerOne(context, bench, await look(), options);
      return 0;
    }
    const told = new Set<string>();
    const tellWishes = () => announceWishes(context, bench, session, told);
    if (options.list === true || options.json === true || !canAsk(context)) {
      list(context, await look(), options.json === true);
      if (options.json !== true) await tellWishes();
      return 0;
    }
    if (options.watch === true) context.note("waiting for questions; Ctrl-C ends it");
    for (;;) {
      await tellWishes();
      const [next] = await look();
      if (next !== undefined) {
        if (!(await dialogue(context, bench, next))) return 0;
      } else if (options.watch === true) await sleep(lookMs, undefined, { signal: edgeSignal(context) });
      else {
        context.note("nothing waits for an answer");
        return 0;
      }
    }
  });
}

const edgeSignal = ({ edge }: CommandContext): AbortSignal => edge.signal;

/** `airlock approve`. */
export function define(command: Command, act: Act): void {
  command
    .argument("[id]", "the session; by default every running one")
    .option("--watch", "wait for more questions")
    .option("--list", "only show what waits")
    .option("--yes <question>", "allow it, this once")
    .option("--deny <question>", "deny it")
    .option("--reason <text>", "with --deny: why, for the agent")
    .addHelpText(
      "after",
      "\nA question that nobody answers in time is denied.\n\nExit status: 0 · 10 no such session or question",
    )
    .action(act(approve));
}
