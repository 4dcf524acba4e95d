import type { Command } from "commander";
import { AirlockError, messageOf } from "../base/errors.js";
import { escapeBody } from "../base/escape.js";
import type { CommandEntry } from "./command.js";
import type { Edge } from "./edge.js";

/** Options that every command takes. */
export interface GlobalOptions {
  /** A text where `--json` takes one (`airlock tool`). */
  readonly json?: boolean | string;
  readonly debug?: boolean;
  readonly quiet?: boolean;
  readonly engine?: string;
  readonly project?: string;
}

/** What a command is given to work with. */
export interface CommandContext {
  readonly edge: Edge;
  readonly options: GlobalOptions;
  /** Every command there is, for completion. */
  readonly commands: readonly CommandEntry[];
  /** Data for programs and people; the only thing that goes to stdout. */
  print(text: string): void;
  /** One value as JSON on stdout. */
  printJson(value: unknown): void;
  /** A message for people on stderr; silent with `--quiet`. */
  note(text: string): void;
  /** A warning on stderr, also with `--quiet`. */
  warn(text: string): void;
  /** Detail for `--debug`. */
  debug(text: string): void;
}

/** Makes the context of one command from its parsed options. */
export function makeContext(edge: Edge, options: GlobalOptions, commands: readonly CommandEntry[]): CommandContext {
  return {
    edge,
    options,
    commands,
    print: (text) => void edge.stdout.write(text.endsWith("\n") ? text : `${text}\n`),
    printJson: (value) =>
      void edge.stdout.write(`${JSON.stringify(value, null, edge.stdout.isTTY === true ? 2 : 0)}\n`),
    note: (text) => void (options.quiet === true || edge.stderr.write(`${text}\n`)),
    warn: (text) => void edge.stderr.write(`airlock: ${text}\n`),
    debug: (text) => void (options.debug === true && edge.stderr.write(`debug: ${text}\n`)),
  };
}

/** Adds the options that every command takes. */
export function addGlobalOptions(
  command: Command,
  kinds: { readonly json?: boolean; readonly project?: boolean },
): Command {
  if (kinds.json === true) command.option("--json", "print JSON");
  if (kinds.project !== false)
    command.option("--project <folder>", "the project, instead of the one around the current folder");
  return command
    .option("--engine <address>", "the container engine: unix://…, tcp://…, ssh://… or a docker context")
    .option("-q, --quiet", "say only what is wrong")
    .option("--debug", "say what happens, and where an error came from");
}

/** What a failed command prints and the code it ends with. */
export function reportFailure(error: unknown, edge: Edge, options: GlobalOptions): number {
  const known = error instanceof AirlockError;
  const code = known ? error.code : "E_INTERNAL";
  const exit = known ? error.exitCode : 1;
  const hint = known ? error.hint : "this is a defect in Airlock; --debug shows where it happened";
  if (options.json !== undefined && options.json !== false) {
    edge.stderr.write(
      `${JSON.stringify({ type: "error", code, message: messageOf(error), hint: hint ?? null, exit })}\n`,
    );
    return exit;
  }
  edge.stderr.write(`airlock: ${escapeBody(messageOf(error))}\n`);
  if (hint !== undefined) edge.stderr.write(`hint: ${escapeBody(hint)}\n`);
  for (let each: unknown = error; options.debug === true && each instanceof Error; each = each.cause) {
    edge.stderr.write(`${escapeBody(each.stack ?? each.message)}\n`);
  }
  return exit;
}
