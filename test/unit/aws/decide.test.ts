import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dangerOf, dangers } from "../../../src/aws/catalogue.js";
import { decideCall } from "../../../src/aws/decide.js";
import { identify } from "../../../src/aws/identify.js";
import { isActionPattern, matchesAction, namesActions } from "../../../src/aws/patterns.js";
import { loadTable } from "../../../src/aws/table.js";
import type { AwsCall, AwsDecision, AwsPolicy, AwsRequest, AwsVerdict } from "../../../src/model/aws.js";
import { awsPackageRoot, awsRequest, formRequest, targetRequest } from "../../support/aws-requests.js";

const table = await loadTable(awsPackageRoot);
const account = "123456789012";

const base: AwsPolicy = { access: "read", rules: [], services: [], regions: [], accounts: [], tags: {}, dryRun: false };

function policy(rest: Partial<AwsPolicy> = {}, ...rules: string[]): AwsPolicy {
  const parsed = rules.map((text) => {
    const [verdict, pattern = ""] = text.split(" ");
    return { verdict: verdict as AwsVerdict, pattern, origin: "your configuration" };
  });
  return { ...base, ...rest, rules: parsed };
}

function callOf(request: AwsRequest): AwsCall {
  const result = identify(table, request);
  return result.known ? result.call : expect.fail(result.reason);
}

const ec2 = (action: string, rest = "", region?: string): AwsCall =>
  callOf(formRequest("ec2", `Action=${action}&Version=2016-11-15${rest}`, region === undefined ? {} : { region }));
const s3 = (method: string, url: string, headers = {}): AwsCall =>
  callOf(awsRequest({ service: "s3", method, url, headers }));
const iam = (action: string): AwsCall =>
  callOf(formRequest("iam", `Action=${action}&Version=2010-05-08`, { region: "us-east-1" }));
const sts = (action: string): AwsCall => callOf(formRequest("sts", `Action=${action}&Version=2011-06-15`));
const secret = callOf(targetRequest("secretsmanager", "secretsmanager.GetSecretValue", { SecretId: "a" }));

const verdict = (call: AwsCall, ...rules: string[]): AwsDecision["verdict"] =>
  decideCall(call, policy({}, ...rules), account).verdict;

describe("decideCall, when nobody said anything", () => {
  test.each([
    ["allow", ec2("DescribeInstances")],
    ["allow", s3("GET", "/photos/a")],
    ["allow", sts("GetCallerIdentity")],
    ["ask", secret],
    ["ask", ec2("StopInstances")],
    ["ask", ec2("CreateTags")],
    ["ask", s3("DELETE", "/photos/a")],
    ["ask", ec2("DescribeTheFuture")],
    ["deny", ec2("TerminateInstances")],
    ["deny", ec2("TerminateTheFuture")],
    ["deny", s3("DELETE", "/photos")],
    ["deny", s3("DELETE", "/photos/a?versionId=1")],
    ["deny", s3("PUT", "/photos?policy")],
    ["deny", s3("PUT", "/photos/a", { "x-amz-acl": "public-read" })],
    ["deny", sts("AssumeRole")],
    ["deny", sts("GetSessionToken")],
    ["deny", iam("CreateAccessKey")],
    ["deny", iam("AttachRolePolicy")],
    ["deny", ec2("RunInstances", "&IamInstanceProfile.Name=admin")],
    ["deny", callOf(targetRequest("kms", "TrentService.ScheduleKeyDeletion"))],
    ["deny", callOf(targetRequest("dynamodb", "DynamoDB_20120810.DeleteTable"))],
    ["deny", callOf(targetRequest("sqs", "AmazonSQS.PurgeQueue"))],
  ] as const)("%s: %o", (expected, call) => {
    expect(verdict(call)).toBe(expected);
  });

  test("says why, and what would change it", () => {
    const { why, rule } = decideCall(ec2("TerminateInstances"), policy(), account);
    expect(rule).toBe("deny ec2:TerminateInstances");
    expect(why).toBe(
      "ec2:TerminateInstances ends something for good; it is denied unless aws.allow or aws.ask names it",
    );
  });
});

describe("decideCall, with rules", () => {
  test("a denial wins over everything, asking over allowing", () => {
    expect(verdict(ec2("StopInstances"), "allow ec2:StopInstances", "deny ec2:Stop*")).toBe("deny");
    expect(verdict(ec2("DescribeInstances"), "deny *")).toBe("deny");
    expect(verdict(ec2("StopInstances"), "allow ec2:*", "ask ec2:Stop*")).toBe("ask");
    expect(verdict(ec2("StopInstances"), "allow ec2:*")).toBe("allow");
    expect(verdict(secret, "allow secretsmanager:GetSecretValue")).toBe("allow");
  });

  test("what is dangerous must be named, a wide rule does not", () => {
    for (const rule of ["allow *", "allow ec2:*", "allow *:Terminate*", "allow ec2:T*"]) {
      expect(verdict(ec2("TerminateInstances"), rule)).toBe("deny");
    }
    expect(verdict(ec2("TerminateInstances"), "ask ec2:Terminate*")).toBe("ask");
    expect(verdict(ec2("TerminateInstances"), "allow ec2:TerminateInstances")).toBe("allow");
    expect(verdict(ec2("TerminateInstances"), "allow ec2:TerminateInstances", "ask ec2:*")).toBe("ask");
    expect(decideCall(ec2("TerminateInstances"), policy({ access: "read-write" }), account).verdict).toBe("deny");
  });

  test("what a request does beside its operation needs its own permission", () => {
    const published = s3("PUT", "/photos/a", { "x-amz-acl": "public-read" });
    expect(verdict(published, "allow s3:PutObject")).toBe("deny");
    expect(verdict(published, "allow s3:PutObject", "ask s3:PutObjectAcl")).toBe("ask");
    const tagged = s3("PUT", "/photos/a", { "x-amz-tagging": "a=b" });
    expect(verdict(tagged, "allow s3:PutObject")).toBe("ask");
    expect(verdict(tagged, "allow s3:PutObject", "allow s3:PutObjectTagging")).toBe("allow");
    const run = ec2("RunInstances", "&IamInstanceProfile.Name=admin");
    expect(verdict(run, "allow ec2:RunInstances")).toBe("deny");
    expect(verdict(run, "allow ec2:RunInstances", "allow iam:PassRole")).toBe("allow");
  });

  test("takes an operation by its own name, and by IAM's", () => {
    const invoke = callOf(awsRequest({ service: "lambda", url: "/2015-03-31/functions/f/invocations" }));
    expect(verdict(invoke, "allow lambda:Invoke")).toBe("allow");
    expect(verdict(invoke, "allow lambda:InvokeFunction")).toBe("allow");
  });

  test("read-write is for the services listed, and never for secrets", () => {
    const wide = policy({ access: "read-write", services: ["ec2"] });
    expect(decideCall(ec2("StopInstances"), wide, account).verdict).toBe("allow");
    expect(decideCall(s3("PUT", "/photos/a"), wide, account).verdict).toBe("ask");
    expect(decideCall(secret, policy({ access: "read-write" }), account).verdict).toBe("ask");
  });

  test("custom allows what is listed and nothing else", () => {
    const custom = policy({ access: "custom" }, "allow ec2:Describe*");
    expect(decideCall(ec2("DescribeInstances"), custom, account).verdict).toBe("allow");
    expect(decideCall(s3("GET", "/photos/a"), custom, account).verdict).toBe("deny");
  });

  test("stays in regions, accounts and tags", () => {
    const inIreland = policy({ regions: ["eu-west-1"] });
    expect(decideCall(ec2("DescribeInstances"), inIreland, account).verdict).toBe("allow");
    expect(decideCall(ec2("DescribeInstances", "", "us-east-1"), inIreland, account).verdict).toBe("deny");
    expect(decideCall(iam("ListUsers"), inIreland, account).verdict).toBe("allow");
    expect(decideCall(ec2("DescribeInstances"), policy({ accounts: ["210987654321"] }), account).verdict).toBe("deny");
    const tags = "&ResourceId.1=i-1&Tag.1.Key=env&Tag.1.Value=prod";
    expect(decideCall(ec2("CreateTags", tags), policy({ tags: { env: "dev" } }, "allow ec2:*"), account).verdict).toBe(
      "deny",
    );
  });

  test("asks about a change that names another account", () => {
    const QueueUrl = "https://sqs.eu-west-1.amazonaws.com/210987654321/jobs";
    const send = callOf(targetRequest("sqs", "AmazonSQS.SendMessage", { QueueUrl, MessageBody: "x" }));
    expect(decideCall(send, policy({}, "allow sqs:*"), account).verdict).toBe("ask");
    expect(decideCall(send, policy({}, "allow sqs:*"), "210987654321").verdict).toBe("allow");
  });

  test("a dry run changes nothing and denies as before", () => {
    const trying = policy({ dryRun: true }, "allow ec2:StopInstances");
    expect(decideCall(ec2("StopInstances"), trying, account).verdict).toBe("would-have");
    expect(decideCall(ec2("DescribeInstances"), trying, account).verdict).toBe("allow");
    expect(decideCall(ec2("TerminateInstances"), trying, account).verdict).toBe("deny");
    expect(verdict(ec2("TerminateInstances", "&DryRun=true"))).toBe("allow");
    expect(verdict(ec2("TerminateInstances", "&DryRun=true"), "deny ec2:Terminate*")).toBe("deny");
  });

  test("no rule makes a denied call run", () => {
    const calls = [ec2("TerminateInstances"), ec2("StopInstances"), secret, s3("GET", "/photos/a"), iam("CreateUser")];
    const patterns = fc.constantFrom(
      "*",
      "ec2:*",
      "ec2:StopInstances",
      "ec2:TerminateInstances",
      "iam:CreateUser",
      "s3:Get*",
    );
    const rules = fc.array(fc.tuple(fc.constantFrom("allow", "ask"), patterns).map((each) => each.join(" ")));
    fc.assert(
      fc.property(fc.constantFrom(...calls), rules, (call, each) => {
        expect(verdict(call, ...each, `deny ${call.actions[0]}`)).toBe("deny");
      }),
    );
  });
});

describe("the catalogue", () => {
  const operations = table.services.flatMap((service) => [...table.details(service).operations.values()]);

  test("denies no plain read", () => {
    const wrong = operations.filter(
      ({ level, actions }) =>
        (level === "list" || level === "read") &&
        actions.some((each) => (dangerOf(each)?.kind ?? "credentials") !== "credentials"),
    );
    expect(wrong.map(({ actions }) => actions[0])).toEqual([]);
  });

  test("has no pattern that fits nothing, and all in good form", () => {
    const actions = [...new Set(operations.flatMap((each) => each.actions))];
    const patterns = dangers.flatMap((each) => each.patterns);
    expect(patterns.filter((pattern) => !isActionPattern(pattern.replace(/^\*:/, "any:")))).toEqual([]);
    const idle = patterns.filter((pattern) => !actions.some((action) => matchesAction(pattern, action)));
    expect(idle.length / patterns.length).toBeLessThan(0.15);
  });
});

describe("patterns", () => {
  test("fit as in IAM", () => {
    expect(matchesAction("ec2:Describe*", "ec2:describeinstances")).toBe(true);
    expect(matchesAction("ec2:*Instances", "ec2:StopInstances")).toBe(true);
    expect(matchesAction("ec2:*Instance", "ec2:StopInstances")).toBe(false);
    expect(matchesAction("ec2:Stop?nstances", "ec2:StopInstances")).toBe(true);
    expect(matchesAction("*", "s3:GetObject")).toBe(true);
    expect(matchesAction("s3:Get", "s3:GetObject")).toBe(false);
  });

  test("agree with a regular expression", () => {
    const text = fc.stringMatching(/^[ab:*?]{0,8}$/);
    const given = fc.stringMatching(/^[ab:]{0,8}$/);
    fc.assert(
      fc.property(text, given, (pattern, action) => {
        const expression = pattern.replaceAll("*", ".*").replaceAll("?", ".");
        expect(matchesAction(pattern, action)).toBe(new RegExp(`^${expression}$`).test(action));
      }),
    );
  });

  test("name something or not", () => {
    expect(["ec2:Terminate*", "s3:DeleteBucket"].every(namesActions)).toBe(true);
    expect(["*", "ec2:*", "*:Terminate*", "ec2:De*", "ec2:?erminate*"].some(namesActions)).toBe(false);
  });
});
