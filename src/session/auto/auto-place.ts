import { existsSync } from "node:fs";
import { join } from "node:path";
import { type AirlockHome, sessionFolder } from "../home.js";

/** It is there while the user wants automatic snapshots, and remembers what the last snapshot was of. */
export const autoPath = (home: AirlockHome, session: string): string =>
  join(sessionFolder(home, session), "auto-snapshots.json");

/** Whether a snapshot is taken before each tool call that writes; asked of every call. */
export function wantsAuto(home: AirlockHome, session: string): boolean {
  return existsSync(autoPath(home, session));
}
