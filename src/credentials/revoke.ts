import { escapeText } from "../base/escape.js";
import { quoteFailure } from "./failures.js";
import { type HostSession, openHostSession } from "./host-session.js";
import type { CredentialTrace } from "./model.js";

/** What became of a session's credentials in AWS itself. */
export interface Revocation {
  /** One line for the receipt. */
  readonly what: string;
  /** Whether they are good for nothing any more. */
  readonly isOver: boolean;
  /** What somebody with the rights for it can run; null: nothing is left to do, or nothing can be done. */
  readonly command: string | null;
}

type Principal = NonNullable<CredentialTrace["principal"]>;

interface Denial {
  readonly principal: Principal;
  readonly name: string;
  readonly document: string;
}

// The end is in the name, so that whoever comes next can clean up; a denial outlives what it denies by an hour.
const namePattern = /^airlock-revoked-(\d{10})-/;
const graceSeconds = 3_600;

function denialOf(trace: CredentialTrace, principal: Principal, expiresAt: number): Denial {
  const end = Math.ceil(expiresAt / 1000);
  const condition = { StringLike: { "aws:userid": trace.userId } };
  const statement = { Effect: "Deny", Action: "*", Resource: "*", Condition: condition };
  return {
    principal,
    name: `airlock-revoked-${end}-${trace.sessionName.slice("airlock-".length)}`.slice(0, 128),
    document: JSON.stringify({ Version: "2012-10-17", Statement: [statement] }),
  };
}

const quote = (word: string): string => (/^[\w.:/@+=,-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`);

function commandOf({ principal, name, document }: Denial, profile: string | null): string {
  const words = ["aws", "iam", `put-${principal.kind}-policy`, `--${principal.kind}-name`, principal.name];
  const rest = ["--policy-name", name, "--policy-document", document];
  const whose = profile === null ? [] : ["--profile", profile];
  return escapeText([...words, ...rest, ...whose].map(quote).join(" "));
}

async function put(host: HostSession, { principal, name, document }: Denial, signal: AbortSignal): Promise<void> {
  const { sdk } = host;
  const iam = host.makeIam();
  const policy = { PolicyName: name, PolicyDocument: document };
  const options = { abortSignal: signal };
  try {
    if (principal.kind === "role")
      await iam.send(new sdk.PutRolePolicyCommand({ RoleName: principal.name, ...policy }), options);
    else await iam.send(new sdk.PutUserPolicyCommand({ UserName: principal.name, ...policy }), options);
  } finally {
    iam.destroy();
  }
}

// A role has room for few policies; what denies sessions that have ended denies nothing.
async function removePast(
  host: HostSession,
  { kind, name }: Principal,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  const { sdk } = host;
  const iam = host.makeIam();
  const options = { abortSignal: signal };
  try {
    const { PolicyNames = [] } =
      kind === "role"
        ? await iam.send(new sdk.ListRolePoliciesCommand({ RoleName: name }), options)
        : await iam.send(new sdk.ListUserPoliciesCommand({ UserName: name }), options);
    for (const policy of PolicyNames) {
      const end = namePattern.exec(policy)?.[1];
      if (end === undefined || Number(end) + graceSeconds > now / 1000) continue;
      if (kind === "role")
        await iam.send(new sdk.DeleteRolePolicyCommand({ RoleName: name, PolicyName: policy }), options);
      else await iam.send(new sdk.DeleteUserPolicyCommand({ UserName: name, PolicyName: policy }), options);
    }
  } finally {
    iam.destroy();
  }
}

/**
 * Makes AWS refuse a session's credentials before they end by themselves, where the identity behind them can be denied by itself. Never
 * fails: what could not be done is said, with the command that does it.
 */
export async function revokeCredentials(
  trace: CredentialTrace,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
  now = Date.now(),
): Promise<Revocation> {
  const { kind, expiresAt, principal, userId, sessionName } = trace;
  if (kind === "unscoped" || expiresAt === null)
    return { what: "AWS credentials (none were issued)", isOver: true, command: null };
  const end = new Date(expiresAt).toISOString().replace(/\.\d+Z$/, "Z");
  const name = escapeText(sessionName);
  if (expiresAt <= now) return { what: `AWS session ${name} (ended at ${end})`, isOver: true, command: null };
  if (principal === null || userId === null)
    return { what: `AWS session ${name} (cannot be revoked by itself, ends at ${end})`, isOver: false, command: null };
  const denial = denialOf(trace, principal, expiresAt);
  try {
    const host = await openHostSession({ ...trace, environment, signal });
    try {
      await put(host, denial, signal);
      await removePast(host, principal, now, signal).catch(() => undefined);
    } finally {
      host.close();
    }
    return { what: `AWS session ${name} (revoked: denied on the ${principal.kind})`, isOver: true, command: null };
  } catch (error) {
    const why = quoteFailure(error);
    const what = `AWS session ${name} (not revoked: ${why}; ends at ${end})`;
    return { what, isOver: false, command: commandOf(denial, trace.profile) };
  }
}
