import { type Command, CommanderError } from "commander";
import { AirlockError, isAirlockError } from "../base/errors.js";
import type { Act, CommandEntry } from "./command.js";
import { type GlobalOptions, makeContext, reportFailure } from "./context.js";
import type { Edge } from "./edge.js";
import { addCommand, makeProgram } from "./make-program.js";
import { commandTable } from "./table.js";

interface Outcome {
  code: number;
  options: GlobalOptions;
}

function makeAct(edge: Edge, outcome: Outcome): Act {
  return (work) =>
    async (...args) => {
      const command = args.pop() as Command;
      const options = command.optsWithGlobals<GlobalOptions>();
      outcome.options = options;
      args[args.length - 1] = options;
      const context = makeContext(edge, options, commandTable);
      outcome.code = (await work(context, ...(args as never))) ?? 0;
    };
}

function wantedEntry(argv: readonly string[]): CommandEntry | undefined {
  const name = argv.find((argument) => !argument.startsWith("-"));
  return commandTable.find((entry) => entry.name === name);
}

// `docker run` and `docker exec` keep 125 for their own failures, so that every other code is the command's.
function ownFailureCode(entry: CommandEntry | undefined, code: number): number {
  return entry?.ownFailure === 125 && code !== 130 ? 125 : code;
}

/** Runs the command that argv asks for and resolves to the exit code. Never throws. */
export async function runProgram(edge: Edge): Promise<number> {
  const outcome: Outcome = {
    code: 0,
    options: { json: edge.argv.includes("--json"), debug: edge.argv.includes("--debug") },
  };
  const entry = wantedEntry(edge.argv);
  try {
    const program = makeProgram(edge);
    const act = makeAct(edge, outcome);
    for (const each of commandTable) {
      if (each === entry) await addCommand(program, each, act);
      else if (each.hidden !== true) program.command(each.name).description(each.summary);
    }
    await program.parseAsync([...edge.argv], { from: "user" });
    return outcome.code;
  } catch (error) {
    if (error instanceof CommanderError) {
      const asked = error.code === "commander.helpDisplayed" || error.code === "commander.version";
      return asked ? 0 : ownFailureCode(entry, 2);
    }
    if (edge.signal.aborted && (isAirlockError(error, "E_CANCELLED") || !(error instanceof AirlockError))) return 130;
    return ownFailureCode(entry, reportFailure(error, edge, outcome.options));
  }
}
