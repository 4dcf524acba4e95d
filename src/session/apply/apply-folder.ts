import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { systemCodeOf } from "../../base/errors.js";
import { type AirlockHome, sessionFolder } from "../home.js";

/** Where the applies of a session are recorded; kept after a discard, so that they can be undone until `prune`. */
export function applyFolder(home: AirlockHome, session: string): string {
  return join(sessionFolder(home, session), "apply");
}

/** Names an apply under way, so that the next command finds one that was killed without looking into every session. */
export function applyingFolder(home: AirlockHome): string {
  return join(home.path, "applying");
}

/** Whether an apply is under way, or was killed. */
export async function hasApplying(home: AirlockHome): Promise<boolean> {
  try {
    return (await readdir(applyingFolder(home))).length > 0;
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** One apply at a time writes a project, whichever session it is of. */
export function projectLock(home: AirlockHome, project: { readonly device: string; readonly inode: string }): string {
  return join(home.path, "applying", `project-${project.device}-${project.inode}.lock`);
}
