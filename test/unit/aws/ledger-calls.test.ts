import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cleanup } from "../../../src/aws/cleanup.js";
import { suggestPolicy } from "../../../src/aws/suggest.js";
import type { AwsLedgerCall } from "../../../src/model/aws.js";

const call = (action: string, changes: Partial<AwsLedgerCall> = {}): AwsLedgerCall => {
  const [service = "", operation = ""] = action.split(":");
  return {
    ...{ call: 1, service, operation, actions: [action], level: "write", region: "eu-central-1" },
    ...{ account: "123456789012", resources: [], decision: "allowed", status: 200 },
    ...{ created: [], changed: [], deleted: [], ...changes },
  };
};

const commands = (...calls: AwsLedgerCall[]) => cleanup(calls).map(({ command }) => command);

// What IAM writes for a character that would be a pattern.
const variable = (character: string): string => `$\{${character}}`;

describe("the clean-up", () => {
  test("goes by the order of the calls, not by their numbers, which begin anew with each gateway", () => {
    const calls = [
      call("ec2:CreateVpc", { call: 7, created: ["vpc-1"] }),
      call("ec2:CreateSubnet", { call: 1, created: ["subnet-1"] }),
      call("ec2:CreateVolume", { call: 9, created: ["vol-1"] }),
      call("ec2:DeleteVolume", { call: 2, deleted: ["vol-1"] }),
      call("s3:DeleteBucket", { call: 8, deleted: ["photos"] }),
      call("s3:CreateBucket", { call: 3, created: ["photos"] }),
    ];
    expect(commands(...calls)).toEqual([
      "aws s3api delete-bucket --bucket photos --region eu-central-1",
      "aws ec2 delete-subnet --subnet-id subnet-1 --region eu-central-1",
      "aws ec2 delete-vpc --vpc-id vpc-1 --region eu-central-1",
    ]);
  });

  test("does not take the same name in another region for what was deleted", () => {
    const created = call("dynamodb:CreateTable", { created: ["orders"] });
    const deleted = call("dynamodb:DeleteTable", { deleted: ["orders"], region: "us-east-1" });
    expect(commands(created, deleted)).toHaveLength(1);
  });

  test.each(["--profile=prod", "-x", "file:///root/.ssh/id_rsa", "fileb://x", "FILE://x", "a\u001b[2J", "a\nb"])(
    "gives no command for the name %j",
    (name) => {
      expect(commands(call("lambda:CreateFunction", { created: [name] }))).toEqual([null]);
    },
  );

  test("is for a shell what it says: every name arrives as one word", () => {
    const name = fc.string({ minLength: 1, maxLength: 30, unit: "grapheme-ascii" });
    fc.assert(
      fc.property(name, (id) => {
        const [command] = commands(call("lambda:CreateFunction", { created: [id] }));
        if (typeof command !== "string") return;
        const script = `aws() { printf '%s\\0' "$@"; }; ${command}`;
        const words = execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
        expect(words).toEqual(["lambda", "delete-function", "--function-name", id, "--region", "eu-central-1"]);
      }),
      { numRuns: 60 },
    );
  });
});

test("the suggested policy does not take what an agent named for a pattern", () => {
  const resources = ["arn:aws:s3:::photos/*", "arn:aws:s3:::b/$?"];
  const { policy } = suggestPolicy([call("s3:GetObject", { resources })]);
  expect(policy.Statement[0]?.Resource).toEqual([
    `arn:aws:s3:::b/${variable("$")}${variable("?")}`,
    `arn:aws:s3:::photos/${variable("*")}`,
  ]);
});
