import type { AwsCall, AwsDecision, AwsPolicy, AwsRule, AwsVerdict } from "../model/aws.js";
import { dangerOf } from "./catalogue.js";
import { matchesAction, namesActions } from "./patterns.js";

const byDefault = "the defaults";

/** Everything that a rule may call this call: IAM's actions, and the operation where it is called otherwise. */
const namesOf = ({ service, operation, actions }: AwsCall): readonly string[] => [
  ...actions,
  `${service}:${operation}`,
];

const isReading = ({ level }: AwsCall): boolean => level === "list" || level === "read";

function ruleFor(policy: AwsPolicy, verdict: AwsVerdict, names: readonly string[]): AwsRule | undefined {
  return policy.rules.find(
    (rule) => rule.verdict === verdict && names.some((name) => matchesAction(rule.pattern, name)),
  );
}

const decided = (verdict: AwsVerdict, rule: string, why: string, origin: string = byDefault): AwsDecision => ({
  verdict,
  rule,
  why,
  origin,
});

function outOfBounds(
  call: AwsCall,
  { regions, accounts, tags }: AwsPolicy,
  account: string | null,
): AwsDecision | null {
  if (regions.length > 0 && !call.global && !regions.includes(call.region)) {
    return decided("deny", "aws.regions", `the region ${call.region} is not among those of the session`, "aws.regions");
  }
  const outside = [...(account === null ? [] : [account]), ...call.accounts].find((each) => !accounts.includes(each));
  if (accounts.length > 0 && outside !== undefined) {
    return decided("deny", "aws.accounts", `the account ${outside} is not among those of the session`, "aws.accounts");
  }
  const other = Object.entries(call.tags).find(([key, value]) => Object.hasOwn(tags, key) && tags[key] !== value);
  if (other !== undefined && !isReading(call)) {
    return decided("deny", "aws.tags", `the tag ${other[0]} may only be ${tags[other[0]]}`, "aws.tags");
  }
  return null;
}

interface Hazard {
  readonly action: string;
  readonly reason: string;
}

function hazardsOf(call: AwsCall): Hazard[] {
  const found = namesOf(call).flatMap((action) => {
    const danger = dangerOf(action);
    return danger === null ? [] : [{ action, reason: danger.reason }];
  });
  if (found.length > 0 || call.level !== "permissions") return found;
  return [{ action: call.actions[0] ?? call.operation, reason: "changes who may do what" }];
}

// A wide rule was not written with this in mind: only one that says its name lifts the denial.
function byHazard(call: AwsCall, policy: AwsPolicy): AwsDecision | null {
  const named = { ...policy, rules: policy.rules.filter(({ pattern }) => namesActions(pattern)) };
  let mildest: AwsDecision | null = null;
  for (const { action, reason } of hazardsOf(call)) {
    const ask = ruleFor(named, "ask", [action]);
    const rule = ask ?? ruleFor(named, "allow", [action]);
    if (rule === undefined) {
      const why = `${action} ${reason}; it is denied unless aws.allow or aws.ask names it`;
      return decided("deny", `deny ${action}`, why);
    }
    const why = `${action} ${reason}`;
    if (mildest?.verdict !== "ask") mildest = decided(rule.verdict, textOf(rule), why, rule.origin);
  }
  return mildest;
}

const textOf = ({ verdict, pattern }: AwsRule): string => `${verdict} ${pattern}`;

function byRule(call: AwsCall, policy: AwsPolicy): AwsDecision | null {
  const ask = ruleFor(policy, "ask", namesOf(call));
  if (ask !== undefined) return decided("ask", textOf(ask), `${ask.pattern} is asked about`, ask.origin);
  const own = `${call.service}:${call.operation}`;
  // `lambda:Invoke` means `lambda:InvokeFunction`; but `s3:PutObject` does not mean what else a request asks for.
  const whole = call.actions.includes(own) ? undefined : ruleFor(policy, "allow", [own]);
  const rules = call.actions.map((action) => ruleFor(policy, "allow", [action]) ?? whole);
  const [allow] = rules;
  // What a request does beside its operation has to be allowed, too.
  if (allow === undefined || rules.includes(undefined)) return null;
  return decided("allow", textOf(allow), `${allow.pattern} is allowed`, allow.origin);
}

function byLevel(call: AwsCall, { access, services }: AwsPolicy): AwsDecision {
  const [action = call.operation] = call.actions;
  const rule = `level ${call.level}`;
  if (access === "custom") {
    return decided("deny", "access custom", `${action} is not in the lists of the session, which allow nothing else`);
  }
  if (call.secret) return decided("ask", "secret", `${action} hands out a secret`);
  if (isReading(call)) return decided("allow", rule, `${action} only reads`);
  if (call.level === "unknown") return decided("ask", rule, `Airlock does not know what ${action} does`);
  const prefix = action.slice(0, action.indexOf(":"));
  const listed = services.length === 0 || services.includes(prefix) || services.includes(call.service);
  if (access === "read-write" && listed)
    return decided("allow", `access read-write, ${rule}`, `${action} changes something`);
  return decided("ask", rule, `${action} changes something`);
}

function decideReally(call: AwsCall, policy: AwsPolicy, account: string | null): AwsDecision {
  const bounds = outOfBounds(call, policy, account);
  if (bounds !== null) return bounds;
  const denied = ruleFor(policy, "deny", [...namesOf(call), ...call.alternatives]);
  if (denied !== undefined) return decided("deny", textOf(denied), `${denied.pattern} is denied`, denied.origin);
  if (call.dryRun) return decided("allow", "dry run", `${call.operation} is only tried (DryRun)`);
  // A rule that asks wins over one that allows, also for what is dangerous.
  const dangerous = byHazard(call, policy);
  if (dangerous?.verdict === "deny") return dangerous;
  const ruled = byRule(call, policy);
  const found = dangerous ?? ruled ?? byLevel(call, policy);
  const strict = ruled?.verdict === "ask" ? ruled : found;
  const abroad = account !== null && policy.accounts.length === 0 && call.accounts.some((each) => each !== account);
  if (strict.verdict === "allow" && abroad && !isReading(call)) {
    return decided("ask", "another account", `${call.operation} names an account other than ${account}`);
  }
  return strict;
}

/**
 * Whether a call may be made. A denial always wins, then asking, then allowing; without a rule the level decides. What hands out
 * credentials, raises rights or cannot be taken back is denied unless a rule names it.
 */
export function decideCall(call: AwsCall, policy: AwsPolicy, account: string | null): AwsDecision {
  const decision = decideReally(call, policy, account);
  if (!policy.dryRun || isReading(call) || call.dryRun || decision.verdict === "deny") return decision;
  return { ...decision, verdict: "would-have", why: `${decision.why}; this session only tries (dry run)` };
}
