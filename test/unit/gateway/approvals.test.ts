import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Approval, Approvals, callKey } from "../../../src/gateway/approvals.js";

const once: Approval = { verdict: "allow", forSession: false, reason: null, by: "terminal" };
const here = new AbortController().signal;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function asking() {
  const answers: ((answer: Approval) => void)[] = [];
  const ask = (): Promise<Approval> => new Promise((resolve) => void answers.push(resolve));
  return { answers, ask };
}

test("an answer in time serves the call that waits", async () => {
  const { answers, ask } = asking();
  const waiting = new Approvals().wait("key", ask, here);
  answers[0]?.(once);
  expect(await waiting).toBe(once);
});

test("after 20 seconds the call is told to come back, and its next try finds the answer, once", async () => {
  const approvals = new Approvals();
  const { answers, ask } = asking();
  const first = approvals.wait("key", ask, here);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(await first).toBe("pending");
  answers[0]?.(once);
  await vi.advanceTimersByTimeAsync(0);
  expect(await approvals.wait("key", ask, here)).toBe(once);
  expect(answers).toHaveLength(1);
  const again = approvals.wait("key", ask, here);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(await again).toBe("pending");
  expect(answers).toHaveLength(2);
});

test("the same call made again meanwhile asks nobody twice; one of them has the answer", async () => {
  const approvals = new Approvals();
  const { answers, ask } = asking();
  const both = [approvals.wait("key", ask, here), approvals.wait("key", ask, here)];
  answers[0]?.(once);
  await vi.advanceTimersByTimeAsync(0);
  expect(answers).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(20_000);
  expect((await Promise.all(both)).filter((each) => each === once)).toHaveLength(1);
});

test("a client that left has no use for the answer, which its next try finds", async () => {
  const approvals = new Approvals();
  const { answers, ask } = asking();
  const leaving = new AbortController();
  const gone = approvals.wait("key", ask, leaving.signal);
  leaving.abort();
  expect(await gone).toBe("gone");
  answers[0]?.(once);
  expect(await approvals.wait("key", ask, here)).toBe(once);
});

test("an answer that nobody fetched is forgotten after five minutes", async () => {
  const approvals = new Approvals();
  const { answers, ask } = asking();
  const first = approvals.wait("key", ask, here);
  await vi.advanceTimersByTimeAsync(20_000);
  await first;
  answers[0]?.(once);
  await vi.advanceTimersByTimeAsync(5 * 60_000 + 1);
  const late = approvals.wait("key", ask, here);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(await late).toBe("pending");
  expect(answers).toHaveLength(2);
});

test("an answer that could not be got denies", async () => {
  const failed = new Approvals().wait("key", () => Promise.reject(new Error("no")), here);
  expect(await failed).toMatchObject({ verdict: "deny" });
});

test("parts of a key cannot be moved from one to the next", () => {
  expect(callKey(["a", "bc"])).not.toBe(callKey(["ab", "c"]));
  expect(callKey(["1:a"])).not.toBe(callKey(["1", "a"]));
});
