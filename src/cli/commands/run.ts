import { writeFile } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { type Command, Option } from "commander";
import { AirlockError, messageOf } from "../../base/errors.js";
import { escapeText } from "../../base/escape.js";
import type { ChangeTotals } from "../../model/change.js";
import type { Answer, Question } from "../../model/question.js";
import type { SessionRecord } from "../../model/session.js";
import { discardSession } from "../../session/discard.js";
import { type RunOutcome, runSession } from "../../session/run.js";
import { hasTerminal } from "../../session/sandbox/streams.js";
import type { TrustAllAccount } from "../../session/tools/trust-all.js";
import type { Workbench } from "../../session/workbench.js";
import type { Act } from "../command.js";
import type { CommandContext } from "../context.js";
import { type AgentOptions, agentOptions } from "../options/agent-options.js";
import { collectEnv } from "../options/env-options.js";
import { makePlan, type SessionOptions, sessionOptions } from "../options/plan-options.js";
import type { PreparedAgent } from "../options/prepare-agent.js";
import { announceAws, announceSession, announceTrust } from "../render/announce.js";
import { formatReceipt } from "../render/receipt.js";
import { trustEndText } from "../render/trust-account.js";
import { reportAbandoned, withBench } from "../with-bench.js";

type OnExit = "review" | "keep" | "discard";

interface RunOptions extends SessionOptions, AgentOptions {
  readonly onExit?: OnExit;
  readonly summary?: string;
}

interface Ending {
  readonly kept: boolean;
  readonly totals: ChangeTotals | null;
}

/** How much a session changed, which its report has from now on. */
export async function countTotals(bench: Workbench, record: SessionRecord): Promise<ChangeTotals> {
  const { changesOf, recordTotals } = await import("../../session/changes.js");
  const changes = await changesOf(bench, record);
  await recordTotals(bench, changes);
  return changes.totals;
}

async function endSession(
  context: CommandContext,
  bench: Workbench,
  { record, unrecorded }: RunOutcome,
  onExit: OnExit,
  wantTotals: boolean,
): Promise<Ending> {
  if (record.state === "discarded" || record.state === "discarding") {
    context.warn(`session ${record.id} was discarded by another command`);
    return { kept: false, totals: null };
  }
  // What a run that is thrown away does not need is not loaded: starting is what people wait for.
  if (onExit === "review") return (await import("./review.js")).reviewSession(context, bench, record.id);
  const totals = wantTotals || onExit === "keep" ? await countTotals(bench, record) : null;
  if (onExit === "keep") {
    context.note(`airlock: kept session ${record.id}: airlock diff, airlock discard`);
    return { kept: true, totals };
  }
  const receipt = await discardSession(bench, record.id, unrecorded);
  if (receipt.clean) return { kept: false, totals };
  context.warn(formatReceipt(receipt));
  throw new AirlockError("E_LEFT_BEHIND", `something of session ${record.id} is left`, { hint: "airlock prune" });
}

async function writeSummary(
  context: CommandContext,
  file: string,
  { record, exitCode }: RunOutcome,
  { kept, totals }: Ending,
): Promise<void> {
  const { added = 0, modified = 0, deleted = 0, type = 0, mode = 0 } = totals ?? {};
  const summary = { session: record.id, exitCode, changes: { added, modified: modified + type + mode, deleted }, kept };
  const path = resolve(context.edge.cwd, file);
  await writeFile(path, `${JSON.stringify(summary)}\n`).catch((error: unknown) => {
    throw new AirlockError("E_USAGE", `cannot write the summary ${file}: ${messageOf(error)}`, { cause: error });
  });
}

// The command starts where the caller stands, if that is inside the project.
function startFolder(cwd: string, project: string): string {
  const inside = relative(project, cwd);
  return inside.startsWith("..") ? "" : inside;
}

// The terminal may be the command's, in raw mode: a line feed alone would not go back to its beginning.
function noticeOf(context: CommandContext, text: string): void {
  const { stderr } = context.edge;
  const [begin, end] = stderr.isTTY === true ? ["\r", "\r\n"] : ["", "\n"];
  stderr.write(`${begin}airlock: ${escapeText(text)}${end}`);
}

function tellTrustEnd(context: CommandContext, account: TrustAllAccount, session: string): void {
  for (const line of trustEndText(account, session).split("\n")) noticeOf(context, line);
}

// Nobody is asked in most runs: what asks is loaded when there is something.
async function askAtTerminal(
  context: CommandContext,
  bench: Workbench,
  question: Question,
  gone: AbortSignal,
): Promise<Answer | null> {
  const [{ askHere }, { questionDeeds }] = await Promise.all([
    import("../dialogue/question-dialogue.js"),
    import("../dialogue/question-deeds.js"),
  ]);
  return await askHere(context, question, questionDeeds(context, bench), gone);
}

interface Asked {
  readonly command: readonly string[];
  readonly options: RunOptions;
  readonly agent: PreparedAgent | null;
}

// An agent is a command with what it needs; most runs have none, and load nothing of it.
async function askedOf(
  context: CommandContext,
  bench: Workbench,
  words: readonly string[],
  options: RunOptions,
): Promise<Asked> {
  const { agent, trustAll, agentArg } = options;
  if (agent !== undefined) {
    const { withAgent } = await import("../options/with-agent.js");
    return await withAgent(context, bench, words, { ...options, agent });
  }
  if (trustAll === true || agentArg !== undefined) {
    const flag = trustAll === true ? "--trust-all" : "--agent-arg";
    throw new AirlockError("E_USAGE", `${flag} is for an agent: --agent NAME`);
  }
  if (words.length === 0) throw new AirlockError("E_USAGE", "missing required argument 'command'");
  return { command: words, options, agent: null };
}

async function run(context: CommandContext, words: readonly string[], given: RunOptions): Promise<number> {
  const { edge } = context;
  return withBench(context, async (bench) => {
    bench.prepare();
    await reportAbandoned(context, bench);
    const { command, options, agent } = await askedOf(context, bench, words, given);
    const { plan, env, onExit } = await makePlan(context, bench, options, { command, tty: hasTerminal(edge), agent });
    const secrets = await collectEnv(edge, options);
    bench.known.learn(secrets.values());
    const ending = options.onExit ?? onExit ?? (plan.tty ? "review" : "keep");
    const outcome = await runSession(bench, {
      plan,
      terminal: edge,
      env: new Map([...(agent?.env ?? []), ...env, ...secrets]),
      term: edge.env["TERM"],
      cwd: startFolder(edge.cwd, plan.project),
      discards: ending === "discard",
      onNotice: (text) => noticeOf(context, text),
      onTrustEnd: (account, session) => tellTrustEnd(context, account, session),
      onQuestion: async (question, gone) => await askAtTerminal(context, bench, question, gone),
      onOpen: async ({ record }) => {
        announceSession(context, record);
        await announceAws(context, bench, record);
        await announceTrust(context, bench, record, plan.trust);
      },
    });
    if (outcome.reason !== null) context.warn(`the command was stopped: ${outcome.reason}`);
    const ended = await endSession(context, bench, outcome, ending, options.summary !== undefined);
    if (options.summary !== undefined) await writeSummary(context, options.summary, outcome, ended);
    return outcome.exitCode;
  });
}

const exitHelp = `
The project is never written: what the command changes lands in a layer of the session, which airlock diff shows and \
airlock discard throws away. Secrets (.env, keys, tokens) are hidden inside; there is no network but what \
--allow-host, --network or the configuration allow.

Exit status: the command's own · 125 Airlock failed or refused · 126 it cannot be run · 127 it was not found`;

/** `airlock run`. */
export function define(command: Command, act: Act): void {
  agentOptions(sessionOptions(command))
    .usage("[options] [--] COMMAND [ARG...]\n       airlock run [options] --agent NAME [PROMPT...]")
    .argument("[command...]", "what to run inside; with --agent, what it shall do")
    .addOption(
      new Option("--on-exit <what>", "what becomes of the session (default: review at a terminal, else keep)").choices([
        "review",
        "keep",
        "discard",
      ]),
    )
    .option("--summary <file>", "write {session, exitCode, changes, kept} as JSON")
    .passThroughOptions()
    .addHelpText("after", exitHelp)
    .action(act(run));
}
