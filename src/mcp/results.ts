import type { CallToolResult, ContentBlock } from "@modelcontextprotocol/server";
import { isAirlockError, messageOf } from "../base/errors.js";
import { escapeBody } from "../base/escape.js";
import type { ToolOutcome } from "../model/tool.js";

/** A failure that the agent can read: nothing is thrown at the protocol for what a tool did. */
export function errorResult(text: string): CallToolResult {
  return { content: [{ type: "text", text }], isError: true };
}

/** What a thrown error says to an agent: the message and what to do. */
export function failureResult(error: unknown): CallToolResult {
  const hint = isAirlockError(error) && error.hint !== undefined ? `\nhint: ${error.hint}` : "";
  return errorResult(escapeBody(`${messageOf(error)}${hint}`));
}

/** Data for the client, once as it is and once as text for clients that show only text. */
export function dataResult(
  data: Readonly<Record<string, unknown>>,
  more: readonly ContentBlock[] = [],
): CallToolResult {
  return { content: [{ type: "text", text: JSON.stringify(data) }, ...more], structuredContent: { ...data } };
}

const deniedBy = {
  policy: "Denied by the session's trust rules",
  person: "Denied by the person",
  pending: "Not run: a person has not answered yet",
} as const;

/** The answer to a tool call. A denial is an error that names who denied and what to do instead. */
export function outcomeResult(outcome: ToolOutcome): CallToolResult {
  if (outcome.kind === "done") return dataResult(outcome.result);
  if (outcome.kind === "failed") return errorResult(outcome.text);
  return errorResult(`${deniedBy[outcome.code]}: ${outcome.text}`);
}
