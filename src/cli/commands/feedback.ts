import type { Command } from "commander";
import { gatherFeedback } from "../../session/apply/feedback.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { formatFeedback } from "../render/feedback.js";
import { chooseSession, withBench } from "../with-bench.js";

async function feedback(context: CommandContext, id: string | undefined, options: GlobalOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const record = await chooseSession(context, bench, id);
    const left = await gatherFeedback(bench, record);
    if (options.json === true) {
      const rejected = left.map(({ change: { path, kind }, reason }) => ({ path, kind, reason }));
      context.printJson({ session: record.id, rejected });
    } else if (left.length === 0) context.note(formatFeedback(left));
    else context.print(formatFeedback(left));
    return 0;
  });
}

/** `airlock feedback`. */
export function define(command: Command, act: Act): void {
  command
    .argument("[id]", "the session; by default the newest of the project")
    .addHelpText(
      "after",
      "\nWhat was rejected in a review or left out of an apply, and why, as a note that an agent can be given.\n\nExit status: 0 · 10 no such session · 12 engine",
    )
    .action(act(feedback));
}
