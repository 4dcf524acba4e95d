import { AirlockError } from "../base/errors.js";
import type { Answers } from "./answers.js";

/** An engine's answer, as its schema gives it. */
export type Answer<K extends keyof Answers> = Answers[K];

/**
 * Reads an engine's answer, or fails with the field that is not as it must be. The schemas are loaded when the first answer is
 * there, and not before the first question: the engine then thinks while they are.
 */
export async function readAnswer<K extends keyof Answers>(kind: K, answer: unknown, what: string): Promise<Answer<K>> {
  const { parseAnswer } = await import("./answers.js");
  const parsed = parseAnswer(kind, answer);
  if ("data" in parsed) return parsed.data;
  const { where, cause } = parsed;
  throw new AirlockError(
    "E_ENGINE_ANSWER",
    `the engine's answer about ${what} cannot be understood${where === "" ? "" : ` at ${where}`}`,
    { hint: "see whether something else than a container engine answers there", cause },
  );
}
