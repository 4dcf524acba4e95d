import { expect, test } from "vitest";
import type { AskClient } from "../../../src/mcp/desk.js";
import { type CallStep, PendingCalls } from "../../../src/mcp/pending-calls.js";
import type { Answer } from "../../../src/model/question.js";
import type { ToolOutcome } from "../../../src/model/tool.js";
import { questionAbout } from "../../support/paper-desk.js";

const yes: Answer = { verdict: "allow", scope: "once", tier: null, reason: null, edited: null, by: "mcp" };
const still = new AbortController().signal;

const asking =
  (seen: (Answer | null)[]) =>
  async (ask: AskClient, signal: AbortSignal): Promise<ToolOutcome> => {
    seen.push(await ask(questionAbout("x"), signal));
    return { kind: "done", result: { aborted: signal.aborted } };
  };

function tokenOf(step: CallStep): string {
  if (step.kind !== "question") throw new Error("no question");
  return step.token;
}

test("a call waits for its answer and runs once", async () => {
  const pending = new PendingCalls();
  const seen: (Answer | null)[] = [];
  const token = tokenOf(await pending.begin("a", still, asking(seen)));
  expect(seen).toEqual([]);
  expect(await pending.resume(token, "a", yes, still)).toEqual({
    kind: "end",
    outcome: { kind: "done", result: { aborted: false } },
  });
  expect(seen).toEqual([yes]);
  expect(await pending.resume(token, "a", yes, still)).toBeNull();
});

test("an answer with other arguments, or to a token that was made up, allows nothing", async () => {
  const pending = new PendingCalls();
  const seen: (Answer | null)[] = [];
  const token = tokenOf(await pending.begin("rm a", still, asking(seen)));
  expect(await pending.resume(token, "rm b", yes, still)).toBeNull();
  expect(await pending.resume(`${token.slice(1)}0`, "rm a", yes, still)).toBeNull();
  expect(seen).toEqual([]);
  pending.cancelAll();
});

test("a second question of the same call is handed on like the first", async () => {
  const pending = new PendingCalls();
  const first = await pending.begin("a", still, async (ask, signal) => {
    await ask(questionAbout("one"), signal);
    await ask(questionAbout("two"), signal);
    return { kind: "failed", text: "end" };
  });
  const second = await pending.resume(tokenOf(first), "a", yes, still);
  expect(second).toMatchObject({ kind: "question", question: { subject: { arguments: { command: "two" } } } });
  expect(await pending.resume(tokenOf(first), "a", yes, still)).toMatchObject({ kind: "end" });
});

test("when somebody else answers first, the client that comes back gets the outcome", async () => {
  const pending = new PendingCalls();
  const elsewhere = new AbortController();
  const step = await pending.begin("a", still, async (ask) => {
    const given = await ask(questionAbout("x"), elsewhere.signal);
    return { kind: "done", result: { given } };
  });
  elsewhere.abort();
  expect(pending.questionOf(tokenOf(step))).toBeNull();
  expect(await pending.resume(tokenOf(step), "a", yes, still)).toEqual({
    kind: "end",
    outcome: { kind: "done", result: { given: null } },
  });
});

test("a client that goes ends its calls, whether they wait or run", async () => {
  const pending = new PendingCalls();
  const seen: (Answer | null)[] = [];
  const signals: AbortSignal[] = [];
  await pending.begin("a", still, (ask, signal) => {
    signals.push(signal);
    return asking(seen)(ask, signal);
  });
  pending.cancelAll();
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual([null]);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
});

test("a request that is cancelled cancels its call", async () => {
  const pending = new PendingCalls();
  const stop = new AbortController();
  const ended = pending.begin("a", stop.signal, async (_ask, signal) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    return { kind: "failed", text: "cancelled" };
  });
  stop.abort();
  expect(await ended).toEqual({ kind: "end", outcome: { kind: "failed", text: "cancelled" } });
});

test("the oldest of very many waiting calls is given up, so that a client cannot pile them up", async () => {
  const pending = new PendingCalls();
  const seen: (Answer | null)[] = [];
  const first = tokenOf(await pending.begin("a", still, asking(seen)));
  for (let index = 0; index < 256; index += 1) await pending.begin("a", still, asking([]));
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual([null]);
  expect(await pending.resume(first, "a", yes, still)).toBeNull();
  pending.cancelAll();
});
