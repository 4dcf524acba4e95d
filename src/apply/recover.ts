import { AirlockError } from "../base/errors.js";
import { tidy } from "./finish.js";
import { openProjectTree } from "./project-tree.js";
import { type ApplyRecord, isTidied, readApply, readSteps, saveApply } from "./record.js";
import { openStage } from "./stage.js";
import { describeLeft, takeBack } from "./take-back.js";
import { lockProject } from "./transaction.js";

/** What became of an apply that was killed. */
export type Recovery = "completed" | "rolled-back" | "nothing";

interface RecoverOptions {
  readonly signal?: AbortSignal;
  readonly onStep?: (what: string) => void;
  readonly portable?: boolean;
}

/**
 * Ends an apply that was killed: takes everything back, or, when all was written, only tidies up. Can be killed itself and
 * run again. Throws `E_APPLY_CONFLICT` when all is ended but some paths had been changed by somebody else, and
 * `E_APPLY_FAILED` when it must be run again.
 */
export async function recoverApply(folder: string, options: RecoverOptions = {}): Promise<Recovery> {
  const seen = readApply(folder);
  if (seen === null || seen.phase === "rolled-back") return "nothing";
  await using _lock = await lockProject(seen.lock, options.signal);
  const record = readApply(folder);
  if (record === null || record.phase === "rolled-back") return "nothing";
  using tree = openProjectTree(record.root, options.portable);
  const onStep = options.onStep ?? (() => undefined);
  if (record.phase === "committing") return await undoHalf(record, folder, tree, onStep);
  using stage = openStage(tree, record.stage);
  if (record.phase === "committed") {
    if (stage === null && isTidied(folder)) return "nothing";
    onStep("tidy");
    await tidy({ tree, stage, record, steps: readSteps(folder), folder });
    return "completed";
  }
  const closed: ApplyRecord = { ...record, phase: "rolled-back" };
  onStep("tidy");
  await tidy({ tree, stage, record: closed, steps: null, folder });
  onStep("close");
  await saveApply(folder, closed, true);
  return stage === null ? "nothing" : "rolled-back";
}

async function undoHalf(
  record: ApplyRecord,
  folder: string,
  tree: ReturnType<typeof openProjectTree>,
  onStep: (what: string) => void,
): Promise<Recovery> {
  const left = await takeBack({ tree, record, steps: readSteps(folder), folder, sync: true, onStep });
  if (left.failed.length === 0 && left.kept.length === 0) return "rolled-back";
  const code = left.failed.length === 0 ? "E_APPLY_CONFLICT" : "E_APPLY_FAILED";
  throw new AirlockError(code, `apply ${record.session}/${record.id} was interrupted; ${describeLeft(left)}`, {
    hint:
      left.failed.length === 0
        ? `the old content of these paths is kept in ${folder}/before`
        : "put right what is in the way; the next airlock command tries again",
  });
}
