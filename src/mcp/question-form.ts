import { escapeText } from "../base/escape.js";
import type { Answer, Question } from "../model/question.js";
import { questionLines } from "../questions/question-lines.js";

const longestReason = 2_000;

/** The question as a client shows it: every part from outside is escaped, a line each, what is dangerous first. */
export function questionMessage({ session, subject }: Question): string {
  return [`Airlock: may this run in the sandbox of session ${escapeText(session)}?`, ...questionLines(subject)].join(
    "\n",
  );
}

const denyWord = "no";
const onceWord = "yes, once";

function tierWords({ subject }: Question): string[] {
  return subject.kind === "tool"
    ? subject.tiers.map((label) => `yes, and from now on: ${escapeText(label).slice(0, 200)}`)
    : [];
}

/** The form of the question: what may be answered. The first choice is the one that changes nothing. */
export function questionSchema(question: Question): {
  type: "object";
  properties: Record<string, { type: "string"; title: string; enum: string[] } | { type: "string"; title: string }>;
  required: string[];
} {
  return {
    type: "object",
    properties: {
      answer: { type: "string", title: "Your answer", enum: [denyWord, onceWord, ...tierWords(question)] },
      reason: { type: "string", title: "A word to the agent (optional)" },
    },
    required: ["answer"],
  };
}

const denial = (reason: string | null): Answer => ({
  verdict: "deny",
  scope: "once",
  tier: null,
  reason,
  edited: null,
  by: "mcp",
});

/**
 * What a client's reply to the form means: null when the form was closed without a word, so that another place may still answer. Anything
 * that is not exactly one of the choices denies.
 */
export function answerFrom(
  question: Question,
  reply: { readonly action: string; readonly content?: Readonly<Record<string, unknown>> | undefined },
): Answer | null {
  if (reply.action === "cancel") return null;
  const given = reply.content?.["reason"];
  const reason = typeof given === "string" && given.trim() !== "" ? given.slice(0, longestReason) : null;
  if (reply.action !== "accept") return denial(reason);
  const word = reply.content?.["answer"];
  if (word === onceWord) return { ...denial(reason), verdict: "allow" };
  const tier = typeof word === "string" ? tierWords(question).indexOf(word) : -1;
  return tier === -1 ? denial(reason) : { ...denial(reason), verdict: "allow", scope: "session", tier };
}
