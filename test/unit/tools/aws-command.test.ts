import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { awsCommand } from "../../../src/tools/aws-command.js";

type Call = Parameters<typeof awsCommand>[0];

const call = (parameters: Call["parameters"], rest: Partial<Call> = {}): Call => ({
  ...{ tool: "aws", service: "ec2", operation: "DescribeInstances", region: "eu-central-1" },
  ...rest,
  parameters,
});

// A shell of this machine runs the text, with a CLI in its place that says what it was given.
function argumentsOf(command: string, env: Record<string, string> = {}): string[] {
  const own = 'env() { shift; shift; printf "%s\\0" "$@"; }; exec() { "$@"; }; command() { return 0; };';
  const given = { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://127.0.0.1/", ...env };
  return execFileSync("bash", ["-c", `${own}\n${command}`], { env: given })
    .toString()
    .split("\0")
    .slice(0, -1);
}

describe("the aws tool", () => {
  it("writes a call as the AWS CLI has it", () => {
    const parameters = { InstanceIds: ["i-1"], "max-items": 3, dry_run: true, NoSuchFlag: false, DBName: "a b" };
    expect(argumentsOf(awsCommand(call(parameters)))).toEqual([
      ...["ec2", "describe-instances", "--region=eu-central-1", "--output=json"],
      ...['--instance-ids=["i-1"]', "--max-items=3", "--dry-run", "--no-no-such-flag", "--db-name=a b"],
    ]);
  });

  it("sends older CLIs to the gateway, too", () => {
    const given = argumentsOf(awsCommand(call({})), { AWS_ENDPOINT_URL: "http://127.0.0.1:3129" });
    expect(given.at(-1)).toBe("--endpoint-url=http://127.0.0.1:3129");
  });

  it("hands every value on as it is, whatever a shell would make of it", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !text.includes("\0")),
        (text) => {
          expect(argumentsOf(awsCommand(call({ name: text }))).at(-1)).toBe(`--name=${text}`);
        },
      ),
      { numRuns: 30 },
    );
  });

  it.each(["--endpoint-url", "a b", "a;b", "$(id)", "a'b", ""])("refuses %j as a name of anything", (name) => {
    for (const wrong of [{ service: name }, { operation: name }, { region: name }])
      expect(() => awsCommand(call({}, wrong))).toThrow(/no name of/);
    if (name !== "--endpoint-url") expect(() => awsCommand(call({ [name]: 1 }))).toThrow(/not a parameter/);
  });
});
