import type { Secret } from "../base/secret.js";

/** Keys as a call is signed with them. They never leave the host's process but in the mode that says so. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  /** Null for keys of a user, which have none. */
  readonly sessionToken: Secret | null;
  /** Milliseconds since the epoch; null: they do not end by themselves. */
  readonly expiresAt: number | null;
}

/** Who AWS says that somebody is. */
export interface AwsIdentity {
  /** Null where a cloud that only resembles AWS does not say. */
  readonly account: string | null;
  readonly arn: string | null;
  /** `AROA…:session` of a role, `AIDA…` of a user. */
  readonly userId: string | null;
}

/**
 * How the host's credentials were narrowed: `scoped` within the present session, `assumed` a role, `federated` a user's keys; `unscoped`:
 * not at all, and then only the gateway's policy stands between the sandbox and what they allow.
 */
export type ScopeKind = "scoped" | "assumed" | "federated" | "unscoped";

/** A session policy in both forms that STS may want. */
export interface ScopePolicy {
  /** Beside the managed policies named. */
  readonly text: string;
  readonly arns: readonly string[];
  /** By itself, for calls that take no managed policy; null when it would be too long. */
  readonly alone: string | null;
}

/** What a session wants of the host's credentials. */
export interface CredentialWish {
  readonly sessionId: string;
  /** Null: as the host's environment and files say. */
  readonly profile: string | null;
  readonly region: string | null;
  /** Where every call goes, in the place of AWS; null: where the host's environment and files say. */
  readonly endpoint: string | null;
  /** A role to assume; null: what the present credentials can be narrowed to. */
  readonly role: string | null;
  readonly durationSeconds: number;
  /**
   * Makes the policy; with the time at which it shall end by itself, where STS issues for no shorter time. The partition is `aws`,
   * `aws-cn`, … as the account's ARNs have it.
   */
  readonly policyFor: (until: number | null, partition: string) => ScopePolicy | Promise<ScopePolicy>;
  /** Whether credentials that cannot be narrowed are a failure. */
  readonly mustBeScoped: boolean;
  /** Asked before anything is issued; throws when the account is not to be used. */
  readonly confirm: (names: AccountNames) => Promise<void>;
}

/** What an account, a role and a profile are called. */
export interface AccountNames {
  readonly account: string | null;
  readonly alias: string | null;
  readonly profile: string | null;
  /** The role that is to be assumed, or that the host's session is of. */
  readonly role: string | null;
}

/**
 * What has to be remembered of issued credentials so that another process can take them back, or say how long they live. Holds nothing
 * secret.
 */
export interface CredentialTrace {
  readonly kind: ScopeKind;
  readonly profile: string | null;
  readonly region: string | null;
  readonly endpoint: string | null;
  readonly account: string | null;
  /** As in CloudTrail: of the role session or of the federated user. */
  readonly sessionName: string;
  /** The user's or the role's name, whose policies can deny the session; null: nothing can. */
  readonly principal: { readonly kind: "role" | "user"; readonly name: string } | null;
  /** What `aws:userid` is like in calls of the session. */
  readonly userId: string | null;
  /** When the last of them ends; null: none was issued. */
  readonly expiresAt: number | null;
}
