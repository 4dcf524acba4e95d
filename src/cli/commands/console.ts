import type { Command } from "commander";
import { AirlockError, messageOf } from "../../base/errors.js";
import { escapeBody, escapeText } from "../../base/escape.js";
import { toolNames } from "../../model/tool.js";
import { watchTrust } from "../../session/tools/watch-trust.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { TypedLines } from "../dialogue/typed-lines.js";
import { trustEndText } from "../render/trust-account.js";
import { chooseSession, withBench } from "../with-bench.js";
import { runToolsLine, type ToolsLineOptions, toolsHelp, toolsVerbs } from "./tools-line.js";

const help = `/tools [...]   what the agent's tools may do without asking; /tools help says more
/acceptall     /tools trust-all
/help          this
/quit          leave`;

// Words as a shell takes them, as far as anyone types them here.
function splitWords(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain ?? "",
  );
}

function takeOptions(words: readonly string[]): { readonly words: string[]; readonly options: ToolsLineOptions } {
  const options: Record<string, string | boolean> = {};
  const rest: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    const name = /^--(for|calls|task)$/.exec(word)?.[1];
    if (name !== undefined) {
      at += 1;
      options[name] = words[at] ?? "";
    } else if (word === "--yes" || word === "-y") options["yes"] = true;
    else rest.push(word);
  }
  return { words: rest, options };
}

function complete(line: string): [string[], string] {
  const words = line.split(/\s+/);
  const last = words.at(-1) ?? "";
  const offered =
    words.length === 1 ? ["/tools", "/acceptall", "/help", "/quit"] : words.length === 2 ? toolsVerbs : [...toolNames];
  return [offered.filter((word) => word.startsWith(last)).map((word) => `${word} `), last];
}

async function runConsole(context: CommandContext, id: string | undefined): Promise<number> {
  const { edge } = context;
  return withBench(context, async (bench) => {
    const record = await chooseSession(context, bench, id);
    const isTerminal = edge.stdin.isTTY === true;
    if (isTerminal) context.note(`session ${record.id}; /help says what can be said`);
    const lines = new TypedLines(edge, { prompt: "> ", complete, signal: edge.signal });
    await using trust = watchTrust(bench, record, (account, session) => {
      context.note(`${isTerminal ? "\r" : ""}${trustEndText(account, session)}`);
      lines.again();
    });
    let code = 0;
    for await (const line of lines) {
      const [verb = "", ...rest] = splitWords(line);
      if (verb === "/quit" || verb === "/exit") break;
      try {
        await trust.look();
        await say(verb, rest);
        // What this line ended it has told.
        await trust.look(false);
      } catch (error) {
        if (!(error instanceof AirlockError)) throw error;
        code = 1;
        context.warn(
          `${escapeBody(messageOf(error))}${error.hint === undefined ? "" : `\nhint: ${escapeBody(error.hint)}`}`,
        );
      }
    }
    return isTerminal ? 0 : code;

    async function say(verb: string, rest: readonly string[]): Promise<void> {
      if (verb === "") return;
      if (verb === "/help") return context.print(`${help}\n\n${toolsHelp}`);
      const isTools = verb === "/tools" || verb === "/acceptall";
      if (!isTools) throw new AirlockError("E_USAGE", `"${escapeText(verb)}" is not known here`, { hint: "/help" });
      const { words, options } = takeOptions(rest);
      await runToolsLine({ context, bench, record, words: verb === "/acceptall" ? ["acceptall"] : words, options });
    }
  });
}

/** `airlock console`. */
export function define(command: Command, act: Act): void {
  command
    .argument("[id]", "the session; by default the newest of the project")
    .addHelpText("after", `\n${help}\n\nExit status: 0 · 1 a line of a script failed · 10 no such session`)
    .action(act((context: CommandContext, id: string | undefined, _options: GlobalOptions) => runConsole(context, id)));
}
