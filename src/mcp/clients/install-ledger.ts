import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { writeFileAtomic } from "../../base/atomic-file.js";
import { AirlockError, messageOf, systemCodeOf } from "../../base/errors.js";
import { takeLock } from "../../base/file-lock.js";
import { clientNames } from "./client-table.js";

const hash = z.string().regex(/^[0-9a-f]{64}$/);

const installSchema = z.strictObject({
  client: z.enum(clientNames),
  path: z.string(),
  format: z.enum(["json", "toml"]),
  keys: z.array(z.string()),
  /** The file as it was, by the name of its copy; null: there was none. */
  backup: z.string().nullable(),
  /** The topmost folder that was made for it. */
  made: z.string().nullable(),
  /** Whether the entry brought its parent along. */
  emptied: z.boolean(),
  /** Hash of the file as it was left. */
  after: hash,
});

const ledgerSchema = z.strictObject({ version: z.literal(1), installs: z.array(installSchema) });

/** What an install changed in one file. */
export type Install = z.infer<typeof installSchema>;

/** Where installs are written down, with copies of the files as they were. */
export interface LedgerPlace {
  readonly folder: string;
}

const ledgerPath = ({ folder }: LedgerPlace): string => join(folder, "installs.json");

/** The path of a copy. */
export const backupPath = ({ folder }: LedgerPlace, name: string): string => join(folder, name);

/** Every install there is. */
export async function readLedger(place: LedgerPlace): Promise<readonly Install[]> {
  const path = ledgerPath(place);
  try {
    return ledgerSchema.parse(JSON.parse(await readFile(path, "utf8"))).installs;
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return [];
    throw new AirlockError("E_STATE_DAMAGED", `${path} cannot be read: ${messageOf(error).split("\n")[0]}`, {
      cause: error,
    });
  }
}

/** Replaces the list of installs. */
export async function writeLedger(place: LedgerPlace, installs: readonly Install[]): Promise<void> {
  await writeFileAtomic(ledgerPath(place), `${JSON.stringify({ version: 1, installs }, null, 2)}\n`);
}

/** Opens the ledger for a change; others wait. */
export async function lockLedger({ folder }: LedgerPlace): Promise<AsyncDisposable> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const lock = await takeLock(join(folder, "lock"), { waitMs: 10_000 });
  if (lock !== null) return lock;
  throw new AirlockError("E_SESSION_BUSY", "another command is changing what is installed", { hint: "try again" });
}
