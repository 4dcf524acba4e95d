import type { Command } from "commander";
import { execInSession } from "../../session/exec.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { collectEnv, type EnvOptions, envOptions } from "../options/env-options.js";
import { chooseSession, programOf, reportAbandoned, withBench } from "../with-bench.js";

interface ExecOptions extends GlobalOptions, EnvOptions {
  readonly session?: string;
  readonly workdir?: string;
  /** False: --no-record. */
  readonly record?: boolean;
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
    bench.known.learn(env.values());
    await reportAbandoned(context, bench);
    const record = await chooseSession(context, bench, session);
    return execInSession(bench, record.id, {
      command,
      env,
      term: edge.env["TERM"],
      cwd: options.workdir ?? record.workspace,
      terminal: edge,
      isRecorded: options.record !== false,
      program: programOf(context),
    });
  });
}

// `exec -- make` means the newest session, `exec brisk-otter -- make` and `exec brisk-otter make` a named one. The parser drops
// a `--` that comes first, so that one is looked for in what was typed.
function splitArguments(
  context: CommandContext,
  words: readonly string[],
): { readonly session: string | undefined; readonly command: readonly string[] } {
  const [first, second] = words;
  if (second === "--") return { session: first, command: words.slice(2) };
  const beforeWords = context.edge.argv.at(-words.length - 1);
  if (beforeWords === "--" || words.length === 1) return { session: undefined, command: words };
  return { session: first, command: words.slice(1) };
}

/** `airlock exec`. */
export function define(command: Command, act: Act): void {
  envOptions(command)
    .usage("[options] [id] -- COMMAND [ARG...]")
    .argument("<words...>", "the session (by default the newest of the project), then the command")
    .option("-w, --workdir <folder>", "where inside the command starts")
    .option("--no-record", "do not record what its terminal shows")
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
