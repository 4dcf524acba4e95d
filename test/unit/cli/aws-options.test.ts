import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type AwsOptions, awsFlags, awsOf, awsOptions, endpointOf } from "../../../src/cli/options/aws-options.js";
import { mergeAws } from "../../../src/config/merge-aws.js";
import { type AwsStub, startAwsStub } from "../../support/aws/stub.js";
import { fakeContext } from "../../support/fake-context.js";

const parse = (...words: string[]): AwsOptions =>
  awsOptions(new Command()).exitOverride().parse(words, { from: "user" }).opts();
const wishOf = (...words: string[]) => mergeAws(awsFlags(parse(...words)));

test("--aws is the gateway, and without it there is no AWS", () => {
  expect(wishOf().mode).toBe("off");
  expect(wishOf("--aws").mode).toBe("gateway");
  expect(wishOf("--aws-mode", "direct").mode).toBe("direct");
});

test("lists add up, and come from the command line", () => {
  const { policy } = wishOf("--aws", "--aws-allow", "s3:Put*", "--aws-allow", "sqs:SendMessage", "--aws-deny", "iam:*");
  expect(policy.rules).toEqual([
    { verdict: "deny", pattern: "iam:*", origin: "the command line" },
    { verdict: "allow", pattern: "s3:Put*", origin: "the command line" },
    { verdict: "allow", pattern: "sqs:SendMessage", origin: "the command line" },
  ]);
});

test("everything else that is said arrives", () => {
  const words =
    "--aws --aws-profile dev --aws-region eu-central-1 --aws-role reader --aws-access custom --aws-duration 15m";
  expect(wishOf(...words.split(" "), "--aws-dry-run")).toMatchObject({
    ...{ profile: "dev", region: "eu-central-1", role: "reader", durationSeconds: 900 },
    policy: { access: "custom", dryRun: true },
  });
});

test.each([
  ["--aws-allow", "everything"],
  ["--aws-deny", "s3:*;rm"],
  ["--aws-duration", "30s"],
  ["--aws-duration", "2d"],
])("%s %s is a mistake of the command line", (flag, value) => {
  expect(() => parse("--aws", flag, value)).toThrow(expect.objectContaining({ code: "E_USAGE" }));
});

describe("before a session begins", () => {
  let stub: AwsStub;
  beforeEach(async () => {
    stub = await startAwsStub({ alias: "shop-dev" });
    vi.stubEnv("AWS_ACCESS_KEY_ID", stub.user.accessKeyId);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", stub.user.secretAccessKey);
    for (const name of ["AWS_PROFILE", "AWS_SESSION_TOKEN"]) vi.stubEnv(name, undefined);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await stub[Symbol.asyncDispose]();
  });
  const plan = (...words: string[]) => {
    const options = parse(...words);
    const wish = { ...mergeAws(awsFlags(options)), endpoint: stub.url };
    return awsOf(fakeContext({ isTTY: false }).context, options, wish);
  };

  test("AWS is asked nothing when it is off, and a flag about it is a mistake, not nothing", async () => {
    expect(await plan()).toBeNull();
    await expect(plan("--aws-profile", "dev")).rejects.toThrow(/--aws-profile says how AWS is used/);
    expect(stub.seen).toEqual([]);
  });

  test("the account is looked at, and nothing is issued", async () => {
    expect(await plan("--aws", "--aws-region", "eu-central-1")).toMatchObject({
      ...{ account: "123456789012", region: "eu-central-1", wish: { mode: "gateway" } },
    });
    expect(stub.seen.map(({ operation }) => operation).sort()).toEqual(["GetCallerIdentity", "ListAccountAliases"]);
  });

  test("the endpoint that the environment names is where the session's calls go, unless it is to be ignored", async () => {
    const { context } = fakeContext({ isTTY: false });
    const wish = mergeAws(awsFlags(parse("--aws")));
    const at = (env: Record<string, string>) => endpointOf({ ...context, edge: { ...context.edge, env } }, wish);
    expect(at({})).toBeNull();
    expect(at({ AWS_ENDPOINT_URL: stub.url })).toBe(stub.url);
    expect(at({ AWS_ENDPOINT_URL: stub.url, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true" })).toBeNull();
    expect(() => at({ AWS_ENDPOINT_URL: "file:///etc/passwd" })).toThrow(/AWS_ENDPOINT_URL/);
  });

  test("production is used only when its alias was typed", async () => {
    stub.iam.alias = "shop-prod";
    await expect(plan("--aws")).rejects.toMatchObject({ code: "E_AWS_PROTECTED" });
    expect(await plan("--aws", "--aws-confirm", "shop-prod")).toMatchObject({ account: "123456789012" });
  });
});
