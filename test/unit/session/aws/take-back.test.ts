import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { formatReceipt } from "../../../../src/cli/render/receipt.js";
import type { CredentialTrace } from "../../../../src/credentials/model.js";
import { takeBackCredentials } from "../../../../src/session/aws/take-back.js";
import { type AwsStub, startAwsStub } from "../../../support/aws/stub.js";

let stub: AwsStub;
const { signal } = new AbortController();

const traceOf = (changes: Partial<CredentialTrace> = {}): CredentialTrace => ({
  ...{ kind: "assumed", profile: null, region: "eu-central-1", endpoint: stub.url, account: "123456789012" },
  ...{ sessionName: "airlock-brisk-otter-3f2a", principal: { kind: "role", name: "reader" } },
  ...{ userId: "AROA1:airlock-brisk-otter-3f2a", expiresAt: Date.now() + 3_600_000 },
  ...changes,
});

beforeEach(async () => {
  stub = await startAwsStub();
  vi.stubEnv("AWS_ACCESS_KEY_ID", stub.user.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", stub.user.secretAccessKey);
  for (const name of ["AWS_PROFILE", "AWS_SESSION_TOKEN"]) vi.stubEnv(name, undefined);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await stub[Symbol.asyncDispose]();
});

test("a session without AWS says that nothing was handed out", async () => {
  expect(await takeBackCredentials(null, {}, signal)).toEqual([
    { what: "credentials (none were handed out)", gone: true },
  ]);
});

test("a revoked session is gone in both modes", async () => {
  for (const mode of ["gateway", "direct"] as const) {
    const checks = await takeBackCredentials({ mode, trace: traceOf() }, {}, signal);
    expect(checks.every(({ gone }) => gone)).toBe(true);
    expect(checks.at(-1)?.what).toContain("revoked");
  }
  expect(stub.iam.rolePolicies.size).toBe(1);
});

test("keys that were handed out and cannot be revoked are left, with the command; those that were not handed out are gone", async () => {
  stub.refuse.set("PutRolePolicy", "AccessDenied");
  const direct = await takeBackCredentials({ mode: "direct", trace: traceOf() }, {}, signal);
  expect(direct).toMatchObject([{ gone: false, todo: expect.stringMatching(/^aws iam put-role-policy /) }]);
  const gateway = await takeBackCredentials({ mode: "gateway", trace: traceOf() }, {}, signal);
  expect(gateway.map(({ gone }) => gone)).toEqual([true, true]);
  const text = formatReceipt({ session: "s", checks: direct, clean: false, journal: null });
  expect(text).toMatch(/\n {2}LEFT {2}AWS session .*not revoked.*\n {8}to do: aws iam put-role-policy/);
});

test("after its end there is nothing left to take back", async () => {
  const checks = await takeBackCredentials({ mode: "direct", trace: traceOf({ expiresAt: 1 }) }, {}, signal);
  expect(checks).toMatchObject([{ gone: true }]);
  expect(stub.seen).toEqual([]);
});
