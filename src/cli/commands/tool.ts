import { text } from "node:stream/consumers";
import { type Command, Option } from "commander";
import { AirlockError } from "../../base/errors.js";
import type { Answer, Question } from "../../model/question.js";
import type { ToolOutcome } from "../../model/tool.js";
import { callTool } from "../../session/tools/call-tool.js";
import { toolGuard } from "../../session/tools/tool-guard.js";
import { Toolbox } from "../../session/tools/toolbox.js";
import { parseArguments } from "../../tools/parse-json.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { canAsk } from "../dialogue/consent.js";
import { questionDeeds } from "../dialogue/question-deeds.js";
import { askHere } from "../dialogue/question-dialogue.js";
import { renderToolResult } from "../render/tool-result.js";
import { chooseSession, programOf, reportAbandoned, withBench } from "../with-bench.js";

interface ToolOptions extends GlobalOptions {
  readonly session?: string;
  readonly ask?: boolean;
}

const maxInput = 16 * 1024 * 1024;

async function readStdin({ edge }: CommandContext): Promise<string> {
  let size = 0;
  const bounded = edge.stdin.map((chunk: Buffer) => {
    size += chunk.length;
    if (size > maxInput) throw new AirlockError("E_TOOL_ARGUMENTS", "the arguments are larger than 16 MB");
    return chunk;
  });
  return await text(bounded);
}

async function argumentsOf(
  context: CommandContext,
  given: string | undefined,
  { json }: ToolOptions,
): Promise<unknown> {
  if (given !== undefined && typeof json === "string") {
    throw new AirlockError("E_USAGE", "the arguments are given twice");
  }
  const source = given ?? (typeof json === "string" ? json : "-");
  return parseArguments(source === "-" ? await readStdin(context) : source);
}

function report(context: CommandContext, outcome: ToolOutcome, asJson: boolean): void {
  if (outcome.kind !== "done") {
    throw new AirlockError(outcome.kind === "denied" ? "E_TOOL_DENIED" : "E_TOOL_FAILED", outcome.text);
  }
  if (asJson) context.printJson(outcome.result);
  else context.print(renderToolResult(outcome.result));
}

async function tool(
  context: CommandContext,
  name: string,
  given: string | undefined,
  options: ToolOptions,
): Promise<number> {
  const args = await argumentsOf(context, given, options);
  return withBench(context, async (bench) => {
    await reportAbandoned(context, bench);
    const record = await chooseSession(context, bench, options.session);
    await using toolbox = new Toolbox(bench, record, programOf(context));
    const deeds = questionDeeds(context, bench);
    const nobody: Answer = { verdict: "deny", scope: "once", tier: null, reason: null, edited: null, by: "nobody" };
    const here = canAsk(context)
      ? (question: Question, gone: AbortSignal) => askHere(context, question, deeds, gone)
      : null;
    const ask = options.ask === false ? async () => nobody : here;
    const asker = ask === null ? null : { ask, takesBack: false };
    const guard = toolGuard(bench, toolbox, { caller: "cli", asker });
    const request = { name, arguments: args, caller: "cli", signal: bench.signal };
    report(context, await callTool(toolbox, guard, request), options.json !== undefined);
    return 0;
  });
}

/** `airlock tool`. */
export function define(command: Command, act: Act): void {
  command
    .argument("<name>", "read, write, shell, aws, glob or grep, or one of Kiro's names for them")
    .argument("[arguments]", "the tool's arguments as JSON, - for standard input")
    .option("-s, --session <id>", "the session; by default the newest of the project")
    .option("--no-ask", "deny what is not trusted at once, in the place of waiting for a person")
    .addOption(new Option("--json [arguments]", "print JSON; the arguments may stand here"))
    .addHelpText(
      "after",
      "\nExit status: 0 the tool did it (whatever a command in it ended with) · 1 it could not · 2 the arguments are wrong · 10 no such session · 13 it is not allowed",
    )
    .action(act(tool));
}
