import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { writeFileAtomic } from "../../base/atomic-file.js";
import { AirlockError, messageOf, systemCodeOf } from "../../base/errors.js";
import { holderOf, takeLock } from "../../base/file-lock.js";
import type { JournalEvent } from "../../model/journal.js";
import type { SessionRecord } from "../../model/session.js";
import { toolNames } from "../../model/tool.js";
import type { TrustRule, TrustState } from "../../model/trust.js";
import { defaultRules } from "../../trust/decide.js";
import { type AirlockHome, sessionFolder } from "../home.js";
import type { Workbench } from "../workbench.js";
import { trustPath } from "./trust-place.js";

const maxRules = 10_000;
const waitMs = 10_000;

const time = z.number().check(z.nonnegative());

const rulesSchema = z
  .array(
    z.strictObject({
      tool: z.enum(toolNames),
      pattern: z.nullable(z.string()),
      action: z.enum(["allow", "ask", "deny"]),
      origin: z.string(),
    }),
  )
  .check(z.maxLength(maxRules));

const stateSchema = z.strictObject({
  version: z.literal(1),
  workspace: z.string(),
  rules: rulesSchema,
  trustAll: z.nullable(
    z.strictObject({
      since: time,
      until: time,
      callsLeft: z.nullable(z.int().check(z.nonnegative())),
      task: z.nullable(z.string()),
      snapshot: z.string(),
    }),
  ),
});

/** What a session trusts at its start: to look around the workspace, and what was said before it began. */
export function initialTrust(workspace: string, rules: readonly TrustRule[]): TrustState {
  return { version: 1, workspace, rules: [...defaultRules(), ...rules], trustAll: null };
}

/** The rules that a session began with, as its journal has them. */
export function parseStartRules(value: unknown): TrustRule[] {
  return rulesSchema.parse(value ?? []);
}

/** Writes down what a new session trusts, where anything was said about it. */
export async function saveTrust(home: AirlockHome, session: string, state: TrustState): Promise<void> {
  await writeFileAtomic(trustPath(home, session), `${JSON.stringify(state, null, 2)}\n`);
}

/** What a session trusts now. A file that cannot be read is an error: nothing may be trusted by it. */
export async function loadTrust(
  home: AirlockHome,
  { id, workspace }: Pick<SessionRecord, "id" | "workspace">,
): Promise<TrustState> {
  const path = trustPath(home, id);
  try {
    return stateSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return initialTrust(workspace, []);
    throw new AirlockError("E_STATE_DAMAGED", `${path} cannot be read: ${messageOf(error).split("\n")[0]}`, {
      hint: `nothing is trusted by it; airlock tools reset --session ${id} writes it anew`,
      cause: error,
    });
  }
}

/** What a session trusts at each moment; its file is read again only when it is another. */
export class LiveTrust {
  readonly #home: AirlockHome;
  readonly #record: Pick<SessionRecord, "id" | "workspace">;
  #stamp = "";
  #state: TrustState | null = null;

  constructor(home: AirlockHome, record: Pick<SessionRecord, "id" | "workspace">) {
    this.#home = home;
    this.#record = record;
  }

  async load(): Promise<TrustState> {
    // Each write is another file, so another inode.
    const found = statSync(trustPath(this.#home, this.#record.id), { throwIfNoEntry: false });
    const stamp = found === undefined ? "none" : `${found.ino} ${found.mtimeMs} ${found.size}`;
    if (this.#state === null || stamp !== this.#stamp) {
      this.#state = await loadTrust(this.#home, this.#record);
      this.#stamp = stamp;
    }
    return this.#state;
  }
}

/** What is to become of the trust of a session, and how the journal tells of it; null: nothing changes. */
export type TrustChange = (
  state: TrustState,
) => { readonly state: TrustState; readonly event: JournalEvent | null } | null;

/** Changes what a session trusts, one change after the other; it is in the journal before it holds. */
export async function changeTrust(
  bench: Workbench,
  record: Pick<SessionRecord, "id" | "workspace">,
  change: TrustChange,
): Promise<TrustState> {
  const path = join(sessionFolder(bench.home, record.id), "trust.lock");
  await using lock = await takeLock(path, { waitMs, signal: bench.signal });
  if (lock === null) {
    const holder = (await holderOf(path)) ?? "?";
    throw new AirlockError("E_SESSION_BUSY", `process ${holder} is changing what session ${record.id} trusts`);
  }
  const state = await loadTrust(bench.home, record);
  const next = change(state);
  if (next === null) return state;
  if (next.state.rules.length > maxRules) throw new AirlockError("E_USAGE", `more than ${maxRules} rules`);
  if (next.event !== null) await bench.recorder(record.id)(next.event);
  await saveTrust(bench.home, record.id, next.state);
  return next.state;
}
