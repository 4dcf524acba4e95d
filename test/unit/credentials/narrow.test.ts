import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { CredentialWish } from "../../../src/credentials/model.js";
import { openCredentials, type ScopedCredentials } from "../../../src/credentials/open.js";
import { revokeCredentials } from "../../../src/credentials/revoke.js";
import { type AwsStub, startAwsStub } from "../../support/aws/stub.js";

let stub: AwsStub;
let folder: string;

const policy = {
  text: '{"Statement":[1]}',
  arns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
  alone: '{"Statement":[2]}',
};
const wish: CredentialWish = {
  ...{
    sessionId: "brisk-otter-3f2a",
    profile: null,
    region: "eu-central-1",
    endpoint: null,
    role: null,
    durationSeconds: 3_600,
  },
  ...{ policyFor: () => policy, mustBeScoped: false, confirm: async () => undefined },
};
const role = "arn:aws:iam::123456789012:role/team/reader";

const open = (changes: Partial<CredentialWish> = {}, now?: () => number): Promise<ScopedCredentials> =>
  openCredentials({
    wish: { ...wish, ...changes },
    environment: process.env,
    signal: new AbortController().signal,
    ...(now === undefined ? {} : { now }),
  });

const asked = (operation: string): number => stub.seen.filter((each) => each.operation === operation).length;

function useKeys({ id, secret, token = "" }: { id: string; secret: string; token?: string }): void {
  const tokenLine = token === "" ? "" : `aws_session_token = ${token}\n`;
  const path = join(folder, `credentials-${Math.random()}`);
  writeFileSync(path, `[default]\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n${tokenLine}`);
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", path);
}

const caller = {
  ...{ account: "123456789012", arn: "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Dev_0123/alice" },
  ...{ userId: "AROASSO:alice", policy: null, isTemporary: true },
};

// What `aws sso login` leads to.
function useSso(): void {
  const key = { secret: "ssoSecretSsoSecret", token: "ssoToken", expiresAt: null };
  stub.keys.set("ASIASSO", { ...key, caller });
  useKeys({ id: "ASIASSO", secret: key.secret, token: key.token });
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "airlock-aws-"));
  stub = await startAwsStub();
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"])
    vi.stubEnv(name, undefined);
  vi.stubEnv("AWS_ENDPOINT_URL", stub.url);
  vi.stubEnv("AWS_CONFIG_FILE", join(folder, "config"));
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
  useKeys({ id: stub.user.accessKeyId, secret: stub.user.secretAccessKey });
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await stub[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

describe("a role that was named", () => {
  test("is assumed with the policy, the session's name, its source identity and a tag", async () => {
    await using credentials = await open({ role });
    const keys = await credentials.keys();
    expect(credentials.kind).toBe("assumed");
    expect(credentials.arn).toBe("arn:aws:sts::123456789012:assumed-role/reader/airlock-brisk-otter-3f2a");
    expect(stub.keys.get(keys.accessKeyId)?.caller.policy).toBe(policy.text);
    expect(credentials.notes).toEqual([]);
  });

  test("at a place that is not AWS is narrowed without the policies that AWS manages", async () => {
    await using credentials = await open({ role, endpoint: stub.url });
    const { accessKeyId } = await credentials.keys();
    expect(stub.keys.get(accessKeyId)?.caller.policy).toBe(policy.alone);
  });

  test("that trusts neither tags nor a source identity is assumed without, and that is said", async () => {
    await using credentials = await open({ role: "plain" });
    expect(credentials.kind).toBe("assumed");
    expect(credentials.notes.join()).toContain("no source identity");
    expect(asked("AssumeRole")).toBe(2);
  });

  test("that may not be assumed ends it, and nothing else is tried", async () => {
    await expect(open({ role: "closed" })).rejects.toMatchObject({ code: "E_AWS_SCOPE" });
    expect(asked("GetFederationToken")).toBe(0);
  });

  test("is assumed for an hour at most from a session that is itself temporary", async () => {
    useSso();
    await using credentials = await open({ role, durationSeconds: 40_000 });
    const { expiresAt } = await credentials.keys();
    expect((expiresAt ?? 0) - Date.now()).toBeLessThanOrEqual(3_600_000);
  });

  test("whose policy fills the room that STS has is said to", async () => {
    await using credentials = await open({ role: "full" });
    expect(credentials.notes.join()).toContain("99 %");
  });

  test("for less than a quarter of an hour has its end in the policy", async () => {
    const ends: (number | null)[] = [];
    const policyFor = (until: number | null) => {
      ends.push(until);
      return policy;
    };
    await using credentials = await open({ role, durationSeconds: 60, policyFor }, () => 1_000_000_000_000);
    expect(credentials.kind).toBe("assumed");
    expect(ends).toEqual([1_000_000_060_000]);
  });
});

describe("without a role", () => {
  test("a user's keys are narrowed by federation, never by a session token", async () => {
    await using credentials = await open();
    const keys = await credentials.keys();
    expect(credentials.kind).toBe("federated");
    expect(stub.keys.get(keys.accessKeyId)?.caller.arn).toBe(
      "arn:aws:sts::123456789012:federated-user/airlock-brisk-otter-3f2a",
    );
    expect(stub.keys.get(keys.accessKeyId)?.caller.policy).toBe(policy.text);
    expect(asked("GetSessionToken")).toBe(0);
  });

  test("a session of SSO is narrowed within itself, with a policy that needs no other", async () => {
    useSso();
    await using credentials = await open();
    const keys = await credentials.keys();
    expect(credentials.kind).toBe("scoped");
    expect(stub.keys.get(keys.accessKeyId)?.caller).toMatchObject({ arn: caller.arn, policy: policy.alone });
  });

  test.each(["InvalidAction", "AccessDenied"])(
    "an STS that answers %s to that narrows nothing, and it is said",
    async (code) => {
      useSso();
      stub.refuse.set("GetScopedCredentials", code);
      await using credentials = await open();
      expect(credentials.kind).toBe("unscoped");
      expect(credentials.notes.join()).toContain("cannot be narrowed");
      expect((await credentials.keys()).accessKeyId).toBe("ASIASSO");
      await expect(open({ mustBeScoped: true })).rejects.toMatchObject({ code: "E_AWS_SCOPE" });
    },
  );

  test("the account's root user is refused", async () => {
    const root = { ...caller, arn: "arn:aws:iam::123456789012:root", isTemporary: false };
    stub.keys.set("AKIAROOT", { secret: "rootSecret", token: null, expiresAt: null, caller: root });
    useKeys({ id: "AKIAROOT", secret: "rootSecret" });
    await expect(open()).rejects.toThrow(/root user/);
  });
});

describe("before anything is issued", () => {
  test("the account is confirmed by its names", async () => {
    stub.iam.alias = "acme-prod";
    const confirm = vi.fn(async () => {
      throw new Error("no");
    });
    await expect(open({ role, confirm })).rejects.toThrow("no");
    expect(confirm).toHaveBeenCalledWith({ account: "123456789012", alias: "acme-prod", profile: null, role });
    expect(asked("AssumeRole")).toBe(0);
  });

  test("keys that AWS does not know are an error that repeats nothing of them", async () => {
    useKeys({ id: stub.user.accessKeyId, secret: "wrongWrongWrong" });
    const error = await open().catch((each: unknown) => each);
    expect(error).toMatchObject({
      code: "E_AWS_CREDENTIALS",
      message: expect.stringContaining("SignatureDoesNotMatch"),
    });
    expect(String(error)).not.toContain("wrongWrongWrong");
  });

  test("an AWS that does not answer is told apart from keys that are wrong", async () => {
    const closed = open({ endpoint: "http://127.0.0.1:1" });
    await expect(closed).rejects.toThrow(/could not be asked .*ECONNREFUSED/);
  });

  test("no keys at all are an error that says what to do", async () => {
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(folder, "none"));
    await expect(open()).rejects.toMatchObject({
      code: "E_AWS_CREDENTIALS",
      hint: expect.stringContaining("aws sso login"),
    });
  });
});

test("an account that changes while a session lives ends its credentials", async () => {
  let time = Date.now();
  await using credentials = await open({ role }, () => time);
  await credentials.keys();
  time += 3_600_000;
  for (const key of stub.keys.values()) Object.assign(key.caller, { account: "999999999999" });
  await expect(credentials.keys()).rejects.toThrow(/changed from account 123456789012 to 999999999999/);
});

test("nothing printed or serialised shows a secret, and nothing is handed out after the end", async () => {
  const credentials = await open({ role });
  const keys = await credentials.keys();
  const shown =
    inspect({ credentials, keys }, { depth: 10 }) + JSON.stringify({ credentials, keys, trace: credentials.trace() });
  expect(shown).not.toContain(keys.secretAccessKey.reveal());
  expect(shown).not.toContain(keys.sessionToken?.reveal());
  await credentials[Symbol.asyncDispose]();
  await expect(credentials.keys()).rejects.toMatchObject({ code: "E_AWS_CREDENTIALS" });
});

describe("taking credentials back", () => {
  const signal = new AbortController().signal;

  test("denies the session's identity on its role, and cleans up what denies nothing any more", async () => {
    await using credentials = await open({ role });
    stub.iam.rolePolicies.set("reader/airlock-revoked-1000000000-old", "{}");
    stub.iam.rolePolicies.set("reader/mine", "{}");
    const result = await revokeCredentials(credentials.trace(), process.env, signal);
    expect(result).toMatchObject({ isOver: true, command: null });
    const names = [...stub.iam.rolePolicies.keys()];
    expect(names).toEqual(["reader/mine", expect.stringMatching(/^reader\/airlock-revoked-\d{10}-brisk-otter-3f2a$/)]);
    expect(JSON.parse(stub.iam.rolePolicies.get(names[1] ?? "") ?? "")).toMatchObject({
      Statement: [
        {
          Effect: "Deny",
          Condition: { StringLike: { "aws:userid": "AROASTUBSTUBSTUBSTUB1:airlock-brisk-otter-3f2a" } },
        },
      ],
    });
  });

  test("prints the command where the rights are missing", async () => {
    await using credentials = await open({ role });
    stub.refuse.set("PutRolePolicy", "AccessDenied");
    const result = await revokeCredentials(credentials.trace(), process.env, signal);
    expect(result.isOver).toBe(false);
    expect(result.command).toMatch(
      /^aws iam put-role-policy --role-name reader --policy-name airlock-revoked-\d+-\S+ --policy-document '\{.*\}'$/,
    );
  });

  test("denies a federated session on its user", async () => {
    await using credentials = await open();
    expect(await revokeCredentials(credentials.trace(), process.env, signal)).toMatchObject({ isOver: true });
    expect([...stub.iam.rolePolicies.keys()]).toEqual([expect.stringMatching(/^alice\/airlock-revoked-/)]);
  });

  test("is not needed after the end", async () => {
    await using credentials = await open({ role });
    const later = await revokeCredentials(credentials.trace(), process.env, signal, Date.now() + 7_200_000);
    expect(later.isOver).toBe(true);
    expect(stub.iam.rolePolicies.size).toBe(0);
  });
});
