import { readFileSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { writeFileAtomic } from "../../base/atomic-file.js";
import { AirlockError, messageOf, systemCodeOf } from "../../base/errors.js";
import type { PolicySource } from "../../gate/admission.js";
import { Rules } from "../../gate/rules.js";
import type { NetworkPolicy } from "../../model/network.js";
import { type AirlockHome, sessionFolder } from "../home.js";

interface Parser<T> {
  parse(value: unknown): T;
}

const policySchema: Parser<NetworkPolicy> = z.strictObject({
  mode: z.enum(["none", "policy", "ask", "open"]),
  rules: z.array(
    z.strictObject({
      action: z.enum(["allow", "ask", "deny", "private"]),
      pattern: z.string(),
      origin: z.string(),
      until: z.nullable(z.number()),
    }),
  ),
  hosts: z.record(z.string(), z.string()),
});

const networkPath = (home: AirlockHome, session: string): string => join(sessionFolder(home, session), "network.json");

function parse(path: string, text: string): NetworkPolicy {
  try {
    return policySchema.parse(JSON.parse(text));
  } catch (error) {
    throw new AirlockError("E_STATE_DAMAGED", `${path} cannot be read: ${messageOf(error).split("\n")[0]}`, {
      cause: error,
    });
  }
}

/** Writes a session's policy, where there is one; a running session's gate notices. */
export async function saveNetwork(home: AirlockHome, session: string, policy: NetworkPolicy): Promise<void> {
  if (policy.mode === "none") return;
  await writeFileAtomic(networkPath(home, session), `${JSON.stringify(policy, null, 2)}\n`);
}

/** A session's policy; no network when it has none. */
export async function loadNetwork(home: AirlockHome, session: string): Promise<NetworkPolicy> {
  const path = networkPath(home, session);
  try {
    return parse(path, await readFile(path, "utf8"));
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return { mode: "none", rules: [], hosts: {} };
    throw error;
  }
}

/** The policy of a running session, as the file says at the moment of each decision. One that cannot be read allows nothing. */
export class LivePolicy implements PolicySource {
  readonly #path: string;
  #stamp = "";
  #policy: NetworkPolicy = { mode: "none", rules: [], hosts: {} };
  #rules = new Rules(this.#policy);

  constructor(home: AirlockHome, session: string) {
    this.#path = networkPath(home, session);
  }

  rules(): Rules {
    this.#look();
    return this.#rules;
  }

  fixedAddress(name: string): string | undefined {
    return Object.hasOwn(this.#policy.hosts, name) ? this.#policy.hosts[name] : undefined;
  }

  #look(): void {
    try {
      // Each write is another file, so another inode.
      const { ino, mtimeMs, size } = statSync(this.#path);
      const stamp = `${ino} ${mtimeMs} ${size}`;
      if (stamp === this.#stamp) return;
      this.#policy = parse(this.#path, readFileSync(this.#path, "utf8"));
      this.#rules = new Rules(this.#policy);
      this.#stamp = stamp;
    } catch {
      this.#stamp = "";
      this.#policy = { mode: "none", rules: [], hosts: {} };
      this.#rules = new Rules(this.#policy);
    }
  }
}
