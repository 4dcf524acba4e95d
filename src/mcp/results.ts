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

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

// A picture goes to the client as one, so that its model sees it; as text it would be megabytes of nothing.
function takeImages(result: Readonly<Record<string, unknown>>): {
  readonly data: Readonly<Record<string, unknown>>;
  readonly images: readonly ContentBlock[];
} {
  const { results } = result;
  if (!Array.isArray(results)) return { data: result, images: [] };
  const images: ContentBlock[] = [];
  const rest = results.map((each: unknown) => {
    if (!isPlain(each) || each["mode"] !== "image" || typeof each["base64"] !== "string") return each;
    const { base64, ...told } = each;
    images.push({ type: "image", data: base64 as string, mimeType: String(each["media_type"]) });
    return told;
  });
  return { data: { ...result, results: rest }, images };
}

/** The answer to a tool call. A denial is an error whose text names who denied and what to do instead. */
export function outcomeResult(outcome: ToolOutcome): CallToolResult {
  if (outcome.kind !== "done") return errorResult(escapeBody(outcome.text));
  const { data, images } = takeImages(outcome.result);
  return dataResult(data, images);
}
