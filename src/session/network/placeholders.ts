import type { GateKey } from "../../model/key.js";

/** What programs inside find in the variables of keys that the gate puts in. */
export function placeholdersOf(keys: readonly GateKey[]): Map<string, string> {
  return new Map(keys.flatMap(({ variable, placeholder }) => (variable === null ? [] : [[variable, placeholder]])));
}
