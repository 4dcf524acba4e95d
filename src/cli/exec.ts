import type { Command } from "commander";
import { execInSession } from "../session/exec.js";
import type { CommandContext, GlobalOptions } from "./context.js";
import { collectEnv, type EnvOptions, envOptions } from "./env-options.js";
import type { Act } from "./program.js";
import { chooseSession, programOf, reportAbandoned, withBench } from "./with-bench.js";

interface ExecOptions extends GlobalOptions, EnvOptions {
  readonly session?: string;
  readonly workdir?: string;
}

/** Runs a command in a session and hands its exit code on. */
export async function execCommand(
  context: CommandContext,
  session: string | undefined,
  command: readonly string[],
  options: ExecOptions,
): Promise<number> {
  const { edge } = context;
  const env = await collectEnv(edge, options);
  return withBench(context, async (bench) => {
    await reportAbandoned(context, bench);
    const record = await chooseSession(context, bench, session);
    return execInSession(bench, record.id, {
      command,
      env,
      term: edge.env["TERM"],
      cwd: options.workdir ?? record.workspace,
      terminal: edge,
      program: programOf(context),
    });
  });
}

// `exec -- make` means the newest session, `exec brisk-otter -- make` a named one: only the position of `--` tells.
function splitArguments(
  context: CommandContext,
  words: readonly string[],
): { readonly session: string | undefined; readonly command: readonly string[] } {
  const { argv } = context.edge;
  const dashes = argv.indexOf("--");
  const after = dashes === -1 ? undefined : argv.length - dashes - 1;
  const hasSession = after === undefined ? words.length > 1 : words.length > after;
  return hasSession ? { session: words[0], command: words.slice(1) } : { session: undefined, command: words };
}

/** `airlock exec`. */
export function define(command: Command, act: Act): void {
  envOptions(command)
    .usage("[options] [id] -- COMMAND [ARG...]")
    .argument("<words...>", "the session (by default the newest of the project), then the command")
    .option("-w, --workdir <folder>", "where inside the command starts")
    .passThroughOptions()
    .addHelpText(
      "after",
      "\nA session that had stopped gets its sandbox back first.\n\nExit status: the command's own · 125 Airlock failed · 126 it cannot be run · 127 it was not found",
    )
    .action(
      act(async (context: CommandContext, words: readonly string[], options: ExecOptions) => {
        const { session, command: wanted } = splitArguments(context, words);
        return execCommand(context, session, wanted, options);
      }),
    );
}
