import { AirlockError } from "../base/errors.js";
import type { AwsPolicy } from "../model/aws.js";
import { denialGroups, isOfCounterpart } from "./session-denials.js";
import type { AwsTable } from "./table.js";

/** One statement of a policy with what it is for. */
export interface PolicyLine {
  readonly statement: Readonly<Record<string, unknown>>;
  readonly why: string;
}

/** A session policy in both forms that STS takes, line by line for people. */
export interface SessionPolicy {
  /** Beside the managed policies of `arns`. */
  readonly text: string;
  readonly arns: readonly string[];
  /** By itself, for calls that take no managed policy; null: it would be too long. */
  readonly alone: string | null;
  readonly lines: readonly PolicyLine[];
  /** What had no room; the gateway denies it anyway. */
  readonly left: readonly string[];
}

export interface PolicyWish {
  readonly policy: AwsPolicy;
  readonly mode: "gateway" | "direct";
  /** The user's own session policy. */
  readonly own: string | null;
  /** When it ends by itself, in milliseconds since the epoch. */
  readonly until: number | null;
  /** Whose credentials they are, where that is known. */
  readonly account?: string | null;
  /** `aws`, `aws-cn`, `aws-us-gov`. */
  readonly partition?: string;
  /** A server in the place of AWS, which knows S3, IAM and STS alone, and no managed policy. */
  readonly counterpart?: boolean;
}

/** What STS takes, in characters of the policy and of the managed policies' names. */
export const policyCharacters = 2_048;

const version = "2012-10-17";

// Read without a managed policy: what most work is about, from the most to the least common.
const commonServices =
  "s3 ec2 sts logs cloudwatch lambda dynamodb cloudformation iam rds ecs ecr sqs sns eks autoscaling elasticloadbalancing ssm kms secretsmanager apigateway route53 tag".split(
    " ",
  );

// Calls to these go to one region for all: a bound on regions would forbid them.
const withoutRegion =
  "iam:* sts:* organizations:* route53:* cloudfront:* support:* health:* ce:* budgets:* globalaccelerator:* s3:ListAllMyBuckets waf:* shield:*".split(
    " ",
  );

const secretReads =
  "secretsmanager:*GetSecretValue ssm:GetParam* kms:Decrypt ec2:GetPasswordData acm:ExportC* logs:Unmask".split(" ");

// Also of a policy of the user's own: but only where nothing gets lost.
const isPlainDenial = ({ statement: { Effect, Action, Resource, ...rest } }: PolicyLine): boolean =>
  Effect === "Deny" && Array.isArray(Action) && Resource === "*" && Object.keys(rest).length === 0;

/** The text of a policy: what is denied without a condition becomes one statement, because each has a frame of its own. */
function minified(lines: readonly PolicyLine[]): string {
  const denials = lines.filter(isPlainDenial).flatMap(({ statement }) => statement["Action"] as string[]);
  const others = lines.filter((each) => !isPlainDenial(each)).map(({ statement }) => statement);
  const joined = denials.length === 0 ? [] : [{ Effect: "Deny", Action: [...new Set(denials)], Resource: "*" }];
  return JSON.stringify({ Version: version, Statement: [...others, ...joined] });
}

const line = (why: string, effect: "Allow" | "Deny", body: Record<string, unknown>): PolicyLine => ({
  why,
  statement: { Effect: effect, ...body, Resource: "*" },
});

const patternsOf = ({ rules }: AwsPolicy, ...verdicts: string[]): string[] => [
  ...new Set(rules.filter(({ verdict }) => verdicts.includes(verdict)).map(({ pattern }) => pattern)),
];

const allowsEverything = ({ access, services }: AwsPolicy): boolean => access === "read-write" && services.length === 0;

/** Whether reads have to be allowed one by one or by a managed policy. */
const needsReads = ({ policy, mode }: PolicyWish): boolean =>
  mode === "direct" && policy.access !== "custom" && !allowsEverything(policy);

/** What is allowed at most, before anything is denied; `reads`: with patterns in the place of a managed policy. */
function allowLines(wish: PolicyWish, reads: readonly string[]): PolicyLine[] {
  const { policy, mode } = wish;
  const listed = patternsOf(policy, ...(mode === "gateway" ? ["allow", "ask"] : ["allow"]));
  const lines: PolicyLine[] = [];
  if (mode === "gateway" && policy.access !== "custom") {
    return [
      line("the gateway decides about each call; the session may do what a person can allow", "Allow", { Action: "*" }),
    ];
  }
  if (reads.length > 0) lines.push(line("reads, from IAM's own list of what reads", "Allow", { Action: reads }));
  const wide =
    policy.access === "read-write"
      ? policy.services.length > 0
        ? policy.services.map((each) => `${each}:*`)
        : ["*"]
      : [];
  if (wide.length > 0) lines.push(line("access: read-write", "Allow", { Action: wide }));
  if (listed.length > 0)
    lines.push(line(mode === "gateway" ? "aws.allow and aws.ask" : "aws.allow", "Allow", { Action: listed }));
  return lines;
}

// A negated condition is true where the key is missing, and then this would deny every list.
const ofOthers = (accounts: readonly string[]): Record<string, unknown> => ({
  Null: { "aws:ResourceAccount": "false" },
  StringNotEquals: { "aws:ResourceAccount": accounts },
});

function boundLines({ policy: { regions, accounts, tags }, until, account = null }: PolicyWish): PolicyLine[] {
  const bounds: PolicyLine[] = [];
  if (regions.length > 0) {
    const Condition = { StringNotEquals: { "aws:RequestedRegion": regions } };
    bounds.push(line(`only in ${regions.join(", ")}`, "Deny", { NotAction: withoutRegion, Condition }));
  }
  if (accounts.length > 0) {
    const Condition = ofOthers(accounts);
    bounds.push(line(`only what belongs to ${accounts.join(", ")}`, "Deny", { Action: "*", Condition }));
  }
  // Reading needs no question, and the name of what is read can carry data to whoever owns the bucket.
  if (accounts.length === 0 && account !== null) {
    const why = `buckets of other accounts than ${account} are out of reach; aws.accounts names others`;
    bounds.push(line(why, "Deny", { Action: ["s3:*"], Condition: ofOthers([account]) }));
  }
  for (const [key, value] of Object.entries(tags)) {
    const name = `aws:ResourceTag/${key}`;
    const Condition = { Null: { [name]: "false" }, StringNotEquals: { [name]: value } };
    bounds.push(
      line(`what is tagged ${key} with anything but ${value} is left alone`, "Deny", { Action: "*", Condition }),
    );
  }
  if (until !== null) {
    const end = `${new Date(until).toISOString().slice(0, 19)}Z`;
    bounds.push(
      line("the session ends here, earlier than STS would", "Deny", {
        Action: "*",
        Condition: { DateGreaterThan: { "aws:CurrentTime": end } },
      }),
    );
  }
  return bounds;
}

/** Where only some services may be changed, only theirs need to be denied. */
function within(denial: PolicyLine, { access, services, rules }: AwsPolicy): PolicyLine {
  if (access !== "read-write" || services.length === 0) return denial;
  const prefixes = [...services, ...rules.map(({ pattern }) => pattern.split(":")[0])];
  const patterns = denial.statement["Action"] as string[];
  const kept = prefixes.includes("*") ? patterns : patterns.filter((each) => prefixes.includes(each.split(":")[0]));
  return { ...denial, statement: { ...denial.statement, Action: kept } };
}

function denyLines(wish: PolicyWish): { must: PolicyLine[]; may: PolicyLine[] } {
  const { policy, mode } = wish;
  const groups = denialGroups(
    policy.rules.filter(({ verdict }) => verdict === "allow" || (mode === "gateway" && verdict === "ask")),
    wish.counterpart === true,
  );
  const [credentials, privilege, destruction] = groups.map(({ why, patterns }) =>
    line(why, "Deny", { Action: patterns }),
  );
  const denied = patternsOf(policy, ...(mode === "gateway" ? ["deny"] : ["deny", "ask"]));
  const allowed = new Set(patternsOf(policy, "allow"));
  const secrets = mode === "direct" ? secretReads.filter((each) => !allowed.has(each)) : [];
  const must = [
    ...(denied.length > 0
      ? [
          line(mode === "gateway" ? "aws.deny" : "aws.deny and aws.ask: nobody can be asked", "Deny", {
            Action: denied,
          }),
        ]
      : []),
    ...(secrets.length > 0 ? [line("secrets are not handed out", "Deny", { Action: secrets })] : []),
    ...[credentials, privilege].filter((each) => each !== undefined),
  ];
  // In the gateway's mode this is a second line; where the sandbox has the keys it is the only one.
  const strict = mode === "direct" && policy.access === "read-write";
  const last = destruction === undefined ? [] : [mode === "direct" ? within(destruction, policy) : destruction];
  return strict ? { must: [...must, ...last], may: [] } : { must, may: mode === "direct" ? [] : last };
}

function tooLong(wish: PolicyWish, length: number): AirlockError {
  const { rules, regions, accounts, tags, services } = wish.policy;
  const sizes: readonly (readonly [string, unknown])[] = [
    ...(["allow", "ask", "deny"] as const).map(
      (verdict) =>
        [`aws.${verdict}`, rules.filter((rule) => rule.verdict === verdict).map(({ pattern }) => pattern)] as const,
    ),
    ["aws.regions", regions],
    ["aws.accounts", accounts],
    ["aws.services", services],
    ["aws.tags", tags],
    ["aws.policy", wish.own ?? ""],
  ];
  const [name] = [...sizes].sort((a, b) => JSON.stringify(b[1]).length - JSON.stringify(a[1]).length)[0] ?? [
    "the lists",
  ];
  const over = length - policyCharacters;
  const everywhere = wish.mode === "direct" && allowsEverything(wish.policy) && wish.own === null;
  const shorten = `shorten ${name}, which takes most of it: wildcards such as "ec2:Stop*" say more in less`;
  return new AirlockError(
    "E_AWS_POLICY",
    `the session policy is ${length} characters long, ${over} more than STS takes`,
    {
      hint: everywhere
        ? "name the services that read-write is for, in aws.services: the others need no denials then"
        : shorten,
    },
  );
}

function readOwn(own: string): PolicyLine[] {
  const parsed: unknown = JSON.parse(own);
  const statements = typeof parsed === "object" && parsed !== null && "Statement" in parsed ? parsed.Statement : null;
  const list: unknown[] = Array.isArray(statements) ? statements : [statements];
  const isStatement = (each: unknown): each is Record<string, unknown> => typeof each === "object" && each !== null;
  if (!list.every(isStatement)) {
    throw new AirlockError("E_AWS_POLICY", "aws.policy is no policy: it has no Statement", {
      hint: 'write {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": …, "Resource": …}]}',
    });
  }
  return list.map((statement) => ({ statement, why: "aws.policy" }));
}

// Everything that must be there, then what has room: whole statements first, their patterns one by one at the end.
function fill(
  must: readonly PolicyLine[],
  may: readonly PolicyLine[],
  room: number,
): { lines: PolicyLine[]; left: string[] } {
  const lines = [...must];
  const left: string[] = [];
  for (const each of may) {
    const patterns = [...(each.statement["Action"] as string[])];
    while (
      patterns.length > 0 &&
      minified([...lines, { ...each, statement: { ...each.statement, Action: patterns } }]).length > room
    ) {
      left.unshift(patterns.pop() ?? "");
    }
    if (patterns.length > 0) lines.push({ ...each, statement: { ...each.statement, Action: patterns } });
  }
  return { lines, left };
}

function readsWithin(table: AwsTable, make: (reads: readonly string[]) => PolicyLine[]): readonly string[] | null {
  for (let count = commonServices.length; count > 0; count -= 1) {
    const reads = commonServices
      .slice(0, count)
      .flatMap((prefix) => table.readsOf(prefix).map((each) => `${prefix}:${each}`));
    if (minified(make(reads)).length <= policyCharacters) return reads;
  }
  return null;
}

/** What is left of a line for a server that refuses a policy with an action that it does not have. */
function forCounterpart(each: PolicyLine): PolicyLine[] {
  const key = "NotAction" in each.statement ? "NotAction" : "Action";
  const patterns = each.statement[key];
  if (!Array.isArray(patterns)) return [each];
  const known = (patterns as string[]).filter(isOfCounterpart);
  return known.length === 0 ? [] : [{ ...each, statement: { ...each.statement, [key]: known } }];
}

/**
 * The policy that narrows a session's credentials: the second line behind the gateway, the only one where the sandbox has the keys. Only
 * takes away: the session never may more than who it is made from. Always denies what hands out credentials or raises rights.
 */
export function sessionPolicy(table: AwsTable, wish: PolicyWish): SessionPolicy {
  const { must, may } = denyLines(wish);
  const bounds = boundLines(wish);
  const own = wish.own === null ? null : readOwn(wish.own);
  const isCounterpart = wish.counterpart === true;
  const make = (reads: readonly string[]): PolicyLine[] => {
    const made = [...(own === null ? allowLines(wish, reads) : []), ...bounds, ...must];
    return [...(own ?? []), ...(isCounterpart ? made.flatMap(forCounterpart) : made)];
  };
  const managed =
    own === null && needsReads(wish) && !isCounterpart
      ? [`arn:${wish.partition ?? "aws"}:iam::aws:policy/ReadOnlyAccess`]
      : [];
  const room = policyCharacters - managed.join("").length;
  const base = make(isCounterpart && needsReads(wish) ? ["s3:Get*", "s3:List*"] : []);
  const length = minified(base).length;
  if (length > room) throw tooLong(wish, length + managed.join("").length);
  const { lines, left } = fill(base, may, room);
  const text = minified(lines);
  if (managed.length === 0) return { text, arns: [], alone: text, lines, left };
  const reads = readsWithin(table, make);
  return { text, arns: managed, alone: reads === null ? null : minified(make(reads)), lines, left };
}
