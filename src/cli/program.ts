import { Command, CommanderError } from "commander";
import { AirlockError, isAirlockError } from "../base/errors.js";
import { addGlobalOptions, type CommandContext, type GlobalOptions, makeContext, reportFailure } from "./context.js";
import type { Edge } from "./edge.js";
import { type CommandEntry, commandTable } from "./table.js";

/** What a command's file exports: how it is called, and what it does. */
export interface CommandModule {
  /** Declares arguments, options and help; `act` is how it hands over its work, whose result is the exit code. */
  define(command: Command, act: Act): void;
}

/** Wraps a command's work for commander: makes the context, keeps the exit code. */
export type Act = <A extends unknown[]>(
  work: (context: CommandContext, ...args: A) => Promise<number | undefined>,
) => (...args: unknown[]) => Promise<void>;

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
      const context = makeContext(edge, options);
      outcome.code = (await work(context, ...(args as never))) ?? 0;
    };
}

/** Adds one command with its options; its file is loaded only when it is the one called (or for completion). */
export async function addCommand(program: Command, entry: CommandEntry, act: Act): Promise<Command> {
  const command = program.command(entry.name).description(entry.summary);
  const { define } = await entry.load();
  addGlobalOptions(command, entry);
  define(command, act);
  return command;
}

/** The program without its commands' options: enough for `airlock --help`. */
export function makeProgram(edge: Edge): Command {
  return new Command("airlock")
    .description("Run an AI agent, or any command, in a disposable sandbox over a copy-on-write project.")
    .version(edge.version, "-V, --version")
    .enablePositionalOptions()
    .showHelpAfterError("(airlock COMMAND --help explains the options)")
    .configureOutput({
      writeOut: (text) => void edge.stdout.write(text),
      writeErr: (text) => void edge.stderr.write(text),
      getOutHelpWidth: () => edge.stdout.columns ?? 100,
      outputError: (text, write) => write(text.replace(/^error: /, "airlock: ")),
    })
    .exitOverride();
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
