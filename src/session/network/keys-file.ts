import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { writeFileAtomic } from "../../base/atomic-file.js";
import { AirlockError, messageOf, systemCodeOf } from "../../base/errors.js";
import type { GateKey } from "../../model/key.js";
import { type AirlockHome, sessionFolder } from "../home.js";

const text = z.string().check(z.minLength(1), z.maxLength(1_000));

const keysSchema: { parse(value: unknown): readonly GateKey[] } = z.array(
  z.strictObject({
    ...{ host: text, header: text, format: text, placeholder: text },
    from: z.strictObject({ env: text }),
    variable: z.nullable(text),
  }),
);

const keysPath = (home: AirlockHome, session: string): string => join(sessionFolder(home, session), "keys.json");

/** Writes down which keys a session has, and where the host finds them: no secret. */
export async function saveKeys(home: AirlockHome, session: string, keys: readonly GateKey[]): Promise<void> {
  if (keys.length > 0) await writeFileAtomic(keysPath(home, session), `${JSON.stringify(keys, null, 2)}\n`);
}

/** The keys of a session; none for most. */
export async function loadKeys(home: AirlockHome, session: string): Promise<readonly GateKey[]> {
  const path = keysPath(home, session);
  try {
    return keysSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return [];
    throw new AirlockError("E_STATE_DAMAGED", `${path} cannot be read: ${messageOf(error).split("\n")[0]}`, {
      cause: error,
    });
  }
}
