import { type Command, Option } from "commander";
import { policyCharacters, type SessionPolicy, sessionPolicy } from "../../aws/session-policy.js";
import { loadTable } from "../../aws/table.js";
import { escapeText } from "../../base/escape.js";
import type { AwsWish } from "../../model/aws.js";
import { findProject } from "../../session/project.js";
import type { Act } from "../command.js";
import { addGlobalOptions, type CommandContext, type GlobalOptions } from "../context.js";
import { endpointOf } from "../options/aws-options.js";
import { configOf, loadConfigs } from "../options/plan-options.js";
import { wrapLine } from "../render/wrap.js";

interface PolicyOptions extends GlobalOptions {
  readonly mode?: "gateway" | "direct";
}

const indent = " ".repeat(6);

const textOf = (value: unknown): string => (Array.isArray(value) ? value.join(", ") : String(value));

/** What a statement allows or denies, and under which condition, for people. */
function statementLines({
  Effect,
  Action,
  NotAction,
  Resource,
  Condition,
}: Readonly<Record<string, unknown>>): string[] {
  return [
    `${String(Effect).padEnd(5)} ${Action === undefined ? `everything but ${textOf(NotAction)}` : textOf(Action)}`,
    ...(Resource === "*" || Resource === undefined ? [] : [`on ${textOf(Resource)}`]),
    ...(Condition === undefined ? [] : [`where ${JSON.stringify(Condition)}`]),
  ];
}

function show(context: CommandContext, { lines, arns, left }: SessionPolicy): void {
  const columns = context.edge.stdout.columns ?? 100;
  const print = (text: string, first = indent): void => {
    for (const line of wrapLine(first + escapeText(text), columns, indent)) context.print(line);
  };
  for (const arn of arns) {
    print(`Allow what ${arn} allows`, "");
    print("reads; a managed policy of AWS");
  }
  for (const { statement, why } of lines) {
    const [head = "", ...rest] = statementLines(statement);
    print(head, "");
    for (const each of rest) print(each);
    print(why);
  }
  if (left.length > 0) print(`No room for a second denial of ${left.join(", ")}; the gateway denies it.`, "");
}

async function policy(context: CommandContext, options: PolicyOptions): Promise<number> {
  const project = await findProject(context.edge.cwd, options.project);
  const wish: AwsWish = configOf(context, {}, await loadConfigs(context, project)).aws;
  const mode = options.mode ?? (wish.mode === "direct" ? "direct" : "gateway");
  const table = await loadTable(context.edge.packageRoot);
  const made = sessionPolicy(table, {
    policy: wish.policy,
    mode,
    own: wish.sessionPolicy,
    until: null,
    counterpart: endpointOf(context, wish) !== null,
  });
  const characters = made.text.length + made.arns.join("").length;
  if (options.json === true) {
    context.printJson({ mode, characters, most: policyCharacters, ...made });
    return 0;
  }
  show(context, made);
  context.note(`mode ${mode}: ${characters} of ${policyCharacters} characters; --json has the text that STS gets`);
  return 0;
}

/** `airlock aws policy`. */
export function definePolicy(command: Command, act: Act): void {
  addGlobalOptions(
    command
      .command("policy")
      .description("print the session policy that the configuration makes, and explain each line"),
    { json: true },
  )
    .addOption(
      new Option("--mode <mode>", "for this mode, instead of the configuration's").choices(["gateway", "direct"]),
    )
    .action(act(policy));
}
