import * as z from "zod/mini";
import type { Answer, Question } from "../model/question.js";
import { toolNames } from "../model/tool.js";

const text = z.string().check(z.maxLength(1024 * 1024));
const texts = z.array(text).check(z.maxLength(1_000));
const fields = z.record(z.string(), z.unknown());

const subject = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("tool"),
    tool: z.enum([...toolNames, "other"]),
    arguments: fields,
    folder: text,
    touches: texts,
    risk: texts,
    why: text,
    tiers: texts,
  }),
  z.strictObject({
    kind: z.literal("network"),
    name: text,
    port: z.int().check(z.minimum(0), z.maximum(65_535)),
    program: z.nullable(text),
  }),
  z.strictObject({
    kind: z.literal("aws"),
    words: text,
    action: text,
    level: text,
    resources: texts,
    account: z.nullable(text),
    region: text,
    parameters: text,
    bodyHash: z.nullable(text),
    why: text,
  }),
]);

/** A question as its file has it. */
export const questionSchema: { parse(value: unknown): Question } = z.strictObject({
  id: z.string().check(z.regex(/^[0-9a-z]{1,40}$/)),
  session: text,
  caller: text,
  askedAt: z.number(),
  deadline: z.number(),
  subject,
});

/** An answer as its file has it, with the question that it belongs to. */
export const answerSchema: { parse(value: unknown): { readonly question: string; readonly answer: Answer } } =
  z.strictObject({
    /** SHA-256 of the question's file: an answer to another question is none. */
    question: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
    answer: z.strictObject({
      verdict: z.enum(["allow", "deny"]),
      scope: z.enum(["once", "session", "always"]),
      tier: z.nullable(z.int().check(z.nonnegative())),
      reason: z.nullable(text),
      edited: z.nullable(fields),
      by: z.string().check(z.maxLength(100)),
    }),
  });
