import { AirlockError } from "../base/errors.js";
import { escapeText } from "../base/escape.js";
import { awsErrorName, isDenied, isUnsupported, quoteFailure } from "./failures.js";
import { type HostSession, wrapKeys } from "./host-session.js";
import type { AwsIdentity, AwsKeys, CredentialTrace, CredentialWish, ScopeKind, ScopePolicy } from "./model.js";

/** Narrowed credentials, and what is said about how. */
export interface Issued {
  readonly kind: Exclude<ScopeKind, "unscoped">;
  readonly keys: AwsKeys;
  readonly arn: string | null;
  readonly account: string | null;
  readonly userId: string | null;
  readonly principal: CredentialTrace["principal"];
}

interface Attempt {
  readonly host: HostSession;
  readonly wish: CredentialWish;
  readonly identity: AwsIdentity;
  readonly now: number;
  readonly signal: AbortSignal;
  /** Adds what a person should know. */
  readonly note: (text: string) => void;
}

const leastSeconds = 900;
const chainedSeconds = 3_600;
const mostSeconds = { assumed: 43_200, federated: 129_600 } as const;
const nearlyFull = 80;
const federatedNameLength = 32;

/** The name under which CloudTrail shows what a session did. */
export const sessionNameOf = (sessionId: string): string => `airlock-${sessionId}`.slice(0, 64);

const accountOf = (arn: string | undefined): string | null => arn?.split(":")[4] || null;
const lastName = (arn: string | null | undefined): string => arn?.split(/[/:]/).at(-1) ?? "";

function requireKeys(given: Parameters<typeof wrapKeys>[0]): AwsKeys {
  const keys = wrapKeys(given);
  if (keys.accessKeyId !== "" && keys.secretAccessKey.reveal() !== "" && keys.sessionToken !== null) return keys;
  throw new AirlockError("E_AWS_SCOPE", "STS answered without credentials");
}

const sdkKeys = (given: {
  AccessKeyId: string | undefined;
  SecretAccessKey: string | undefined;
  SessionToken: string | undefined;
  Expiration: Date | undefined;
}) => ({
  ...{ accessKeyId: given.AccessKeyId, secretAccessKey: given.SecretAccessKey },
  ...{ sessionToken: given.SessionToken, expiration: given.Expiration },
});

const noKeys = { AccessKeyId: "", SecretAccessKey: "", SessionToken: "", Expiration: undefined };

// STS issues for a quarter of an hour at least; what shall end before that has its end in the policy.
const endOf = ({ wish, now }: Attempt): number | null =>
  wish.durationSeconds < leastSeconds ? now + wish.durationSeconds * 1000 : null;

const partitionOf = ({ arn }: AwsIdentity): string => arn?.split(":")[1] ?? "aws";

// Only AWS has the managed policies that it manages.
const forPlace = ({ endpoint }: CredentialWish, policy: ScopePolicy): ScopePolicy =>
  endpoint === null || policy.alone === null ? policy : { ...policy, text: policy.alone, arns: [] };

const policyOf = async ({ wish, identity }: Attempt, until: number | null): Promise<ScopePolicy> =>
  forPlace(wish, await wish.policyFor(until, partitionOf(identity)));

function noteSize({ note }: Attempt, percent: number | undefined): void {
  if (percent !== undefined && percent >= nearlyFull)
    note(`the session policy takes ${percent} % of the room that STS has for it`);
}

function scopeError(deed: string, error: unknown): AirlockError {
  const isTooLarge = awsErrorName(error) === "PackedPolicyTooLarge";
  const hint = isTooLarge
    ? "shorten the lists under aws: in the configuration: fewer and wider patterns"
    : "ask whoever manages the account for a role that may be assumed, and name it under aws.role";
  return new AirlockError("E_AWS_SCOPE", `${deed}: ${quoteFailure(error)}`, { hint, cause: error });
}

/** The role's ARN, also when only its name was given. */
export function roleArn(role: string, identity: AwsIdentity): string {
  const { account } = identity;
  if (role.startsWith("arn:")) return role;
  if (account === null) {
    const message = `aws.role: "${escapeText(role)}" is not an ARN, and the account is not known`;
    throw new AirlockError("E_AWS_SCOPE", message, { hint: "write the role's whole ARN" });
  }
  return `arn:${partitionOf(identity)}:iam::${account}:role/${role}`;
}

async function sendAssume(attempt: Attempt, role: string, seconds: number, isMarked: boolean) {
  const { host, wish, signal } = attempt;
  const policy = await policyOf(attempt, endOf(attempt));
  const name = sessionNameOf(wish.sessionId);
  const marks = { SourceIdentity: name, Tags: [{ Key: "airlock-session", Value: wish.sessionId }] };
  const command = new host.sdk.AssumeRoleCommand({
    ...{ RoleArn: role, RoleSessionName: name, DurationSeconds: seconds, Policy: policy.text },
    ...(policy.arns.length > 0 ? { PolicyArns: policy.arns.map((arn) => ({ arn })) } : {}),
    ...(isMarked ? marks : {}),
  });
  return await host.sts.send(command, { abortSignal: signal });
}

// What a role's trust policy does not allow is left out one after the other, and said.
async function assumeWithFallbacks(attempt: Attempt, role: string, seconds: number) {
  const { note } = attempt;
  let [isMarked, length] = [true, seconds];
  for (;;) {
    try {
      return await sendAssume(attempt, role, length, isMarked);
    } catch (error) {
      const isTooLong = awsErrorName(error) === "ValidationError" && quoteFailure(error).includes("MaxSessionDuration");
      if (isDenied(error) && isMarked) {
        isMarked = false;
        note(
          "the role's trust policy allows no tags or no source identity: CloudTrail has the session under its name alone",
        );
      } else if (isTooLong && length > chainedSeconds) {
        length = chainedSeconds;
        note("the role gives sessions of an hour; they are renewed");
      } else throw error;
    } finally {
      attempt.signal.throwIfAborted();
    }
  }
}

async function assume(attempt: Attempt, wished: string, isChained: boolean): Promise<Issued> {
  const { wish, identity } = attempt;
  const role = roleArn(wished, identity);
  const most = isChained ? chainedSeconds : mostSeconds.assumed;
  const seconds = Math.min(Math.max(wish.durationSeconds, leastSeconds), most);
  try {
    const answer = await assumeWithFallbacks(attempt, role, seconds);
    noteSize(attempt, answer.PackedPolicySize);
    const { Arn, AssumedRoleId } = answer.AssumedRoleUser ?? {};
    return {
      ...{ kind: "assumed", keys: requireKeys(sdkKeys({ ...noKeys, ...answer.Credentials })) },
      ...{ arn: Arn ?? null, account: accountOf(role) ?? accountOf(Arn) },
      // Whose role it is, is told by whose policy it stands in.
      userId: AssumedRoleId ?? `*:${sessionNameOf(wish.sessionId)}`,
      principal: { kind: "role", name: lastName(role) },
    };
  } catch (error) {
    attempt.signal.throwIfAborted();
    throw scopeError(`the role ${escapeText(role)} could not be assumed`, error);
  }
}

async function scope(attempt: Attempt): Promise<Issued | null> {
  const { host, wish, identity, signal, note } = attempt;
  // An SDK or an STS without the operation is one that cannot do it.
  if (host.sdk.GetScopedCredentialsCommand === undefined) return null;
  const policy = await policyOf(attempt, null);
  if (policy.alone === null) {
    note("the session policy is too long to stand by itself: the present session cannot be narrowed with it");
    return null;
  }
  const send = (length: { DurationSeconds?: number }) => {
    const description = `airlock session ${wish.sessionId}`;
    const input = { Policy: policy.alone ?? "", ScopedSessionDescription: description, ...length };
    return host.sts.send(new host.sdk.GetScopedCredentialsCommand(input), { abortSignal: signal });
  };
  try {
    const answer = await send({ DurationSeconds: wish.durationSeconds }).catch((error: unknown) => {
      // It cannot outlive the session that it is a part of.
      if (awsErrorName(error) === "InsufficientSessionLifetime") return send({});
      throw error;
    });
    noteSize(attempt, answer.SessionTokenUtilization);
    return {
      ...{ kind: "scoped", keys: requireKeys(sdkKeys({ ...noKeys, ...answer.Credentials })) },
      ...{ arn: answer.SessionInfo?.Arn ?? identity.arn, account: identity.account },
      // The identity stays the caller's: a policy that denied it would deny the caller too.
      ...{ userId: null, principal: null },
    };
  } catch (error) {
    signal.throwIfAborted();
    if (!isUnsupported(error) && !isDenied(error)) throw scopeError("the session could not be narrowed", error);
    note(`STS narrows no sessions here (${awsErrorName(error)})`);
    return null;
  }
}

async function federate(attempt: Attempt): Promise<Issued | null> {
  const { host, wish, identity, signal, note } = attempt;
  const policy = await policyOf(attempt, endOf(attempt));
  const seconds = Math.min(Math.max(wish.durationSeconds, leastSeconds), mostSeconds.federated);
  const command = new host.sdk.GetFederationTokenCommand({
    Name: sessionNameOf(wish.sessionId).slice(0, federatedNameLength),
    ...{ DurationSeconds: seconds, Policy: policy.text },
    ...(policy.arns.length > 0 ? { PolicyArns: policy.arns.map((arn) => ({ arn })) } : {}),
  });
  try {
    const answer = await host.sts.send(command, { abortSignal: signal });
    noteSize(attempt, answer.PackedPolicySize);
    note("AWS lets federated sessions of a user call neither IAM nor most of STS");
    return {
      ...{ kind: "federated", keys: requireKeys(sdkKeys({ ...noKeys, ...answer.Credentials })) },
      arn: answer.FederatedUser?.Arn ?? null,
      ...{ account: identity.account, userId: answer.FederatedUser?.FederatedUserId ?? null },
      principal: identity.arn === null ? null : { kind: "user", name: lastName(identity.arn) },
    };
  } catch (error) {
    signal.throwIfAborted();
    if (!isUnsupported(error) && !isDenied(error)) throw scopeError("the user's keys could not be narrowed", error);
    note(`the user's keys cannot be narrowed (GetFederationToken: ${awsErrorName(error)})`);
    return null;
  }
}

/**
 * Narrows the host's credentials: to the role that was named, else within the present session, else by federation of a user's keys. Null:
 * nothing of that can be done. `GetSessionToken` narrows nothing and is never called.
 */
export async function narrow(attempt: Attempt): Promise<Issued | null> {
  const { host, wish, identity } = attempt;
  if (identity.arn?.endsWith(":root") === true)
    throw new AirlockError("E_AWS_SCOPE", "these are the keys of the account's root user, which no session gets", {
      hint: "sign in as a user or with a role, and name the profile with --aws-profile",
    });
  const isTemporary = (await host.keys()).sessionToken !== null;
  if (wish.role !== null) return await assume(attempt, wish.role, isTemporary);
  return isTemporary ? await scope(attempt) : await federate(attempt);
}
