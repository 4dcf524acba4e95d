import { AirlockError } from "../../base/errors.js";
import { escapeText } from "../../base/escape.js";
import { parseDuration } from "../../config/units.js";
import type { SessionRecord } from "../../model/session.js";
import { type ToolName, toolNames } from "../../model/tool.js";
import type { TrustRule, TrustState, TrustVerdict } from "../../model/trust.js";
import { grantAll } from "../../session/tools/grant-all.js";
import {
  addTrust,
  currentTrust,
  endTrustAll,
  resetTrust,
  type TrustAllWish,
  usualTrustAllSeconds,
} from "../../session/tools/trust-all.js";
import type { Workbench } from "../../session/workbench.js";
import { toolOfName } from "../../tools/tool-names.js";
import { parseRule } from "../../trust/parse-rule.js";
import { formatRule } from "../../trust/rule-text.js";
import type { CommandContext } from "../context.js";
import { canAsk } from "../dialogue/consent.js";
import { confirm } from "../dialogue/prompt.js";
import { reachableText } from "../render/reachable.js";
import { formatTable } from "../render/table.js";
import { accountText, trustAllText } from "../render/trust-account.js";

/** What goes with a line about tools, as options of the command or words of the line. */
export interface ToolsLineOptions {
  readonly for?: string;
  readonly calls?: string;
  readonly task?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

interface Line {
  readonly context: CommandContext;
  readonly bench: Workbench;
  readonly record: SessionRecord;
  readonly names: readonly string[];
  readonly options: ToolsLineOptions;
}

const origin = "airlock tools";

/** A tool's state in one word, and the rule that says so. */
function stateOf({ rules }: TrustState, tool: ToolName): { readonly state: string; readonly why: string } {
  const own = rules.filter(
    (rule) => rule.tool === tool || (rule.tool === "read" && (tool === "glob" || tool === "grep")),
  );
  const last = own.findLast(
    ({ pattern, action }) => pattern === null || (tool !== "shell" && pattern === "**" && action !== "deny"),
  );
  const words: Readonly<Record<TrustVerdict, string>> = { allow: "trusted", ask: "asks", deny: "denied" };
  if (own.some(({ pattern, action }) => pattern === null && action === "deny")) return { state: "denied", why: origin };
  if (last === undefined) return { state: "asks", why: "default" };
  return {
    state: last.pattern === null ? words[last.action] : `${words[last.action]} in the workspace`,
    why: last.origin,
  };
}

async function show({ context, bench, record, options }: Line): Promise<void> {
  const state = await currentTrust(bench, record);
  const tools = toolNames.map((tool) => ({ tool, ...stateOf(state, tool) }));
  const patterns = state.rules.filter(({ pattern, origin: from }) => pattern !== null && from !== "default");
  if (options.json === true) {
    context.printJson({ session: record.id, tools, rules: state.rules, trustAll: state.trustAll });
    return;
  }
  const all = trustAllText(state);
  if (all !== null) context.print(all);
  context.print(formatTable([["TOOL", "STATE", "WHY"], ...tools.map(({ tool, state: now, why }) => [tool, now, why])]));
  for (const rule of patterns) context.print(`  ${escapeText(formatRule(rule))}`);
}

async function change({ context, bench, record, names, options }: Line, action: TrustVerdict): Promise<void> {
  if (names.length === 0)
    throw new AirlockError("E_USAGE", "which tool?", { hint: `one or more of ${toolNames.join(", ")}` });
  const rules: TrustRule[] = names.map((name) => parseRule(name, { action, origin, toolOf: toolOfName }));
  const state = await addTrust(bench, record, rules);
  if (options.json === true) context.printJson({ session: record.id, rules: state.rules, trustAll: state.trustAll });
  else for (const rule of rules) context.note(`${record.id}: ${escapeText(formatRule(rule))}`);
}

function wishOf({ for: time, calls, task }: ToolsLineOptions): TrustAllWish {
  const seconds = time === undefined ? usualTrustAllSeconds : parseDuration(time);
  if (seconds === null || seconds === 0)
    throw new AirlockError("E_USAGE", `--for: "${time}" is not a time such as 15m`);
  if (calls !== undefined && !/^[1-9]\d{0,8}$/.test(calls)) {
    throw new AirlockError("E_USAGE", `--calls: "${calls}" is not a number above 0`);
  }
  return { seconds, calls: calls === undefined ? null : Number(calls), task: task ?? null };
}

async function all(line: Line): Promise<void> {
  const { context, bench, record, options } = line;
  const wish = wishOf(options);
  context.note(await reachableText(context, bench, record));
  if (options.yes !== true) {
    if (!canAsk(context)) throw new AirlockError("E_USAGE", "nobody is there to agree to it", { hint: "add --yes" });
    if (!(await confirm(context.edge, "Trust everything?"))) {
      context.note("nothing was changed");
      return;
    }
  }
  const granted = await grantAll(bench, record, wish);
  if (options.json === true) context.printJson({ session: record.id, trustAll: granted });
  else context.note(trustAllText({ trustAll: granted }) ?? "");
}

async function reset({ context, bench, record, options }: Line): Promise<void> {
  const account = await resetTrust(bench, record);
  if (options.json === true) {
    context.printJson({ session: record.id, account });
    return;
  }
  context.note(`${record.id}: only reading the workspace is trusted, and what your configuration says`);
  if (account !== null) context.note(accountText(account, record.id));
}

async function endAll({ context, bench, record }: Line): Promise<void> {
  const account = await endTrustAll(bench, record, "airlock tools untrust-all");
  context.note(account === null ? "it was not on" : accountText(account, record.id));
}

/** What a line about tools can say. */
export const toolsHelp = `show                    every tool, whether it asks, and why
trust RULE...           runs without asking: read, 'shell:git status *', 'write:src/**', 'aws:s3:Get*'
untrust RULE...         asks (again), whatever was said before
deny RULE...            never runs, also when everything is trusted
trust-all               takes a snapshot, then everything runs without asking
acceptall               the same: Kiro's old name for it
untrust-all             ends that
reset                   takes back all that was said since the session began
help                    this`;

const verbs: Readonly<Record<string, (line: Line) => Promise<void>>> = {
  show,
  trust: (line) => change(line, "allow"),
  untrust: (line) => change(line, "ask"),
  deny: (line) => change(line, "deny"),
  "trust-all": all,
  acceptall: async (line) => {
    line.context.note("acceptall is Kiro's old name for trust-all");
    await all(line);
  },
  "untrust-all": endAll,
  reset,
  help: async ({ context }) => context.print(toolsHelp),
};

/** The words that a line about tools can begin with. */
export const toolsVerbs = Object.keys(verbs);

/** Does what a line about tools says, from the command line or the console. */
export async function runToolsLine(line: Omit<Line, "names"> & { readonly words: readonly string[] }): Promise<void> {
  const [verb = "show", ...names] = line.words;
  const act = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  if (act === undefined) {
    throw new AirlockError("E_USAGE", `tools cannot "${escapeText(verb)}"`, {
      hint: `it knows ${toolsVerbs.join(", ")}`,
    });
  }
  await act({ ...line, names });
}
