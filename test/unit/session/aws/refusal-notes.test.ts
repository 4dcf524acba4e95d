import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { JournalEvent } from "../../../../src/model/journal.js";
import { RefusalNotes } from "../../../../src/session/aws/refusal-notes.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("the same refusal is written down once, and then counted", () => {
  const written: JournalEvent[] = [];
  const notes = new RefusalNotes((event) => void written.push(event));
  for (let turn = 0; turn < 1_000; turn++) notes.add("no such operation", { service: "ec2", region: "us-east-1" });
  expect(written).toHaveLength(1);
  vi.advanceTimersByTime(10_000);
  expect(written[1]).toMatchObject({ kind: "aws.refusals", data: { reason: "no such operation", times: 999 } });
  notes.add("no such operation", { service: "ec2", region: "us-east-1" });
  expect(written[2]).toMatchObject({ kind: "aws.refused" });
});

test("thousands of different refusals are repeats of one another, too", () => {
  const written: JournalEvent[] = [];
  const notes = new RefusalNotes((event) => void written.push(event));
  for (let turn = 0; turn < 5_000; turn++) notes.add(`reason ${turn}`, null);
  vi.advanceTimersByTime(10_000);
  expect(written).toHaveLength(102);
  expect(written.at(-1)).toMatchObject({ kind: "aws.refusals", data: { times: 4_899 } });
});
