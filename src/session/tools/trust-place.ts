import { access } from "node:fs/promises";
import { join } from "node:path";
import { type AirlockHome, sessionFolder } from "../home.js";

/** Where a session's trust is written down. */
export const trustPath = (home: AirlockHome, session: string): string =>
  join(sessionFolder(home, session), "trust.json");

/** Whether anything was ever said about the trust of a session. */
export function hasTrust(home: AirlockHome, session: string): Promise<boolean> {
  return access(trustPath(home, session)).then(
    () => true,
    () => false,
  );
}
