import { createHash } from "node:crypto";
import { watch } from "node:fs";
import { access, link, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AirlockError, messageOf, systemCodeOf } from "../base/errors.js";
import { isAbandoned, takeLock } from "../base/file-lock.js";
import { newToken } from "../base/ids.js";
import type { Answer, Question } from "../model/question.js";
import { answerSchema, questionSchema } from "./question-schema.js";

/** A question that waits, with what an answer to it must name. */
export interface WaitingQuestion {
  readonly question: Question;
  readonly digest: string;
}

const lookEveryMs = 500;
const maxBytes = 32 * 1024 * 1024;

const digestOf = (bytes: string): string => createHash("sha256").update(bytes).digest("hex");

const places = (folder: string, id: string) => ({
  question: join(folder, `${id}.json`),
  answer: join(folder, `${id}.answer`),
  lock: join(folder, `${id}.lock`),
});

const unanswered: Answer = { verdict: "deny", scope: "once", tier: null, reason: null, edited: null, by: "deadline" };

async function readAnswer(path: string, digest: string): Promise<Answer | null> {
  try {
    const { question, answer } = answerSchema.parse(JSON.parse(await readFile(path, "utf8")));
    return question === digest ? answer : { ...unanswered, reason: "the answer was to another question", by: "damage" };
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return null;
    return { ...unanswered, reason: `the answer cannot be read: ${messageOf(error).slice(0, 200)}`, by: "damage" };
  }
}

// Woken by the folder's changes where the system tells of them, and now and then where it does not.
async function waitFor(folder: string, ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const watcher = watch(folder, { persistent: false }, done);
    const timer = setTimeout(done, Math.max(0, Math.min(ms, lookEveryMs)));
    signal?.addEventListener("abort", done, { once: true });
    watcher.on("error", () => undefined);
    function done(): void {
      clearTimeout(timer);
      watcher.close();
      signal?.removeEventListener("abort", done);
      resolve();
    }
  });
}

interface Asking {
  readonly signal?: AbortSignal | undefined;
  /** Told when the question stands there to be answered; `over` aborts when it does no more. */
  readonly onOpen?: (waiting: WaitingQuestion, over: AbortSignal) => void;
}

/**
 * Asks whoever looks at the folder, and waits: for the first answer, for the deadline, which denies, or for the end of `signal`, which
 * denies, too. The question is a file that lives as long as who asks; an answer is a file beside it, made once.
 */
export async function askPeople(folder: string, question: Question, { signal, onOpen }: Asking = {}): Promise<Answer> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const place = places(folder, question.id);
  await using _lock = await takeLock(place.lock, { waitMs: 0 });
  const text = `${JSON.stringify(question)}\n`;
  if (text.length > maxBytes) return { ...unanswered, reason: "the question is too large to be asked", by: "size" };
  const digest = digestOf(text);
  const over = new AbortController();
  try {
    const draft = join(folder, `.${question.id}.draft`);
    await writeFile(draft, text, { mode: 0o600, flag: "wx" });
    await link(draft, place.question);
    await rm(draft, { force: true });
    onOpen?.({ question, digest }, over.signal);
    for (;;) {
      const answer = await readAnswer(place.answer, digest);
      if (answer !== null) return answer;
      const left = question.deadline - Date.now();
      if (left <= 0) return unanswered;
      if (signal?.aborted === true) return { ...unanswered, by: "cancelled" };
      await waitFor(folder, left, signal);
    }
  } finally {
    over.abort();
    // The question first: what is not there any more cannot be answered.
    await rm(place.question, { force: true });
    await rm(place.answer, { force: true });
  }
}

async function readQuestion(folder: string, id: string): Promise<WaitingQuestion | null> {
  const place = places(folder, id);
  if (await isAbandoned(place.lock)) {
    for (const path of Object.values(place)) await rm(path, { force: true });
    return null;
  }
  // Its asker has not looked yet: nobody is to be asked again.
  const isAnswered = await access(place.answer).then(
    () => true,
    () => false,
  );
  if (isAnswered) return null;
  try {
    const text = await readFile(place.question, "utf8");
    return { question: questionSchema.parse(JSON.parse(text)), digest: digestOf(text) };
  } catch {
    // Answered meanwhile; or not one of ours, which nobody can answer.
    return null;
  }
}

/** The questions that wait in a folder, oldest first; those whose asker died are taken away. */
export async function listQuestions(folder: string): Promise<WaitingQuestion[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (systemCodeOf(error) === "ENOENT") return [];
    throw error;
  });
  const ids = names.flatMap((name) => /^([0-9a-z]{1,40})\.json$/.exec(name)?.[1] ?? []);
  const found = await Promise.all(ids.map((id) => readQuestion(folder, id)));
  const waiting = found.filter((each) => each !== null && Date.now() < each.question.deadline) as WaitingQuestion[];
  return waiting.sort((a, b) => a.question.askedAt - b.question.askedAt);
}

/** Answers a question, once: the first answer is the one that counts. Throws `E_QUESTION_GONE` when it is too late. */
export async function answerQuestion(
  folder: string,
  { question, digest }: WaitingQuestion,
  answer: Answer,
): Promise<void> {
  const place = places(folder, question.id);
  const draft = join(folder, `.${question.id}.${newToken(4)}`);
  await writeFile(draft, JSON.stringify({ question: digest, answer }), { mode: 0o600, flag: "wx" });
  try {
    const now = await readFile(place.question, "utf8").catch(() => "");
    if (digestOf(now) !== digest) throw gone(question.id);
    await link(draft, place.answer);
  } catch (error) {
    throw systemCodeOf(error) === "EEXIST" ? gone(question.id) : error;
  } finally {
    await rm(draft, { force: true });
  }
}

function gone(id: string): AirlockError {
  return new AirlockError("E_QUESTION_GONE", `question ${id} waits no more: it was answered, or its time is over`);
}
