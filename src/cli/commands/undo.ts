import type { Command } from "commander";
import { AirlockError } from "../../base/errors.js";
import { findApply, undoApply } from "../../session/apply/undo.js";
import { findProject } from "../../session/project.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { canAsk } from "../dialogue/consent.js";
import { confirm } from "../dialogue/prompt.js";
import { countOf } from "../render/size.js";
import { withBench } from "../with-bench.js";

interface UndoOptions extends GlobalOptions {
  readonly yes?: boolean;
  readonly sync?: boolean;
}

async function undo(context: CommandContext, name: string | undefined, options: UndoOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const project = await findProject(context.edge.cwd, context.options.project);
    const wanted = await findApply(bench, project, name);
    if (options.yes !== true) {
      const question = `take back ${wanted.applyId} of ${wanted.createdAt} (${countOf(wanted.paths, "path")})?`;
      if (!canAsk(context)) {
        throw new AirlockError("E_APPLY_REFUSED", "nobody is there to agree to this undo", { hint: "add --yes" });
      }
      if (!(await confirm(context.edge, question))) return 0;
    }
    const done = await undoApply(bench, wanted, { sync: options.sync !== false });
    if (options.json === true) context.printJson({ ...done, undid: wanted.applyId });
    else {
      context.print(
        `took back ${wanted.applyId}: ${countOf(wanted.paths, "path")}; to have it again: airlock undo ${done.applyId}`,
      );
    }
    return 0;
  });
}

/** `airlock undo`. */
export function define(command: Command, act: Act): void {
  command
    .argument("[apply]", "SESSION/a1; by default the newest of the project that still stands")
    .option("-y, --yes", "do not ask")
    .option("--no-sync", "do not wait until the disk has it")
    .addHelpText(
      "after",
      `
Puts back what was there before the apply, exactly, also when the session was discarded since (until airlock prune). Where \
the host changed since the apply, nothing is undone. An undo is an apply, too: it can be undone.

Exit status: 0 · 10 no such apply · 11 busy · 13 nobody to ask · 14 the host moved on`,
    )
    .action(act(undo));
}
