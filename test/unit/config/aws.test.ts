import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { grantsOf } from "../../../src/config/approve.js";
import { loadConfigFile } from "../../../src/config/load.js";
import { mergeAws } from "../../../src/config/merge-aws.js";
import { parseConfig } from "../../../src/config/parse.js";
import type { FileConfig } from "../../../src/config/schema.js";

const parse = (aws: string, kind: "project" | "user" = "project"): FileConfig =>
  parseConfig(`aws: ${aws}`, "/p/airlock.yaml", kind);
const aws = (text: string, kind: "project" | "user" = "project"): NonNullable<FileConfig["aws"]> =>
  parse(text, kind).aws ?? expect.fail("no aws");

describe("aws: in a file", () => {
  test.each([
    ["an unknown key", "{acess: read}", 'did you mean "access"'],
    ["another mode", "{mode: on}", "aws.mode"],
    ["an action without a service", "{allow: [StopInstances]}", "aws.allow.0"],
    ["a region that is a host", "{regions: [evil.example]}", "aws.regions.0"],
    ["an account that is a number", "{accounts: [123456789012]}", "aws.accounts.0"],
    ["a role of something else", "{role: 'arn:aws:sts::123456789012:role/x'}", "not a role"],
    ["a life of a day", "{duration: 24h}", '"1m" to "12h"'],
    ["an endpoint in a project", "{endpoint: 'http://127.0.0.1:1'}", "endpoint"],
    ["a file as policy in a project", "{policy: policy.json}", "aws.policy"],
  ])("refuses %s", (_, text, message) => {
    let error: unknown;
    try {
      parse(text);
    } catch (caught) {
      error = caught;
    }
    const { message: what = "", hint = "" } = (error ?? {}) as { message?: string; hint?: string };
    expect(`${what} ${hint}`).toContain(message);
  });

  test("is asked for where it loosens, and only there", () => {
    const loose =
      "{mode: gateway, profile: dev, region: eu-west-1, access: read-write, services: [ec2], allow: ['ec2:Stop*'], ask: ['ec2:Terminate*'], duration: 2h, intercept: true, policy: {Version: x}}";
    expect(grantsOf(parse(loose))).toEqual([
      "AWS, through the gateway, with your credentials",
      "AWS: the profile dev",
      "AWS: the region eu-west-1",
      "AWS: CHANGES without asking you of ec2",
      "AWS, without asking you: ec2:Stop*",
      "AWS, when you are asked: ec2:Terminate*",
      'AWS: a session policy of its own: {"Version":"x"}',
      "AWS: connections to AWS's hosts, whose TLS ends on this machine",
      "AWS: credentials that live for 7200 s",
    ]);
    const tight =
      "{mode: off, access: custom, deny: ['*'], regions: [eu-west-1], tags: {env: dev}, dryRun: true, protected: [prod]}";
    expect(grantsOf(parse(tight))).toEqual([]);
  });

  test("a policy may lie in a file beside the user's", async () => {
    const folder = mkdtempSync(join(tmpdir(), "airlock-aws-"));
    try {
      writeFileSync(join(folder, "policy.json"), '{"Version":"2012-10-17"}');
      writeFileSync(join(folder, "config.yaml"), "aws: {policy: policy.json}");
      const loaded = await loadConfigFile(join(folder, "config.yaml"), "user");
      expect(mergeAws({}, {}, loaded?.config.aws).sessionPolicy).toBe('{"Version":"2012-10-17"}');
      writeFileSync(join(folder, "policy.json"), "[]");
      await expect(loadConfigFile(join(folder, "config.yaml"), "user")).rejects.toThrow(/not the JSON of a policy/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("mergeAws", () => {
  test("is off when nobody says anything", () => {
    expect(mergeAws()).toMatchObject({ mode: "off", durationSeconds: 3_600, policy: { access: "read", rules: [] } });
  });

  test("lets the nearer value count, and adds rules up", () => {
    const merged = mergeAws(
      { mode: "gateway", allow: ["s3:Put*"] },
      aws("{access: custom, deny: ['ec2:*']}"),
      aws("{access: read-write, allow: ['ec2:*'], endpoint: 'http://127.0.0.1:1'}", "user"),
    );
    expect(merged).toMatchObject({ mode: "gateway", endpoint: "http://127.0.0.1:1", policy: { access: "custom" } });
    expect(merged.policy.rules.map(({ verdict, pattern, origin }) => `${verdict} ${pattern} ${origin}`)).toEqual([
      "allow s3:Put* the command line",
      "allow ec2:* your configuration",
      "deny ec2:* airlock.yaml",
    ]);
  });

  test("a project's file, which may say read unapproved, does not loosen what only lists allow", () => {
    const access = (project: string, user: string) =>
      mergeAws({}, aws(`{access: ${project}}`), aws(`{access: ${user}}`, "user")).policy.access;
    expect(access("read", "custom")).toBe("custom");
    expect(access("read", "read-write")).toBe("read");
    expect(access("custom", "read-write")).toBe("custom");
    expect(mergeAws({ access: "read" }, {}, aws("{access: custom}", "user")).policy.access).toBe("read");
  });

  test("bounds never become wider", () => {
    const user = aws(
      "{regions: [eu-west-1, eu-west-2], services: [ec2], accounts: ['123456789012'], dryRun: true, tags: {env: dev}}",
      "user",
    );
    const project = aws(
      "{regions: [eu-west-2, us-east-1], services: [ec2, s3], accounts: ['210987654321'], dryRun: false, tags: {env: prod}}",
    );
    const { policy } = mergeAws({}, project, user);
    expect(policy.regions).toEqual(["eu-west-2"]);
    expect(policy.services).toEqual(["ec2"]);
    expect(policy.accounts).toEqual(["-"]);
    expect(policy.dryRun).toBe(true);
    expect(policy.tags).toEqual({ env: "dev" });
  });
});
