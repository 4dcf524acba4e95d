import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { recoverApply } from "../../apply/recover.js";
import { isAirlockError } from "../../base/errors.js";
import { isAbandoned } from "../../base/file-lock.js";
import { lockSession } from "../store.js";
import type { Workbench } from "../workbench.js";
import { applyFolder, applyingFolder } from "./apply-folder.js";
import { applyName } from "./write-project.js";

interface Recovered {
  readonly note: string | null;
  /** Nothing is left to be done, now or by a later command. */
  readonly ended: boolean;
}

const outcomes = {
  nothing: null,
  completed: "was interrupted when all was written; it is complete now",
  "rolled-back": "was interrupted; what it had written was taken back",
} as const;

async function recoverOne(bench: Workbench, session: string, id: string): Promise<Recovered> {
  const name = applyName(session, id);
  try {
    await using _lock = await lockSession(bench.home, session, bench.signal);
    const outcome = await recoverApply(join(applyFolder(bench.home, session), id), { signal: bench.signal });
    await bench.recorder(session)({ kind: "apply.recovered", data: { apply: name, outcome } });
    const said = outcomes[outcome];
    return { note: said === null ? null : `apply ${name} ${said}`, ended: true };
  } catch (error) {
    if (!isAirlockError(error) || error.code === "E_CANCELLED") throw error;
    // Somebody changed paths meanwhile: theirs stay, and there is nothing more to take back.
    const hint = error.hint === undefined ? "" : `; ${error.hint}`;
    return { note: `${error.message}${hint}`, ended: error.code === "E_APPLY_CONFLICT" };
  }
}

/** Ends what killed applies left half done, before anything else is done; says what it did. */
export async function recoverApplies(bench: Workbench): Promise<string[]> {
  const folder = applyingFolder(bench.home);
  const notes: string[] = [];
  for (const name of await readdir(folder)) {
    const [, session, id] = /^([a-z0-9][a-z0-9-]*)\.(a\d+)$/.exec(name) ?? [];
    if (session === undefined || id === undefined || !(await isAbandoned(join(folder, name)))) continue;
    const { note, ended } = await recoverOne(bench, session, id);
    if (ended) await rm(join(folder, name), { force: true });
    if (note !== null) notes.push(note);
  }
  return notes;
}
