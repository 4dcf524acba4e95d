import { randomBytes } from "node:crypto";
import { need, type StubCall, type StubCaller, StubFault, type StubOperation } from "./stub-call.js";
import type { KnownKey } from "./verify-signature.js";

/** A key of the stub, and whose it is. */
export interface StubKey extends KnownKey {
  readonly caller: StubCaller;
}

/** What the stub shall refuse, for tests of what comes after a refusal; by operation, the code. */
export type Refusals = Map<string, string>;

const stamp = (milliseconds: number): string => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, "Z");

function issue(keys: Map<string, StubKey>, caller: StubCaller, seconds: number) {
  const id = `ASIA${randomBytes(8).toString("hex").toUpperCase()}`;
  const secret = randomBytes(30).toString("base64");
  const token = randomBytes(90).toString("base64");
  const expiresAt = Date.now() + seconds * 1000;
  keys.set(id, { secret, token, expiresAt, caller });
  return { AccessKeyId: id, SecretAccessKey: secret, SessionToken: token, Expiration: stamp(expiresAt) };
}

function requireRange(seconds: number, low: number, high: number): number {
  if (seconds >= low && seconds <= high) return seconds;
  throw new StubFault("ValidationError", `durationSeconds must be from ${low} to ${high}`);
}

/** STS, which issues keys that the stub then knows. */
export function makeSts(keys: Map<string, StubKey>): Readonly<Record<string, StubOperation>> {
  const policyOf = (input: Readonly<Record<string, unknown>>): string | null => {
    const policy = input["Policy"];
    if (typeof policy === "string" && policy.length > 2_048)
      throw new StubFault("PackedPolicyTooLarge", "the policy is too large");
    return typeof policy === "string" ? policy : null;
  };
  return {
    GetCallerIdentity: ({ caller }) => ({ Arn: caller.arn, UserId: caller.userId, Account: caller.account }),
    AssumeRole: (call) => {
      const role = /^arn:aws:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(need(call, "RoleArn"));
      if (role === null) throw new StubFault("ValidationError", "RoleArn is not an ARN of a role");
      const [, account = "", name = ""] = role;
      const session = need(call, "RoleSessionName");
      if (name === "closed") throw new StubFault("AccessDenied", `not authorized to perform: sts:AssumeRole`, 403);
      // A role that trusts its callers no further than this.
      if (
        name === "plain" &&
        (call.input["SourceIdentity"] !== undefined || call.input["Tags.member.1.Key"] !== undefined)
      )
        throw new StubFault("AccessDenied", "not authorized to perform: sts:TagSession", 403);
      const caller: StubCaller = {
        ...{ account, policy: policyOf(call.input), isTemporary: true },
        arn: `arn:aws:sts::${account}:assumed-role/${name}/${session}`,
        userId: `AROASTUBSTUBSTUBSTUB1:${session}`,
      };
      const most = call.caller.isTemporary ? 3_600 : 43_200;
      return {
        Credentials: issue(keys, caller, requireRange(Number(call.input["DurationSeconds"] ?? 3_600), 900, most)),
        AssumedRoleUser: { Arn: caller.arn, AssumedRoleId: caller.userId },
        PackedPolicySize: name === "full" ? 99 : 12,
      };
    },
    GetFederationToken: (call) => {
      if (call.caller.isTemporary)
        throw new StubFault("AccessDenied", "Cannot call GetFederationToken with session credentials", 403);
      const name = need(call, "Name");
      const account = call.caller.account;
      const caller: StubCaller = {
        ...{ account, policy: policyOf(call.input), isTemporary: true },
        arn: `arn:aws:sts::${account}:federated-user/${name}`,
        userId: `${account}:${name}`,
      };
      return {
        Credentials: issue(keys, caller, requireRange(Number(call.input["DurationSeconds"] ?? 43_200), 900, 129_600)),
        FederatedUser: { Arn: caller.arn, FederatedUserId: caller.userId },
        PackedPolicySize: 12,
      };
    },
    GetScopedCredentials: (call) => {
      if (!call.caller.isTemporary)
        throw new StubFault("InvalidSubjectCredentials", "not temporary security credentials");
      const caller = { ...call.caller, policy: policyOf(call.input) };
      return {
        Credentials: issue(keys, caller, requireRange(Number(call.input["DurationSeconds"] ?? 3_600), 1, 129_600)),
        SessionInfo: { ScopedSessionId: "scoped-1", Arn: caller.arn },
        SessionTokenUtilization: 12,
      };
    },
  };
}

/** IAM: names of the account, roles and their inline policies. `state` shows what was put. */
export function makeIam(state: { readonly rolePolicies: Map<string, string>; alias: string | null }) {
  const users = new Set(["alice"]);
  const operations: Readonly<Record<string, StubOperation>> = {
    ListAccountAliases: () => ({ AccountAliases: state.alias === null ? [] : [state.alias], IsTruncated: false }),
    ListUsers: () => ({ Users: [...users].map((UserName) => ({ UserName })), IsTruncated: false }),
    CreateUser: (call) => {
      users.add(need(call, "UserName"));
      return { User: { UserName: need(call, "UserName") } };
    },
    DeleteUser: (call) => {
      users.delete(need(call, "UserName"));
      return {};
    },
    CreateAccessKey: (call) => ({
      AccessKey: { UserName: need(call, "UserName"), AccessKeyId: "AKIASTUBSTUBSTUBSTUB", SecretAccessKey: "x" },
    }),
  };
  return {
    ...operations,
    ...inlinePolicies("Role", state.rolePolicies),
    ...inlinePolicies("User", state.rolePolicies),
  };
}

function inlinePolicies(kind: "Role" | "User", policies: Map<string, string>): Readonly<Record<string, StubOperation>> {
  const keyOf = (call: StubCall): string => `${need(call, `${kind}Name`)}/${need(call, "PolicyName")}`;
  return {
    [`Put${kind}Policy`]: (call) => {
      policies.set(keyOf(call), need(call, "PolicyDocument"));
      return {};
    },
    [`Delete${kind}Policy`]: (call) => {
      policies.delete(keyOf(call));
      return {};
    },
    [`List${kind}Policies`]: (call) => {
      const owner = `${need(call, `${kind}Name`)}/`;
      const names = [...policies.keys()].filter((key) => key.startsWith(owner)).map((key) => key.slice(owner.length));
      return { PolicyNames: names, IsTruncated: false };
    },
  };
}
