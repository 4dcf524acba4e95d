import { type Command, Option } from "commander";
import { isActionPattern } from "../../aws/patterns.js";
import { AirlockError } from "../../base/errors.js";
import type { AwsFlags } from "../../config/merge-aws.js";
import { parseDuration } from "../../config/units.js";
import type { AwsAccess, AwsMode, AwsWish } from "../../model/aws.js";
import type { AwsPlan } from "../../session/plan.js";
import type { CommandContext } from "../context.js";
import { collect, httpUrl } from "./env-options.js";

/** The options about AWS that a session can begin with. */
export interface AwsOptions {
  readonly aws?: boolean;
  readonly awsMode?: Exclude<AwsMode, "off">;
  readonly awsProfile?: string;
  readonly awsRegion?: string;
  readonly awsRole?: string;
  readonly awsAccess?: AwsAccess;
  readonly awsDuration?: number;
  readonly awsAllow?: readonly string[];
  readonly awsAsk?: readonly string[];
  readonly awsDeny?: readonly string[];
  readonly awsIntercept?: boolean;
  readonly awsDryRun?: boolean;
  readonly awsConfirm?: string;
}

const shortestSeconds = 60;
const longestSeconds = 43_200;

function life(text: string): number {
  const seconds = parseDuration(text);
  if (seconds !== null && seconds >= shortestSeconds && seconds <= longestSeconds) return seconds;
  throw new AirlockError("E_USAGE", `--aws-duration: "${text}" is not a time from 1m to 12h`);
}

const actions =
  (option: string) =>
  (text: string, before: readonly string[] = []): readonly string[] => {
    if (isActionPattern(text)) return collect(text, before);
    throw new AirlockError("E_USAGE", `--${option}: "${text}" is not "service:Action", such as "ec2:Describe*"`);
  };

/** Adds them to a command. */
export function awsOptions(command: Command): Command {
  return command
    .option("--aws", "AWS, with every call decided on the host (docs/aws.md)")
    .addOption(
      new Option("--aws-mode <how>", "direct: the sandbox gets narrowed keys itself").choices(["gateway", "direct"]),
    )
    .option("--aws-profile <name>", "the profile of the host's AWS configuration")
    .option("--aws-region <region>", "the region that clients use by default")
    .option("--aws-role <role>", "the role to assume, by name or ARN")
    .addOption(
      new Option("--aws-access <what>", "read: changes are asked about; custom: only what the lists say").choices([
        "read",
        "read-write",
        "custom",
      ]),
    )
    .option("--aws-duration <time>", "how long issued keys live, e.g. 15m", life)
    .option("--aws-allow <action>", "allow an action, e.g. s3:PutObject (repeatable)", actions("aws-allow"))
    .option("--aws-ask <action>", "ask about an action (repeatable)", actions("aws-ask"))
    .option("--aws-deny <action>", "deny an action, whatever allows it (repeatable)", actions("aws-deny"))
    .option("--aws-intercept", "end connections to AWS's hosts, too, for clients that ignore AWS_ENDPOINT_URL")
    .option("--aws-dry-run", "forward nothing but reads, and record what would have been done")
    .option("--aws-confirm <alias>", "the alias of a protected account, typed beforehand");
}

/** What they say, for the configuration. */
export function awsFlags(options: AwsOptions): AwsFlags {
  const { aws, awsMode, awsProfile, awsRegion, awsRole, awsAccess, awsDuration, awsDryRun } = options;
  return {
    mode: awsMode ?? (aws === true ? "gateway" : undefined),
    ...{ profile: awsProfile, region: awsRegion, role: awsRole, access: awsAccess, durationSeconds: awsDuration },
    intercept: options.awsIntercept,
    ...{ allow: options.awsAllow, ask: options.awsAsk, deny: options.awsDeny, dryRun: awsDryRun },
  };
}

/** A flag about something that is off does nothing, and whoever typed it believes that it does. */
function requireAwsOn(mode: AwsMode, options: AwsOptions): void {
  if (mode !== "off") return;
  const [name] = Object.keys(options).filter((each) => /^aws[A-Z]/.test(each));
  if (name === undefined) return;
  const flag = name.replace(/[A-Z]/g, (each) => `-${each.toLowerCase()}`);
  throw new AirlockError("E_USAGE", `--${flag} says how AWS is used, and it is not`, { hint: "add --aws" });
}

/** Where the user's calls go: as the configuration says, else as the environment that all of AWS's programs go by. */
export function endpointOf({ edge }: CommandContext, { endpoint }: AwsWish): string | null {
  const { AWS_ENDPOINT_URL: named = "", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: isIgnored } = edge.env;
  if (endpoint !== null || named === "" || isIgnored === "true") return endpoint;
  httpUrl("AWS_ENDPOINT_URL", named);
  return named;
}

/**
 * What a session shall have of AWS, after the account was looked at and, where it is protected, confirmed; null: nothing. Nothing of AWS is
 * loaded for a session without it.
 */
export async function awsOf(context: CommandContext, options: AwsOptions, wished: AwsWish): Promise<AwsPlan | null> {
  requireAwsOn(wished.mode, options);
  if (wished.mode === "off") return null;
  if (wished.intercept && wished.mode === "direct")
    throw new AirlockError("E_USAGE", "AWS's hosts cannot end at a gateway that the session does not have", {
      hint: "leave out --aws-intercept, or --aws-mode direct",
    });
  const wish = { ...wished, endpoint: endpointOf(context, wished) };
  const [{ whoami }, { confirmAccount }] = await Promise.all([
    import("../../credentials/whoami.js"),
    import("../dialogue/confirm-account.js"),
  ]);
  const { env, signal } = context.edge;
  const { names, region } = await whoami({ ...wish, environment: env, signal });
  await confirmAccount(context, names, { patterns: wish.protected, typed: options.awsConfirm ?? null });
  return { wish, account: names.account, region };
}
