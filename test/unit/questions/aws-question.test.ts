import { expect, test } from "vitest";
import type { QuestionSubject } from "../../../src/model/question.js";
import { questionLines } from "../../../src/questions/question-lines.js";
import { questionSchema } from "../../../src/questions/question-schema.js";

const subject: QuestionSubject & { readonly kind: "aws" } = {
  ...{ kind: "aws", words: "stop instance i-1, in eu-central-1", action: "ec2:StopInstances", level: "write" },
  ...{ resources: ["id i-1"], account: "123456789012", region: "eu-central-1", parameters: "InstanceId.1=i-1" },
  ...{ bodyHash: "a".repeat(64), why: "it changes something" },
};

test("a call of AWS is asked about in words first, then with all that it names", () => {
  expect(questionLines(subject)).toEqual([
    "would: stop instance i-1, in eu-central-1",
    "action: ec2:StopInstances (write)",
    "on: id i-1",
    "account: 123456789012",
    "region: eu-central-1",
    "parameters: InstanceId.1=i-1",
    "why you are asked: it changes something",
  ]);
});

test("nothing in it can make a line, move the cursor, or hide how much there is", () => {
  const resources = Array.from({ length: 30 }, (_, at) => `id i-${at}\nwould: nothing\u001b[2J`);
  const lines = questionLines({ ...subject, resources, bodyHash: null });
  expect(lines.filter((line) => line.startsWith("would: "))).toHaveLength(1);
  expect(lines.join("")).not.toContain("\u001b");
  expect(lines).toContain("  and 10 more");
  expect(lines.some((line) => line.includes("whatever it holds"))).toBe(true);
});

test("its file is read as it was written", () => {
  const question = { id: "q1", session: "s", caller: "c", askedAt: 1, deadline: 2, subject };
  expect(questionSchema.parse(JSON.parse(JSON.stringify(question)))).toEqual(question);
  expect(() => questionSchema.parse({ ...question, subject: { ...subject, more: 1 } })).toThrow();
});
