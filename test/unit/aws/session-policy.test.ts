import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dangerOf, dangers } from "../../../src/aws/catalogue.js";
import { matchesAction, patternsOverlap } from "../../../src/aws/patterns.js";
import { denialGroups } from "../../../src/aws/session-denials.js";
import { type PolicyWish, policyCharacters, sessionPolicy } from "../../../src/aws/session-policy.js";
import { loadTable } from "../../../src/aws/table.js";
import type { AwsPolicy, AwsVerdict } from "../../../src/model/aws.js";
import { awsPackageRoot } from "../../support/aws-requests.js";

const table = await loadTable(awsPackageRoot);
const operations = table.services.flatMap((service) => [...table.details(service).operations.values()]);

function wish(rest: Partial<PolicyWish> = {}, policy: Partial<AwsPolicy> = {}, ...rules: string[]): PolicyWish {
  const parsed = rules.map((text) => {
    const [verdict, pattern = ""] = text.split(" ");
    return { verdict: verdict as AwsVerdict, pattern, origin: "test" };
  });
  const base = { access: "read", services: [], regions: [], accounts: [], tags: {}, dryRun: false } as const;
  return {
    mode: "gateway",
    own: null,
    until: null,
    account: null,
    ...rest,
    policy: { ...base, ...policy, rules: parsed },
  };
}

interface Statement {
  readonly Effect: "Allow" | "Deny";
  readonly Action?: string | readonly string[];
  readonly Condition?: unknown;
}

/** What a policy without its conditions says about an action, as IAM would. */
function says(text: string, action: string): "allow" | "deny" {
  const { Statement: statements } = JSON.parse(text) as { Statement: Statement[] };
  const fits = (each: Statement): boolean =>
    each.Condition === undefined && [each.Action ?? []].flat().some((pattern) => matchesAction(pattern, action));
  if (statements.some((each) => each.Effect === "Deny" && fits(each))) return "deny";
  return statements.some((each) => each.Effect === "Allow" && fits(each)) ? "allow" : "deny";
}

const alwaysDenied = [
  "iam:CreateAccessKey",
  "iam:PassRole",
  "iam:PutRolePolicy",
  "sts:AssumeRole",
  "sts:GetFederationToken",
  "sts:GetSessionToken",
  "organizations:LeaveOrganization",
  "kms:CreateGrant",
  "s3:PutBucketPolicy",
  "ecr:GetAuthorizationToken",
  "sso:GetRoleCredentials",
];

const wishes: readonly (readonly [string, PolicyWish])[] = [
  ["gateway", wish()],
  ["gateway, read-write", wish({}, { access: "read-write" }, "allow ec2:*", "deny rds:*")],
  ["gateway, custom", wish({}, { access: "custom" }, "allow *", "ask iam:*")],
  ["direct", wish({ mode: "direct" })],
  ["direct, read-write", wish({ mode: "direct" }, { access: "read-write" })],
  [
    "direct, of its own",
    wish({ mode: "direct", own: '{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}' }),
  ],
];

describe("sessionPolicy", () => {
  test.each(wishes)("%s: fits, and denies what hands out credentials or raises rights", (_, each) => {
    const { text, arns, alone, lines } = sessionPolicy(table, each);
    expect(text.length + arns.join("").length).toBeLessThanOrEqual(policyCharacters);
    expect((alone ?? "").length).toBeLessThanOrEqual(policyCharacters);
    expect(lines.every(({ why }) => why !== "")).toBe(true);
    for (const action of alwaysDenied) {
      expect([action, says(text, action)]).toEqual([action, "deny"]);
      if (alone !== null) expect(says(alone, action)).toBe("deny");
    }
  });

  test("lets the gateway decide about the rest, and denies destruction once more", () => {
    const { text, arns, left } = sessionPolicy(table, wish());
    expect(arns).toEqual([]);
    expect(says(text, "ec2:StopInstances")).toBe("allow");
    expect(says(text, "ec2:TerminateInstances")).toBe("deny");
    expect(says(text, "kms:ScheduleKeyDeletion")).toBe("deny");
    expect(left).toEqual([]);
  });

  test("lets through what is named, and nothing beside it", () => {
    const { text } = sessionPolicy(table, wish({}, {}, "ask iam:PassRole", "allow ec2:TerminateInstances"));
    expect(says(text, "iam:PassRole")).toBe("allow");
    expect(says(text, "ec2:TerminateInstances")).toBe("allow");
    expect(says(text, "iam:PutRolePolicy")).toBe("deny");
    expect(says(text, "iam:CreateAccessKey")).toBe("deny");
  });

  test("direct: reads and no secrets, also without the managed policy; asking is not possible", () => {
    const { text, arns, alone } = sessionPolicy(
      table,
      wish({ mode: "direct" }, {}, "ask ec2:StopInstances", "allow ec2:StartInstances"),
    );
    expect(arns).toEqual(["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
    for (const each of [text, alone ?? expect.fail("too long")]) {
      expect(says(each, "ec2:StartInstances")).toBe("allow");
      expect(says(each, "ec2:StopInstances")).toBe("deny");
      expect(says(each, "secretsmanager:GetSecretValue")).toBe("deny");
    }
    expect(says(alone ?? "", "s3:GetObject")).toBe("allow");
    expect(says(alone ?? "", "s3:PutObject")).toBe("deny");
  });

  test("the patterns for reads cover no operation that writes", () => {
    const wrong = operations.filter(({ actions, level }) => {
      const [prefix = "", name = ""] = (actions[0] ?? "").split(":");
      const covered = table.readsOf(prefix).some((pattern) => matchesAction(pattern, name));
      return (
        covered && actions.length === 1 && !["list", "read"].includes(level) && dangerOf(`${prefix}:${name}`) === null
      );
    });
    const known = wrong.filter(({ level }) => level !== "unknown");
    expect(known.map(({ actions }) => actions[0])).toEqual([]);
  });

  test("carries bounds and an end as conditions", () => {
    const until = Date.UTC(2030, 0, 2, 3, 4, 5);
    const each = wish({ until }, { regions: ["eu-west-1"], accounts: ["123456789012"], tags: { env: "dev" } });
    const { text } = sessionPolicy(table, each);
    expect(text).toContain('"StringNotEquals":{"aws:RequestedRegion":["eu-west-1"]}');
    const others =
      '{"Null":{"aws:ResourceAccount":"false"},"StringNotEquals":{"aws:ResourceAccount":["123456789012"]}}';
    expect(text).toContain(others);
    const own = sessionPolicy(table, wish({ account: "123456789012" }));
    expect(own.text).toContain(`{"Effect":"Deny","Action":["s3:*"],"Condition":${others},"Resource":"*"}`);
    expect(text).toContain('{"Null":{"aws:ResourceTag/env":"false"},"StringNotEquals":{"aws:ResourceTag/env":"dev"}}');
    expect(text).toContain('"DateGreaterThan":{"aws:CurrentTime":"2030-01-02T03:04:05Z"}');
  });

  test("says what to shorten when it is too long", () => {
    const rules = Array.from({ length: 100 }, (_, index) => `deny ec2:DescribeSomething${index}`);
    expect(() => sessionPolicy(table, wish({}, {}, ...rules))).toThrow(
      expect.objectContaining({ code: "E_AWS_POLICY", hint: expect.stringContaining("shorten aws.deny") }),
    );
  });

  test("direct: denies destruction where something may be changed, and says what to do when that is too much", () => {
    const some = sessionPolicy(
      table,
      wish({ mode: "direct" }, { access: "read-write", services: ["ec2"], regions: ["eu-west-1"] }),
    );
    expect(says(some.text, "ec2:StopInstances")).toBe("allow");
    expect(says(some.text, "ec2:TerminateInstances")).toBe("deny");
    expect(says(some.text, "rds:DeleteDBInstance")).toBe("deny");
    const tags = { env: "dev", owner: "somebody", team: "search" };
    const all = wish(
      { mode: "direct" },
      { access: "read-write", regions: ["eu-west-1"], accounts: ["123456789012"], tags },
    );
    expect(() => sessionPolicy(table, all)).toThrow(
      expect.objectContaining({ code: "E_AWS_POLICY", hint: expect.stringContaining("aws.services") }),
    );
  });

  test("keeps a policy of the user's own as it is, beside the denials", () => {
    const own = {
      Statement: [
        { Effect: "Deny", Action: ["s3:*"], Resource: "arn:aws:s3:::prod/*" },
        { Effect: "Allow", Action: "*", Resource: "*" },
      ],
    };
    const { text } = sessionPolicy(table, wish({ own: JSON.stringify(own) }));
    expect((JSON.parse(text) as typeof own).Statement.slice(0, 2)).toEqual(own.Statement);
  });

  test("asks a server that only resembles AWS for nothing that it does not have", () => {
    const each = wish(
      { mode: "direct", counterpart: true },
      { regions: ["eu-west-1"] },
      "deny ec2:*",
      "allow s3:PutObject",
    );
    const { text, arns, alone } = sessionPolicy(table, each);
    expect({ arns, alone }).toEqual({ arns: [], alone: text });
    expect(text).not.toMatch(/"(?!s3:|iam:|sts:|aws:)[a-z0-9-]+:/);
    expect(says(text, "s3:GetObject")).toBe("allow");
    expect(says(text, "s3:PutBucketPolicy")).toBe("deny");
  });

  test("refuses what is no policy", () => {
    expect(() => sessionPolicy(table, wish({ own: "{}" }))).toThrow(expect.objectContaining({ code: "E_AWS_POLICY" }));
  });
});

describe("the short patterns", () => {
  const groups = denialGroups([], false);

  test("cover no plain read", () => {
    const wrong = operations.filter(({ level, actions }) => {
      const plain = (level === "list" || level === "read") && actions.every((action) => dangerOf(action) === null);
      return (
        plain &&
        groups.some(({ patterns }) => actions.some((action) => patterns.some((each) => matchesAction(each, action))))
      );
    });
    expect(wrong.map(({ actions }) => actions[0])).toEqual([]);
  });

  test("cover every way to credentials and rights that the common services have", () => {
    const covered = (action: string): boolean =>
      groups.some(({ patterns }) => patterns.some((each) => matchesAction(each, action)));
    const common = operations
      .flatMap(({ actions }) => actions)
      .filter((action) => /^(?:iam|sts|s3|kms|ec2|ecr|lambda|account):/.test(action))
      .filter((action) => ["credentials", "privilege"].includes(dangerOf(action)?.kind ?? ""));
    expect(common.filter((action) => !covered(action))).toEqual([]);
    expect(dangers.length).toBeGreaterThan(5);
  });
});

test("patternsOverlap agrees with trying", () => {
  const text = fc.stringMatching(/^[ab*?]{0,5}$/);
  const words = ["", ..."ab"].flatMap((a) =>
    ["", ..."ab"].flatMap((b) => ["", ..."ab"].flatMap((c) => ["", ..."ab"].map((d) => a + b + c + d))),
  );
  fc.assert(
    fc.property(text, text, (a, b) => {
      const both = words.some((word) => matchesAction(a, word) && matchesAction(b, word));
      // Short words are no proof that nothing longer fits both.
      if (both) expect(patternsOverlap(a, b)).toBe(true);
      if (!patternsOverlap(a, b)) expect(both).toBe(false);
    }),
  );
  expect(patternsOverlap("iam:P*", "iam:PassRole")).toBe(true);
  expect(patternsOverlap("iam:Put*", "iam:PassRole")).toBe(false);
  expect(patternsOverlap("*:Terminate*", "ec2:T*")).toBe(true);
});
