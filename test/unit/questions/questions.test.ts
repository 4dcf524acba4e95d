import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { isAirlockError } from "../../../src/base/errors.js";
import type { Answer, Question } from "../../../src/model/question.js";
import { answerQuestion, askPeople, listQuestions, type WaitingQuestion } from "../../../src/questions/questions.js";

const folders: string[] = [];
const newFolder = (): string => {
  folders.push(mkdtempSync(join(tmpdir(), "airlock-questions-")));
  return join(folders.at(-1) ?? "", "questions");
};
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const questionOf = (id: string, rest: Partial<Question> = {}): Question => ({
  id,
  session: "brisk-otter-3f2a",
  caller: "mcp:\u001b[2Jx",
  askedAt: Date.now(),
  deadline: Date.now() + 10_000,
  subject: { kind: "network", name: "example.com", port: 443, program: null },
  ...rest,
});
const yes: Answer = { verdict: "allow", scope: "session", tier: 1, reason: null, edited: { a: 1 }, by: "approve" };

async function waitingIn(folder: string, count = 1): Promise<WaitingQuestion[]> {
  for (;;) {
    const list = await listQuestions(folder);
    if (list.length >= count) return list;
    await sleep(5);
  }
}

describe("a question", () => {
  it("waits until somebody answers, and leaves nothing behind", async () => {
    const folder = newFolder();
    const asked = askPeople(folder, questionOf("q1"));
    const [waiting] = await waitingIn(folder);
    expect(waiting?.question).toMatchObject({ id: "q1", caller: "mcp:\u001b[2Jx" });
    await answerQuestion(folder, waiting as WaitingQuestion, yes);
    expect(await asked).toEqual(yes);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("waits no more once it is answered, also before its asker has looked", async () => {
    const folder = newFolder();
    const asked = askPeople(folder, questionOf("q1"));
    const [waiting] = await waitingIn(folder);
    await answerQuestion(folder, waiting as WaitingQuestion, yes);
    // The asker takes its files away in another turn of the event loop, at the earliest.
    const list = listQuestions(folder);
    expect(await list).toEqual([]);
    await asked;
  });

  it("is denied when nobody answers in time, and when the asker gives up", async () => {
    const folder = newFolder();
    expect(await askPeople(folder, questionOf("q1", { deadline: Date.now() + 60 }))).toMatchObject({
      verdict: "deny",
      by: "deadline",
    });
    expect(await askPeople(folder, questionOf("q2"), { signal: AbortSignal.timeout(60) })).toMatchObject({
      verdict: "deny",
      by: "cancelled",
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it("takes the first answer, and tells everybody else that it is too late", async () => {
    const folder = newFolder();
    const asked = askPeople(folder, questionOf("q1"));
    const [waiting] = await waitingIn(folder);
    const answers = Array.from({ length: 8 }, (_, at): Answer => ({ ...yes, reason: String(at) }));
    const results = await Promise.allSettled(answers.map((each) => answerQuestion(folder, waiting as never, each)));
    const given = results.flatMap(({ status }, at) => (status === "fulfilled" ? [String(at)] : []));
    expect(given).toEqual([(await asked).reason]);
    for (const each of results)
      if (each.status === "rejected") expect(isAirlockError(each.reason, "E_QUESTION_GONE")).toBe(true);
    await expect(answerQuestion(folder, waiting as never, yes)).rejects.toThrow(/waits no more/);
  });

  it("is not answered by an answer to another one, and a damaged answer denies", async () => {
    const folder = newFolder();
    const asked = askPeople(folder, questionOf("q1"));
    await waitingIn(folder);
    writeFileSync(join(folder, "q1.answer"), JSON.stringify({ question: "0".repeat(64), answer: yes }));
    expect(await asked).toMatchObject({ verdict: "deny", by: "damage" });
    const again = askPeople(folder, questionOf("q2"));
    await waitingIn(folder);
    writeFileSync(join(folder, "q2.answer"), "{");
    expect(await again).toMatchObject({ verdict: "deny", by: "damage" });
  });

  it("stands in a line with others, the oldest first", async () => {
    const folder = newFolder();
    const gone = new AbortController();
    const asked = [3, 1, 2].map((at) =>
      askPeople(folder, questionOf(`q${at}`, { askedAt: at }), { signal: gone.signal }),
    );
    expect((await waitingIn(folder, 3)).map(({ question }) => question.id)).toEqual(["q1", "q2", "q3"]);
    gone.abort();
    await Promise.all(asked);
  });

  it("goes when its asker has died, and what is no question is none", async () => {
    const folder = newFolder();
    const gone = new AbortController();
    const asked = askPeople(folder, questionOf("q1"), { signal: gone.signal });
    await waitingIn(folder);
    writeFileSync(join(folder, "q2.json"), JSON.stringify({ ...questionOf("q2"), extra: 1 }));
    writeFileSync(join(folder, "q3.json"), JSON.stringify(questionOf("q3")));
    // A process id that nothing has, started at no time.
    writeFileSync(join(folder, "q3.lock"), "4194303 0");
    expect((await listQuestions(folder)).map(({ question }) => question.id)).toEqual(["q1"]);
    expect(readdirSync(folder)).not.toContain("q3.json");
    gone.abort();
    await asked;
  });
});
