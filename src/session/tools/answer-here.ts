import { setTimeout as sleep } from "node:timers/promises";
import { isAirlockError } from "../../base/errors.js";
import type { Answer } from "../../model/question.js";
import type { AirlockHome } from "../home.js";
import type { TerminalHold } from "../sandbox/terminal-hold.js";
import { type AskPerson, answerWaiting, askWhileItWaits, waitingQuestions } from "./ask-session.js";

interface Place {
  readonly session: string;
  readonly hold: TerminalHold;
  readonly ask: AskPerson;
  readonly signal: AbortSignal;
}

const lookMs = 250;
const denial: Answer = { verdict: "deny", scope: "once", tier: null, reason: null, edited: null, by: "terminal" };

/** Asks what waits in a session at the terminal that its command has, one after the other, until `signal` ends it. */
export async function answerHere(home: AirlockHome, { session, hold, ask, signal }: Place): Promise<void> {
  while (!signal.aborted) {
    const [waiting] = await waitingQuestions(home, session);
    if (waiting === undefined) {
      await sleep(lookMs, undefined, { ref: false, signal }).catch(() => undefined);
      continue;
    }
    const answer = await hold.take(() => askWhileItWaits(home, waiting, ask));
    if (answer === "gone") continue;
    try {
      await answerWaiting(home, waiting, { ...(answer ?? denial), by: "terminal" });
    } catch (error) {
      if (!isAirlockError(error, "E_QUESTION_GONE")) throw error;
    }
  }
}
