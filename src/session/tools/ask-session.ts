import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { newToken } from "../../base/ids.js";
import type { Answer, Question, QuestionSubject } from "../../model/question.js";
import type { Caller } from "../../model/tool.js";
import { answerQuestion, askPeople, listQuestions, type WaitingQuestion } from "../../questions/questions.js";
import { type AirlockHome, sessionFolder } from "../home.js";
import { listSessions } from "../store.js";
import type { Workbench } from "../workbench.js";

interface Wish {
  readonly subject: QuestionSubject;
  readonly caller: Caller;
  /** How long the question waits where people look for questions. */
  readonly seconds: number;
  readonly signal: AbortSignal | undefined;
  readonly asker: Asker | null;
}

/** Asks the person who is at hand; null when there was no answer, so that another may still give one. */
export type AskPerson = (question: Question, signal: AbortSignal) => Promise<Answer | null>;

/** Who is at hand. One that can take a question back is asked at the same time as all others, any other before them. */
export interface Asker {
  readonly ask: AskPerson;
  readonly takesBack: boolean;
}

const firstMs = 10 * 60_000;

const questionFolder = (home: AirlockHome, session: string): string => join(sessionFolder(home, session), "questions");

function askedAbout(subject: QuestionSubject): Readonly<Record<string, unknown>> {
  if (subject.kind === "tool") return { tool: subject.tool };
  if (subject.kind === "network") return { name: subject.name, port: subject.port };
  const { action, account, region } = subject;
  return { action, account, region };
}

/**
 * Asks about something in a session: whoever is at hand, then wherever people look for questions. Question and answer are in the
 * journal; no answer denies.
 */
export async function askSession(
  bench: Workbench,
  session: string,
  { subject, caller, seconds, signal = unending, asker }: Wish,
): Promise<Answer> {
  const askedAt = Date.now();
  const question: Question = { id: newToken(4), session, caller, askedAt, deadline: askedAt + firstMs, subject };
  const record = bench.recorder(session);
  const what = askedAbout(subject);
  await record({ kind: "question.asked", data: { question: question.id, caller, ...what } });
  const folder = questionFolder(bench.home, session);
  const answer =
    asker?.takesBack === true
      ? await askBeside(folder, question, { signal, seconds, ask: asker.ask })
      : await askBefore(folder, question, { signal, seconds, ask: asker?.ask ?? null });
  const { verdict, scope, tier, reason, by } = answer;
  const edited = answer.edited !== null;
  await record({
    kind: "question.answered",
    data: { question: question.id, verdict, scope, tier, reason, edited, by },
  });
  return answer;
}

interface Asking {
  readonly signal: AbortSignal;
  readonly seconds: number;
}

async function askBefore(
  folder: string,
  question: Question,
  { signal, seconds, ask }: Asking & { readonly ask: AskPerson | null },
): Promise<Answer> {
  const first = await ask?.(question, AbortSignal.any([signal, AbortSignal.timeout(firstMs)]));
  return first ?? (await askPeople(folder, { ...question, deadline: Date.now() + seconds * 1_000 }, { signal }));
}

const unanswered: Answer = { verdict: "deny", scope: "once", tier: null, reason: null, edited: null, by: "deadline" };

// Whoever answers first: an answer given at hand is put where all others are, so that one of them is the one.
async function askBeside(
  folder: string,
  question: Question,
  { signal, seconds, ask }: Asking & { readonly ask: AskPerson },
): Promise<Answer> {
  const answerAtHand = async (waiting: WaitingQuestion, over: AbortSignal): Promise<void> => {
    const given = await ask(question, over);
    // Closed without a word: the others have as long as they would have had alone.
    if (given === null) await sleep(seconds * 1_000, undefined, { signal: over, ref: false });
    await answerQuestion(folder, waiting, given ?? unanswered);
  };
  return await askPeople(folder, question, {
    signal,
    // What comes too late, or from a client that is gone, is no answer.
    onOpen: (waiting, over) => void answerAtHand(waiting, over).catch(() => undefined),
  });
}

const unending = new AbortController().signal;

/** What waits for a person, in one session or in all, oldest first. */
export async function waitingQuestions(home: AirlockHome, session: string | undefined): Promise<WaitingQuestion[]> {
  const all = session === undefined ? await listSessions(home, () => undefined) : null;
  const ids = all === null ? [session ?? ""] : all.filter(({ state }) => state === "running").map(({ id }) => id);
  const lists = await Promise.all(ids.map((id) => listQuestions(questionFolder(home, id))));
  return lists.flat().sort((a, b) => a.question.askedAt - b.question.askedAt);
}

const lookMs = 250;

/** Puts a waiting question to the person who is at hand; "gone" when it was answered in another place, or too late. */
export async function askWhileItWaits(
  home: AirlockHome,
  { question }: WaitingQuestion,
  ask: AskPerson,
): Promise<Answer | null | "gone"> {
  const [gone, done] = [new AbortController(), new AbortController()];
  const look = async (): Promise<void> => {
    while (!done.signal.aborted && !gone.signal.aborted) {
      await sleep(lookMs, undefined, { ref: false, signal: done.signal });
      const waiting = await waitingQuestions(home, question.session);
      if (!waiting.some((each) => each.question.id === question.id)) gone.abort();
    }
  };
  const looking = look().catch(() => undefined);
  try {
    const answer = await ask(question, gone.signal);
    return answer === null && gone.signal.aborted ? "gone" : answer;
  } finally {
    done.abort();
    await looking;
  }
}

/** Gives a person's answer. Throws `E_QUESTION_GONE` when it is too late. */
export async function answerWaiting(home: AirlockHome, waiting: WaitingQuestion, answer: Answer): Promise<void> {
  await answerQuestion(questionFolder(home, waiting.question.session), waiting, answer);
}
