import type { Command } from "commander";
import { displayPath, escapeText } from "../../base/escape.js";
import { gatherFeedback, type LeftChange } from "../../session/apply/feedback.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { chooseSession, withBench } from "../with-bench.js";

/** The note for the agent: plain sentences, one line a path. */
function formatFeedback(left: readonly LeftChange[]): string {
  const lines = left.map(({ change: { path, kind }, reason }) => {
    const why = reason === "" ? "no reason was given" : escapeText(reason);
    return `- ${displayPath(path)} (${kind}): ${why}`;
  });
  return [
    "A person reviewed your changes. These were not taken over into the project; they still stand in your workspace:",
    ...lines,
    "Change them as the reasons ask, or put back what was there. Do not make them again in another way.",
  ].join("\n");
}

async function feedback(context: CommandContext, id: string | undefined, options: GlobalOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const record = await chooseSession(context, bench, id);
    const left = await gatherFeedback(bench, record);
    if (options.json === true) {
      const rejected = left.map(({ change: { path, kind }, reason }) => ({ path, kind, reason }));
      context.printJson({ session: record.id, rejected });
    } else if (left.length === 0) context.note("nothing of this session was rejected");
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
