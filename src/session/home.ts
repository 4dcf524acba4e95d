import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, realpath, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { isAbsolute, join } from "node:path";
import { AirlockError, messageOf } from "../base/errors.js";
import type { JournalPaths } from "../journal/write.js";

/** The state folder, `$AIRLOCK_HOME`, and where everything lies in it. */
export interface AirlockHome {
  readonly path: string;
  /**
   * Labels every engine object. Made of machine, path and user, not stored: so what a lost state folder left behind is
   * found again, and what another user's or another folder's Airlock made is never taken for ours.
   */
  readonly id: string;
}

interface Environment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homedir: string;
  readonly uid: number;
}

function machineId(): string {
  try {
    return readFileSync("/etc/machine-id", "utf8").trim();
  } catch {
    return hostname();
  }
}

/** The path of the state folder by the environment: `AIRLOCK_HOME`, else the XDG state folder. */
export function homePath({ env, homedir }: Pick<Environment, "env" | "homedir">): string {
  const chosen = env["AIRLOCK_HOME"];
  if (chosen !== undefined && chosen !== "") {
    if (!isAbsolute(chosen))
      throw new AirlockError("E_USAGE", `AIRLOCK_HOME must be an absolute path, not "${chosen}"`);
    return chosen;
  }
  const state = env["XDG_STATE_HOME"];
  return join(state !== undefined && isAbsolute(state) ? state : join(homedir, ".local/state"), "airlock");
}

/** Opens the state folder, making it (0700) when it is not there; refuses one that others could write to. */
export async function openHome(environment: Environment): Promise<AirlockHome> {
  const wanted = homePath(environment);
  try {
    await mkdir(join(wanted, "sessions"), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new AirlockError("E_STATE_DAMAGED", `cannot make the state folder ${wanted}: ${messageOf(error)}`, {
      hint: "set AIRLOCK_HOME to a folder that you can write to",
      cause: error,
    });
  }
  const path = await realpath(wanted);
  const { mode, uid } = await stat(path);
  if (uid !== environment.uid || (mode & 0o022) !== 0) {
    throw new AirlockError(
      "E_STATE_DAMAGED",
      `the state folder ${path} belongs to or can be written by somebody else`,
      {
        hint: `chown it to yourself and run: chmod 700 ${path}`,
      },
    );
  }
  const id = createHash("sha256").update(`${machineId()}\0${path}\0${environment.uid}`).digest("hex").slice(0, 12);
  return { path, id };
}

/** The folder of one session. */
export function sessionFolder(home: AirlockHome, session: string): string {
  return join(home.path, "sessions", session);
}

/** Where a session's journal and its head lie. */
export function journalPaths(home: AirlockHome, session: string): JournalPaths {
  return { journal: join(sessionFolder(home, session), "journal.jsonl"), head: join(home.path, "heads", session) };
}
