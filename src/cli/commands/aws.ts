import type { Command } from "commander";
import type { AccountNames } from "../../credentials/model.js";
import { protectedBecause } from "../../credentials/protection.js";
import { readJournal } from "../../journal/read.js";
import { type AwsLedger, readLedger } from "../../session/aws/ledger.js";
import { journalPaths } from "../../session/home.js";
import { findProject } from "../../session/project.js";
import type { Act } from "../command.js";
import { addGlobalOptions, type CommandContext, type GlobalOptions } from "../context.js";
import { endpointOf } from "../options/aws-options.js";
import { configOf, loadConfigs } from "../options/plan-options.js";
import { formatLedger } from "../render/aws-ledger.js";
import { formatTable } from "../render/table.js";
import { chooseSession, withBench } from "../with-bench.js";
import { definePolicy } from "./aws-policy.js";

interface HostOptions extends GlobalOptions {
  readonly awsProfile?: string;
  readonly awsRegion?: string;
  readonly awsRole?: string;
}

function howNarrowed(role: string | null, isTemporary: boolean): string {
  if (role !== null) return `the role ${role} would be assumed with a session policy`;
  return isTemporary
    ? "within this session (GetScopedCredentials), where STS has that; else by the gateway's rules alone"
    : "to a federated session (GetFederationToken), where the user may; else by the gateway's rules alone";
}

const accountText = ({ account, alias }: AccountNames): string =>
  `${account ?? "not said"}${alias === null ? "" : ` (${alias})`}`;

// The project's file is not asked for approval here: what it says is only shown, nothing is issued.
async function wishOf(context: CommandContext, { awsProfile, awsRegion, awsRole, project }: HostOptions) {
  const loaded = await loadConfigs(context, await findProject(context.edge.cwd, project));
  const { aws } = configOf(context, {}, loaded);
  const { profile, region, role } = aws;
  return {
    ...aws,
    endpoint: endpointOf(context, aws),
    profile: awsProfile ?? profile,
    region: awsRegion ?? region,
    role: awsRole ?? role,
  };
}

async function whoami(context: CommandContext, options: HostOptions): Promise<number> {
  const { env, signal } = context.edge;
  const wish = await wishOf(context, options);
  const { whoami: ask } = await import("../../credentials/whoami.js");
  const { identity, names, region, isTemporary } = await ask({ ...wish, environment: env, signal });
  const reason = protectedBecause(names, wish.protected);
  const narrowed = howNarrowed(wish.role, isTemporary);
  if (options.json === true) {
    const { account, arn, userId } = identity;
    context.printJson({ account, alias: names.alias, arn, userId, region, temporary: isTemporary, protected: reason });
    return 0;
  }
  const rows = [
    ["account", accountText(names)],
    ["identity", identity.arn ?? "not said"],
    ["region", region ?? "none: name one with --aws-region"],
    ["keys", isTemporary ? "temporary" : "of a user, without an end"],
    ["narrowed", narrowed],
    ["protected", reason ?? "no"],
  ];
  context.print(formatTable(rows));
  return 0;
}

async function withLedger(
  context: CommandContext,
  id: string | undefined,
  work: (session: string, ledger: AwsLedger) => Promise<number>,
): Promise<number> {
  return withBench(context, async (bench) => {
    const record = await chooseSession(context, bench, id, { includeDiscarded: true });
    return await work(record.id, await readLedger(readJournal(journalPaths(bench.home, record.id).journal)));
  });
}

async function ledger(context: CommandContext, id: string | undefined, options: GlobalOptions): Promise<number> {
  return withLedger(context, id, async (session, found) => {
    if (options.json === true) context.printJson({ session, ...found });
    else context.print(formatLedger(found) || `${session} called nothing in AWS`);
    return 0;
  });
}

async function cleanup(context: CommandContext, id: string | undefined, options: GlobalOptions): Promise<number> {
  return withLedger(context, id, async (session, { calls }) => {
    const { cleanup: cleanUp } = await import("../../aws/cleanup.js");
    const steps = cleanUp(calls);
    if (options.json === true) context.printJson({ session, steps });
    else if (steps.length === 0) context.note(`${session} created nothing in AWS that it has not deleted itself`);
    else {
      context.note("nothing of this was run; look at each line first");
      for (const { command, what } of steps) context.print(`# ${what}\n${command ?? "# (no command is known)"}`);
    }
    return 0;
  });
}

async function suggest(context: CommandContext, id: string | undefined, options: GlobalOptions): Promise<number> {
  return withLedger(context, id, async (session, { calls }) => {
    const { suggestPolicy } = await import("../../aws/suggest.js");
    const { policy, config } = suggestPolicy(calls);
    if (options.json === true) context.printJson({ session, policy, config });
    else {
      const { stringify } = await import("yaml");
      context.print(`# for IAM: what the calls needed that succeeded\n${JSON.stringify(policy, null, 2)}\n`);
      context.print(`# for Airlock's configuration\n${stringify({ aws: config })}`);
    }
    return 0;
  });
}

/** `airlock aws`. */
export function define(command: Command, act: Act): void {
  definePolicy(command, act);
  command.addHelpText("after", "\nExit status: 0 · 2 no credentials · 10 no such session · 15 the journal is damaged");
  const sub = (name: string, summary: string): Command =>
    addGlobalOptions(command.command(name).description(summary), { json: true });
  sub("whoami", "show whose AWS credentials this machine has, and how a session's would be narrowed")
    .option("--aws-profile <name>", "the profile, instead of what configuration and environment say")
    .option("--aws-region <region>", "the region")
    .option("--aws-role <role>", "the role that a session would assume")
    .action(act(whoami));
  const ofSession = (name: string, summary: string): Command =>
    sub(name, summary).argument("[id]", "the session; by default the newest of the project, discarded ones included");
  ofSession("ledger", "show what a session created, changed and deleted in AWS").action(act(ledger));
  ofSession("cleanup", "print the calls that take back what it created; runs none of them").action(act(cleanup));
  ofSession("suggest-policy", "print the least policy that it needed").action(act(suggest));
}
