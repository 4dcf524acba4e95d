/** What a message may be; beyond it, the sender is told and nothing of it is read. */
export const messageLimits = { bytes: 32 * 1024 * 1024, depth: 64 } as const;

const [quote, backslash] = [0x22, 0x5c];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Tells whether a JSON text nests deeper than `depth`, without building any of it: what walks values later is recursive. */
export function isNestedTooDeep(json: Uint8Array, depth: number = messageLimits.depth): boolean {
  let level = 0;
  let inText = false;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (inText) {
      if (byte === backslash) at += 1;
      else if (byte === quote) inText = false;
    } else if (byte === quote) inText = true;
    else if (byte === openBrace || byte === openBracket) {
      level += 1;
      if (level > depth) return true;
    } else if (byte === closeBrace || byte === closeBracket) level -= 1;
  }
  return false;
}

/** What a JSON text holds, or why it is not taken. */
export type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string };

/** Parses a message within the limits; `__proto__` as a name of a field makes it unreadable, as nothing honest says it. */
export function parseMessage(json: Uint8Array): Parsed {
  if (json.length > messageLimits.bytes) return { ok: false, problem: tooLargeText };
  if (isNestedTooDeep(json))
    return { ok: false, problem: `the message nests deeper than ${messageLimits.depth} levels` };
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(json);
    // A reviver makes parsing many times slower: only where it has something to find.
    return { ok: true, value: text.includes("__proto__") ? JSON.parse(text, refuseProto) : JSON.parse(text) };
  } catch {
    return { ok: false, problem: "the message is not JSON" };
  }
}

export const tooLargeText = `the message is larger than ${messageLimits.bytes / (1024 * 1024)} MB`;

function refuseProto(key: string, value: unknown): unknown {
  if (key === "__proto__") throw new SyntaxError("__proto__");
  return value;
}
