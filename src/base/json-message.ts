import { findJsonTrouble, type JsonTrouble } from "./json-structure.js";

/** What a message may be; beyond it, the sender is told and nothing of it is read. */
export const messageLimits = { bytes: 32 * 1024 * 1024, depth: 64 } as const;

/** What a JSON text holds, or why it is not taken. */
export type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string };

const troubles: Readonly<Record<JsonTrouble, string>> = {
  deep: `the message nests deeper than ${messageLimits.depth} levels`,
  twice: "a field of the message is given twice",
  proto: "the message has a field __proto__",
};

/** Parses a message within the limits; one that two readers could read differently is not taken. */
export function parseMessage(json: Uint8Array): Parsed {
  if (json.length > messageLimits.bytes) return { ok: false, problem: tooLargeText };
  const trouble = findJsonTrouble(json, messageLimits.depth);
  if (trouble !== null) return { ok: false, problem: troubles[trouble] };
  try {
    return { ok: true, value: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json)) };
  } catch {
    return { ok: false, problem: "the message is not JSON" };
  }
}

export const tooLargeText = `the message is larger than ${messageLimits.bytes / (1024 * 1024)} MB`;
