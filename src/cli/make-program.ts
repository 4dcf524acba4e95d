import { Command } from "commander";
import type { Act, CommandEntry } from "./command.js";
import { addGlobalOptions } from "./context.js";
import type { Edge } from "./edge.js";

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
