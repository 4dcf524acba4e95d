import { messageOf } from "../../base/errors.js";
import { escapeText } from "../../base/escape.js";
import type { Answer, Question } from "../../model/question.js";
import { questionLines } from "../../questions/question-lines.js";
import type { CommandContext } from "../context.js";
import { makePalette, wantsColour } from "../render/colour.js";
import { askText, choose } from "./prompt.js";

/** What a person may do beside answering. */
export interface QuestionDeeds {
  /** Saves the session first; gives the snapshot's name. */
  snapshot(session: string): Promise<string>;
  /** Shows what the session changed so far. */
  diff(session: string): Promise<void>;
}

const denial: Answer = { verdict: "deny", scope: "once", tier: null, reason: null, edited: null, by: "terminal" };
const permission: Answer = { ...denial, verdict: "allow" };

const toolHelp = `  yes       this once
  no        and why not, for the agent
  trust     from now on: this command, this kind of command, the whole tool
  edit      change the arguments first
  snapshot  save the session, then decide
  diff      what the session changed so far`;
const networkHelp = `  yes       this once
  no
  session   for as long as the session lives
  always    in your own configuration`;

const awsHelp = `  yes       this once: this very call, with these parameters
  no        and why not
  session   this action, on anything, for as long as the session lives`;

const kindsOf = {
  tool: { keys: ["no", "yes", "trust", "edit", "snapshot", "diff", "?"], help: toolHelp },
  network: { keys: ["no", "yes", "session", "always", "?"], help: networkHelp },
  aws: { keys: ["no", "yes", "session", "?"], help: awsHelp },
} as const;

const wants = {
  tool: "wants to use a tool",
  network: "wants a connection",
  aws: "wants to make a call of AWS",
} as const;

/** The question as it stands on a terminal: one frame whose every line begins with a mark that nothing inside can draw. */
export function questionText(question: Question, { env, stderr }: CommandContext["edge"]): string {
  const palette = makePalette(wantsColour(env, stderr.isTTY === true));
  const asks = wants[question.subject.kind];
  const head = `${escapeText(question.caller)} ${asks} in session ${escapeText(question.session)}`;
  return [palette.bold(head), ...questionLines(question.subject)]
    .map((line) => `${palette.cyan("|")} ${line}`)
    .join("\n");
}

async function chooseTier(
  context: CommandContext,
  tiers: readonly string[],
  signal: AbortSignal,
): Promise<number | null> {
  for (const [at, label] of tiers.entries())
    context.edge.stderr.write(`  ${at + 1}  ${escapeText(label).slice(0, 200)}\n`);
  const keys = ["none", ...tiers.map((_, at) => String(at + 1))];
  const key = await choose(context.edge, "from now on, without asking [none] ", keys, signal);
  return key === null || key === "none" ? null : Number(key) - 1;
}

async function editArguments(context: CommandContext, question: Question, signal: AbortSignal): Promise<Answer | null> {
  if (question.subject.kind !== "tool") return null;
  context.edge.stderr.write(`  now: ${escapeText(JSON.stringify(question.subject.arguments))}\n`);
  const text = await askText(context.edge, "the arguments, as JSON (Enter: leave them) ", signal);
  if (text === "") return null;
  try {
    const edited: unknown = JSON.parse(text);
    if (typeof edited === "object" && edited !== null && !Array.isArray(edited))
      return { ...permission, edited: edited as Readonly<Record<string, unknown>> };
    context.warn("that is no JSON object");
  } catch (error) {
    context.warn(`that is no JSON: ${escapeText(messageOf(error))}`);
  }
  return null;
}

async function refuse(context: CommandContext, signal: AbortSignal): Promise<Answer> {
  const reason = await askText(context.edge, "why not? (for the agent; Enter: nothing) ", signal);
  return { ...denial, reason: reason === "" ? null : reason.slice(0, 2_000) };
}

/** Asks the person at the terminal; null at the end of input, or when `gone` says that it waits no more. Enter means no. */
export async function askHere(
  context: CommandContext,
  question: Question,
  deeds: QuestionDeeds,
  gone: AbortSignal,
): Promise<Answer | null> {
  const { signal, stderr } = context.edge;
  try {
    return await askUntil(context, question, deeds, AbortSignal.any([signal, gone]));
  } catch (error) {
    if (!gone.aborted || signal.aborted) throw error;
    stderr.write("\n");
    context.note("it was answered in another place, or its time is over");
    return null;
  }
}

async function askUntil(
  context: CommandContext,
  question: Question,
  deeds: QuestionDeeds,
  signal: AbortSignal,
): Promise<Answer | null> {
  const { subject } = question;
  const { keys, help } = kindsOf[subject.kind];
  context.edge.stderr.write(`\n${questionText(question, context.edge)}\n`);
  for (;;) {
    const key = await choose(context.edge, `${keys.slice(1, -1).join(", ")}, no or ? [no] `, keys, signal);
    if (key === null) return null;
    if (key === "no") return await refuse(context, signal);
    if (key === "yes") return permission;
    if (key === "session" || key === "always") return { ...permission, scope: key };
    if (key === "?") context.edge.stderr.write(`${help}\n`);
    if (key === "snapshot") context.note(`saved ${await deeds.snapshot(question.session)}`);
    if (key === "diff") await deeds.diff(question.session);
    if (key === "trust" && subject.kind === "tool") {
      const tier = await chooseTier(context, subject.tiers, signal);
      if (tier !== null) return { ...permission, scope: "session", tier };
    }
    const edited = key === "edit" ? await editArguments(context, question, signal) : null;
    if (edited !== null) return edited;
  }
}
