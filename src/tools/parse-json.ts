import { AirlockError, messageOf } from "../base/errors.js";

const maxBytes = 16 * 1024 * 1024;
const maxDepth = 64;

const refuse = (problem: string): AirlockError => new AirlockError("E_TOOL_ARGUMENTS", `the arguments are ${problem}`);

interface Level {
  /** Null in an array. */
  readonly keys: Set<string> | null;
  isKey: boolean;
}

// JSON.parse takes the last of two equal keys, and another reader the first: what was decided on and what runs could differ.
function checkStructure(text: string): void {
  const levels: Level[] = [];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]/gs)) {
    const level = levels.at(-1);
    if (token === "{" || token === "[") {
      levels.push({ keys: token === "{" ? new Set() : null, isKey: token === "{" });
      if (levels.length > maxDepth) throw refuse(`nested deeper than ${maxDepth}`);
    } else if (token === "}" || token === "]") levels.pop();
    else if (token === ":" && level !== undefined) level.isKey = false;
    else if (token === "," && level !== undefined) level.isKey = level.keys !== null;
    else if (level?.isKey === true && level.keys !== null) {
      const key = JSON.parse(token) as string;
      if (level.keys.has(key)) throw refuse("ambiguous: a field is given twice");
      if (key === "__proto__") throw refuse("refused: __proto__ is no field");
      level.keys.add(key);
    }
  }
}

/** Parses the arguments of a call within bounds; throws `E_TOOL_ARGUMENTS` for anything that two readers could read differently. */
export function parseArguments(text: string): unknown {
  if (Buffer.byteLength(text) > maxBytes) throw refuse(`larger than ${maxBytes / 1024 / 1024} MB`);
  let value: unknown;
  try {
    // The depth first: a deep value would be built before it is refused.
    checkStructure(text);
    value = JSON.parse(text);
  } catch (error) {
    throw error instanceof AirlockError ? error : refuse(`no JSON: ${messageOf(error)}`);
  }
  return value;
}
