import { describe, expect, test } from "vitest";
import { cleanup } from "../../../src/aws/cleanup.js";
import { suggestPolicy } from "../../../src/aws/suggest.js";
import type { AwsLedgerCall } from "../../../src/model/aws.js";

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
