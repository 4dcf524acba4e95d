/** What makes a JSON text one that is not taken: two readers could read it differently, or its value is deeper than may be built. */
export type JsonTrouble = "deep" | "twice" | "proto";

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

interface Level {
  /** Null in an array. */
  readonly keys: Set<string> | null;
  /** Whether a text that begins here is the name of a field. */
  isKey: boolean;
}

const isEscaped = (json: Buffer, at: number): boolean => {
  let before = at;
  while (json[before - 1] === backslash) before -= 1;
  return (at - before) % 2 === 1;
};

function endOfText(json: Buffer, start: number): number {
  let end = json.indexOf(quote, start + 1);
  while (end !== -1 && isEscaped(json, end)) end = json.indexOf(quote, end + 1);
  return end === -1 ? json.length : end;
}

function nameIn(json: Buffer, start: number, end: number): string {
  const name = json.toString("utf8", start + 1, end);
  if (!name.includes("\\")) return name;
  try {
    return JSON.parse(`"${name}"`) as string;
  } catch {
    // No JSON: whoever parses it says so.
    return name;
  }
}

function takeName({ keys, isKey }: Level, json: Buffer, start: number, end: number): JsonTrouble | null {
  if (!isKey || keys === null) return null;
  const name = nameIn(json, start, end);
  if (name === "__proto__") return "proto";
  if (keys.has(name)) return "twice";
  keys.add(name);
  return null;
}

/**
 * Looks along a JSON text without building anything of it: for levels beyond `maxDepth`, for a field that stands twice (`JSON.parse` takes
 * the last, other readers the first), and for a field `__proto__`, which nothing honest says. What is no JSON may pass.
 */
export function findJsonTrouble(bytes: Uint8Array, maxDepth: number): JsonTrouble | null {
  const json = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const levels: Level[] = [];
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    const level = levels.at(-1);
    if (byte === quote) {
      const end = endOfText(json, at);
      const trouble = level === undefined ? null : takeName(level, json, at, end);
      if (trouble !== null) return trouble;
      at = end;
    } else if (byte === openBrace || byte === openBracket) {
      if (levels.length === maxDepth) return "deep";
      levels.push({ keys: byte === openBrace ? new Set() : null, isKey: byte === openBrace });
    } else if (byte === closeBrace || byte === closeBracket) levels.pop();
    else if (level !== undefined && byte === colon) level.isKey = false;
    else if (level !== undefined && byte === comma) level.isKey = level.keys !== null;
  }
  return null;
}
