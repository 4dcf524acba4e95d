import type { Command } from "commander";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { chooseSession, withBench } from "../with-bench.js";
import { runToolsLine, type ToolsLineOptions, toolsHelp, toolsVerbs } from "./tools-line.js";

interface ToolsOptions extends GlobalOptions, ToolsLineOptions {
  readonly json?: boolean;
  readonly session?: string;
}

async function tools(context: CommandContext, words: readonly string[], options: ToolsOptions): Promise<number> {
  return withBench(context, async (bench) => {
    // `airlock tools ID` shows that session.
    const [first] = words;
    const isSession = words.length === 1 && first !== undefined && !toolsVerbs.includes(first);
    const record = await chooseSession(context, bench, options.session ?? (isSession ? first : undefined));
    await runToolsLine({ context, bench, record, words: isSession ? ["show"] : words, options });
    return 0;
  });
}

/** `airlock tools`. */
export function define(command: Command, act: Act): void {
  command
    .usage("[options] [ID | show | trust | untrust | deny | trust-all | reset | help] [RULE...]")
    .argument("[words...]", "what to do; without any it shows the tools of the newest session")
    .option("-s, --session <id>", "the session; by default the newest of the project")
    .option("--for <time>", "with trust-all: how long, e.g. 15m (half an hour)")
    .option("--calls <number>", "with trust-all: for so many calls at most")
    .option("--task <text>", "with trust-all: what it is for")
    .option("-y, --yes", "do not ask")
    .addHelpText(
      "after",
      `\n${toolsHelp}\n\nA denial wins over everything, also over trust-all.\n\nExit status: 0 · 2 not a rule · 10 no such session · 11 busy`,
    )
    .action(act(tools));
}
