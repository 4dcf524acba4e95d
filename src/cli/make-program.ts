import { Command } from "commander";
import type { Act, CommandEntry } from "./command.js";
import { addGlobalOptions } from "./context.js";
import type { Edge } from "./edge.js";
import { wrapLine } from "./render/wrap.js";

// Of a term and what it means, the meaning stays in its column.
function hangingIndent(line: string): string {
  const term = /^ *\S+(?: \S+)* {2,}(?=\S)/.exec(line) ?? /^ */.exec(line);
  return " ".repeat(term?.[0].length ?? 0);
}

// commander wraps what it writes itself, but not the texts behind it.
function wrapHelp(text: string, columns: number): string {
  const lines = text.split("\n");
  return lines.flatMap((line) => wrapLine(line, columns, hangingIndent(line))).join("\n");
}

/** Adds one command with its options; its file is loaded only when it is the one called (or for completion). */
export async function addCommand(program: Command, entry: CommandEntry, act: Act): Promise<Command> {
  const command = program.command(entry.name).description(entry.summary);
  const { define } = await entry.load();
  addGlobalOptions(command, entry);
  define(command, act);
  return command;
}

const helpColumns = ({ stdout }: Edge): number => stdout.columns ?? 100;

/** The program without its commands' options: enough for `airlock --help`. */
export function makeProgram(edge: Edge): Command {
  return new Command("airlock")
    .description("Run an AI agent, or any command, in a disposable sandbox over a copy-on-write project.")
    .version(edge.version, "-V, --version")
    .enablePositionalOptions()
    .showHelpAfterError("(airlock COMMAND --help explains the options)")
    .configureOutput({
      writeOut: (text) => void edge.stdout.write(wrapHelp(text, helpColumns(edge))),
      writeErr: (text) => void edge.stderr.write(text),
      getOutHelpWidth: () => helpColumns(edge),
      outputError: (text, write) => write(text.replace(/^error: /, "airlock: ")),
    })
    .exitOverride();
}
