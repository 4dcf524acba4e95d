import { describe, expect, test } from "vitest";
import { resourceNames } from "../../../src/aws/arns.js";
import { cleanup } from "../../../src/aws/cleanup.js";
import { effectsOf } from "../../../src/aws/effects.js";
import { identify } from "../../../src/aws/identify.js";
import { suggestPolicy } from "../../../src/aws/suggest.js";
import { loadTable } from "../../../src/aws/table.js";
import type { AwsCall, AwsLedgerCall, AwsRequest } from "../../../src/model/aws.js";
import { awsPackageRoot, awsRequest, formRequest, targetRequest } from "../../support/aws-requests.js";

const table = await loadTable(awsPackageRoot);

function callOf(request: AwsRequest): AwsCall {
  const result = identify(table, request);
  return result.known ? result.call : expect.fail(result.reason);
}

const ec2 = (text: string): AwsCall => callOf(formRequest("ec2", `Version=2016-11-15&${text}`));
const s3 = (method: string, url: string, headers = {}): AwsCall =>
  callOf(awsRequest({ service: "s3", method, url, headers }));
const dynamodb = (operation: string, body: object): AwsCall =>
  callOf(targetRequest("dynamodb", `DynamoDB_20120810.${operation}`, body));

let next = 0;
const number = (): number => {
  next += 1;
  return next;
};
const ledger = (rest: Partial<AwsLedgerCall>): AwsLedgerCall => ({
  call: number(),
  service: "ec2",
  operation: "RunInstances",
  actions: ["ec2:RunInstances"],
  level: "write",
  region: "eu-west-1",
  account: "123456789012",
  resources: [],
  decision: "allowed",
  status: 200,
  created: [],
  changed: [],
  deleted: [],
  ...rest,
});

describe("effectsOf", () => {
  test("finds in the answer what was made", () => {
    const xml =
      "<RunInstancesResponse><requestId>r</requestId><reservationId>r-9</reservationId><instancesSet><item><instanceId>i-1</instanceId><imageId>ami-1</imageId></item><item><instanceId>i-2</instanceId></item></instancesSet></RunInstancesResponse>";
    expect(effectsOf(ec2("Action=RunInstances&ImageId=ami-1"), Buffer.from(xml)).created).toEqual(["i-1", "i-2"]);
    const json = JSON.stringify({
      TableDescription: { TableName: "orders", TableArn: "arn:aws:dynamodb:eu-west-1:123456789012:table/orders" },
    });
    expect(effectsOf(dynamodb("CreateTable", { TableName: "orders" }), Buffer.from(json)).created).toContain("orders");
  });

  test("falls back to what was named, where the answer is cut or not there", () => {
    expect(effectsOf(dynamodb("CreateTable", { TableName: "orders" }), Buffer.from('{"Table')).created).toEqual([
      "orders",
    ]);
    expect(effectsOf(s3("PUT", "/photos"), null).created).toEqual(["photos"]);
  });

  test("tells deleting, changing and reading apart", () => {
    expect(effectsOf(ec2("Action=TerminateInstances&InstanceId.1=i-1"), null).deleted).toEqual(["i-1"]);
    expect(effectsOf(ec2("Action=StopInstances&InstanceId.1=i-1"), null).changed).toEqual(["i-1"]);
    expect(effectsOf(s3("PUT", "/photos/a"), null)).toEqual({ created: [], changed: ["photos/a"], deleted: [] });
    expect(effectsOf(ec2("Action=DescribeInstances&InstanceId.1=i-1"), null).changed).toEqual([]);
    expect(effectsOf(ec2("Action=StopInstances&InstanceId.1=i-1&DryRun=true"), null).changed).toEqual([]);
  });
});

describe("resourceNames", () => {
  const account = "123456789012";

  test("makes ARNs where it can", () => {
    expect(resourceNames(table, ec2("Action=StopInstances&InstanceId.1=i-1"), account)).toEqual([
      "arn:aws:ec2:eu-west-1:123456789012:instance/i-1",
    ]);
    expect(resourceNames(table, dynamodb("GetItem", { TableName: "orders" }), account)).toEqual([
      "arn:aws:dynamodb:eu-west-1:123456789012:table/orders",
    ]);
    expect(resourceNames(table, s3("GET", "/photos/a/b"), null)).toEqual(["arn:aws:s3:::photos/a/b"]);
    const QueueUrl = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs";
    expect(resourceNames(table, callOf(targetRequest("sqs", "AmazonSQS.SendMessage", { QueueUrl })), account)).toEqual([
      "arn:aws:sqs:eu-west-1:123456789012:jobs",
    ]);
  });

  test("names both ends of a copy", () => {
    const copy = s3("PUT", "/photos/b", { "x-amz-copy-source": "/other/a%20a?versionId=1" });
    expect(resourceNames(table, copy, null)).toEqual(["arn:aws:s3:::photos/b", "arn:aws:s3:::other/a a"]);
  });

  test("keeps the plain name without an account", () => {
    expect(resourceNames(table, ec2("Action=StopInstances&InstanceId.1=i-1"), null)).toEqual(["i-1"]);
  });
});

describe("cleanup", () => {
  test("takes back what is still there, last first, and quotes it", () => {
    const steps = cleanup([
      ledger({ created: ["i-1", "i-2"] }),
      ledger({ service: "dynamodb", operation: "CreateTable", created: ["orders; rm -rf ~"] }),
      ledger({ operation: "TerminateInstances", deleted: ["i-1"] }),
      ledger({ created: ["i-9"], decision: "denied" }),
      ledger({ created: ["i-8"], status: 400 }),
      ledger({ created: [] }),
    ]);
    expect(steps.map(({ command }) => command)).toEqual([
      "aws dynamodb delete-table --table-name 'orders; rm -rf ~' --region eu-west-1",
      "aws ec2 terminate-instances --instance-ids i-2 --region eu-west-1",
    ]);
  });

  test("prints no command for what it does not know or cannot trust", () => {
    const steps = cleanup([
      ledger({ service: "glue", operation: "CreateJob", created: ["job"] }),
      ledger({ created: ["--region"] }),
      ledger({ created: ["i-\u001b[2J"] }),
    ]);
    expect(steps.map(({ command }) => command)).toEqual([null, null, null]);
    expect(steps[0]?.what).toBe("ec2:RunInstances i-\\x1b[2J");
  });
});

describe("suggestPolicy", () => {
  test("allows what went through, on what it was used on", () => {
    const { policy, config } = suggestPolicy([
      ledger({ actions: ["ec2:DescribeInstances"], level: "list", operation: "DescribeInstances" }),
      ledger({ actions: ["s3:GetObject"], level: "read", resources: ["arn:aws:s3:::photos/a"] }),
      ledger({ actions: ["s3:GetObject"], level: "read", resources: ["arn:aws:s3:::photos/b"] }),
      ledger({
        actions: ["lambda:CreateFunction", "iam:PassRole"],
        resources: ["arn:aws:lambda:eu-west-1:123456789012:function:f", "arn:aws:iam::123456789012:role/r"],
        decision: "asked-allowed",
      }),
      ledger({ actions: ["ec2:TerminateInstances"], decision: "denied" }),
      ledger({ actions: ["ec2:StopInstances"], status: 403 }),
    ]);
    expect(policy.Statement).toEqual([
      { Effect: "Allow", Action: ["ec2:DescribeInstances"], Resource: ["*"] },
      { Effect: "Allow", Action: ["iam:PassRole"], Resource: ["arn:aws:iam::123456789012:role/r"] },
      {
        Effect: "Allow",
        Action: ["lambda:CreateFunction"],
        Resource: ["arn:aws:lambda:eu-west-1:123456789012:function:f"],
      },
      { Effect: "Allow", Action: ["s3:GetObject"], Resource: ["arn:aws:s3:::photos/a", "arn:aws:s3:::photos/b"] },
    ]);
    expect(config.allow).toEqual(["ec2:DescribeInstances", "s3:GetObject"]);
    expect(config.ask).toEqual(["iam:PassRole", "lambda:CreateFunction"]);
  });
});
