import { AirlockError, messageOf } from "../base/errors.js";
import { findJsonTrouble, type JsonTrouble } from "../base/json-structure.js";

const maxBytes = 16 * 1024 * 1024;
const maxDepth = 64;

const refuse = (problem: string): AirlockError => new AirlockError("E_TOOL_ARGUMENTS", `the arguments are ${problem}`);

// What was decided on and what runs could differ.
const troubles: Readonly<Record<JsonTrouble, string>> = {
  deep: `nested deeper than ${maxDepth}`,
  twice: "ambiguous: a field is given twice",
  proto: "refused: __proto__ is no field",
};

/** Parses the arguments of a call within bounds; throws `E_TOOL_ARGUMENTS` for anything that two readers could read differently. */
export function parseArguments(text: string): unknown {
  if (Buffer.byteLength(text) > maxBytes) throw refuse(`larger than ${maxBytes / 1024 / 1024} MB`);
  // The depth first: a deep value would be built before it is refused.
  const trouble = findJsonTrouble(Buffer.from(text), maxDepth);
  if (trouble !== null) throw refuse(troubles[trouble]);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw refuse(`no JSON: ${messageOf(error)}`);
  }
}
