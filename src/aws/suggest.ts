import type { AwsLedgerCall } from "../model/aws.js";

/** What a session needed: the least policy for IAM, and the lists for the configuration. */
export interface AwsSuggestion {
  readonly policy: {
    readonly Version: "2012-10-17";
    readonly Statement: readonly {
      readonly Effect: "Allow";
      readonly Action: readonly string[];
      readonly Resource: readonly string[];
    }[];
  };
  readonly config: {
    readonly access: "custom";
    readonly allow: readonly string[];
    readonly ask: readonly string[];
    readonly regions: readonly string[];
    readonly accounts: readonly string[];
  };
}

const sorted = (values: Iterable<string>): string[] => [...new Set(values)].sort();

const went = ({ status, decision }: AwsLedgerCall): boolean =>
  (decision === "allowed" || decision === "asked-allowed") && status !== null && status < 400;

const isArn = (text: string): boolean => /^arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:\d*:\S+$/.test(text);

// What is a pattern to IAM was none to the call.
const literal = (id: string): string => id.replace(/[$*?]/g, (each) => `$\{${each}}`);

/** What one action was used on; `*` where a call named nothing, or something that IAM has no name for. */
function resourcesOf(action: string, calls: readonly AwsLedgerCall[]): string[] {
  if (action === "iam:PassRole")
    return sorted(calls.flatMap(({ resources }) => resources.filter((each) => /:role\//.test(each)).map(literal)));
  const named = calls.map(({ level, resources }) =>
    level === "list" || resources.length === 0 || !resources.every(isArn)
      ? ["*"]
      : resources.filter((each) => !/:role\//.test(each) || action.startsWith("iam:")).map(literal),
  );
  const all = sorted(named.flat());
  return all.includes("*") ? ["*"] : all;
}

function statements(calls: readonly AwsLedgerCall[]): AwsSuggestion["policy"]["Statement"] {
  const byAction = new Map<string, AwsLedgerCall[]>();
  for (const call of calls)
    for (const action of call.actions) byAction.set(action, [...(byAction.get(action) ?? []), call]);
  const byResource = new Map<string, { actions: string[]; resources: string[] }>();
  for (const [action, made] of [...byAction].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const resources = resourcesOf(action, made);
    if (resources.length === 0) resources.push("*");
    const key = resources.join("\n");
    const known = byResource.get(key) ?? { actions: [], resources };
    known.actions.push(action);
    byResource.set(key, known);
  }
  return [...byResource.values()].map(({ actions, resources }) => ({
    Effect: "Allow",
    Action: actions,
    Resource: resources,
  }));
}

/** The least that would have let a session do what it did: only calls that went through count, none that was denied or failed. */
export function suggestPolicy(calls: readonly AwsLedgerCall[]): AwsSuggestion {
  const done = calls.filter(went);
  const asked = sorted(done.filter(({ decision }) => decision === "asked-allowed").flatMap(({ actions }) => actions));
  const allowed = sorted(done.flatMap(({ actions }) => actions)).filter((action) => !asked.includes(action));
  return {
    policy: { Version: "2012-10-17", Statement: statements(done) },
    config: {
      access: "custom",
      allow: allowed,
      ask: asked,
      regions: sorted(done.map(({ region }) => region)),
      accounts: sorted(done.flatMap(({ account }) => (account === null ? [] : [account]))),
    },
  };
}
