import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AwsLab, type ClientAnswer } from "../support/aws/aws-lab.js";
import { startDynalite } from "../support/aws/clients.js";
import { type AwsStub, startAwsStub } from "../support/aws/stub.js";

let lab: AwsLab;
let stub: AwsStub;
let dynalite: Awaited<ReturnType<typeof startDynalite>>;
let session: string;

beforeAll(async () => {
  dynalite = await startDynalite();
  [lab, stub] = [new AwsLab(), await startAwsStub({ dynamodb: dynalite.port, eventMs: 150 })];
  stub.buckets.set("photos", new Map([["a b/ü+(1)*.txt", Buffer.from("miau")]]));
  const rules = { intercept: true, allow: ["sqs:SendMessage", "s3:PutObject", "bedrock:InvokeModel*"] };
  await lab.use({ url: stub.url, ...stub.user }, { role: "reader", ...rules }, { network: { presets: ["debian"] } });
  session = await lab.start("--user", "root");
}, 300_000);

afterAll(async () => {
  await lab?.[Symbol.asyncDispose]();
  await stub?.[Symbol.asyncDispose]();
  await dynalite?.[Symbol.asyncDispose]();
});

const wasCalled = (operation: string): boolean => stub.seen.some((each) => each.operation === operation);

describe("AWS's SDK for JavaScript, unchanged", () => {
  it.each([
    ["sts", "GetCallerIdentity", {}, { Account: "123456789012" }],
    ["ec2", "DescribeInstances", {}, { Reservations: [expect.anything()] }],
    ["lambda", "GetFunction", { FunctionName: "resize" }, { Configuration: expect.anything() }],
    ["cloudwatch", "ListMetrics", {}, { Metrics: [expect.anything()] }],
    ["iam", "ListUsers", {}, { Users: [expect.anything()] }],
    ["sqs", "ListQueues", {}, { QueueUrls: [expect.stringContaining("/jobs")] }],
    ["s3", "ListObjectsV2", { Bucket: "photos" }, { KeyCount: 1 }],
    ["s3", "GetObject", { Bucket: "photos", Key: "a b/ü+(1)*.txt" }, { Body: "miau" }],
    ["dynamodb", "ListTables", {}, { TableNames: [] }],
  ])("reads with %s %s", async (service, operation, input, shape) => {
    expect(await lab.call(session, service, operation, input)).toMatchObject({ value: shape, error: null });
  });

  it.each([
    ["ec2", "TerminateInstances", { InstanceIds: ["i-00000000000000a0d"] }, "UnauthorizedOperation"],
    [
      "lambda",
      "AddPermission",
      { FunctionName: "resize", StatementId: "s", Action: "lambda:InvokeFunction", Principal: "*" },
      "AccessDeniedException",
    ],
    ["iam", "PutRolePolicy", { RoleName: "r", PolicyName: "p", PolicyDocument: "{}" }, "AccessDenied"],
    ["dynamodb", "DeleteTable", { TableName: "orders" }, "AccessDeniedException"],
    ["s3", "DeleteBucket", { Bucket: "photos" }, "AccessDenied"],
  ])("is denied %s %s in its own error, and AWS hears nothing of it", async (service, operation, input, name) => {
    const { error } = await lab.call(session, service, operation, input);
    expect(error).toMatchObject({ name, message: expect.stringContaining("Airlock") });
    expect(wasCalled(operation)).toBe(false);
  });

  it("writes what was allowed by name, byte for byte", async () => {
    const queue = `http://127.0.0.1/123456789012/jobs`;
    // Otherwise this client goes to the host in the queue's URL, whatever endpoint it was given.
    const own = { useQueueUrlAsEndpoint: false };
    const sent = await lab.call(session, "sqs", "SendMessage", { QueueUrl: queue, MessageBody: "resize cat" }, own);
    expect(sent).toMatchObject({ value: { MessageId: "m-1" } });
    const put = await lab.call(session, "s3", "PutObject", { Bucket: "photos", Key: "dog", Body: "x".repeat(100_000) });
    expect(put.error).toBeNull();
    expect(stub.buckets.get("photos")?.get("dog")?.toString()).toBe("x".repeat(100_000));
  });

  it("gets the events of a stream one by one", async () => {
    const input = { modelId: "some.model-v1:0", messages: [{ role: "user", content: [{ text: "count" }] }] };
    const { value } = await lab.call(session, "bedrock-runtime", "ConverseStream", input);
    const events = value?.["events"] as { at: number; contentBlockDelta?: { delta: { text: string } } }[];
    expect(events.map((each) => each.contentBlockDelta?.delta.text ?? "").join("")).toBe("one two three");
    expect((events.at(-1)?.at ?? 0) - (events[0]?.at ?? 0)).toBeGreaterThan(250);
  });
});

describe("clients that do not know the variable that names the gateway", () => {
  const call = async (service: string, operation: string, input: unknown = {}): Promise<ClientAnswer> => {
    const { stdout, stderr } = await lab.exec(
      session,
      `unset AWS_ENDPOINT_URL; ${lab.clientCommand(service, operation, input)}`,
    );
    expect(stdout.toString(), stderr).not.toBe("");
    return JSON.parse(stdout.toString()) as ClientAnswer;
  };

  it.each([
    ["sts", "GetCallerIdentity", {}, { Account: "123456789012" }],
    ["ec2", "DescribeInstances", {}, { Reservations: [expect.anything()] }],
    ["s3", "GetObject", { Bucket: "photos", Key: "a b/ü+(1)*.txt" }, { Body: "miau" }],
    ["iam", "ListUsers", {}, { Users: [expect.anything()] }],
  ])("reach it at AWS's own host: %s %s", async (service, operation, input, shape) => {
    expect(await call(service, operation, input)).toMatchObject({ value: shape, error: null });
  });

  it("write what was allowed, to the host of a bucket and of a queue", async () => {
    const put = await call("s3", "PutObject", { Bucket: "photos", Key: "bird", Body: "y".repeat(100_000) });
    expect(put.error).toBeNull();
    expect(stub.buckets.get("photos")?.get("bird")?.toString()).toBe("y".repeat(100_000));
    const queue = "https://sqs.eu-central-1.amazonaws.com/123456789012/jobs";
    // This client goes to the queue's own host, whatever endpoint it was given.
    const sent = await lab.call(session, "sqs", "SendMessage", { QueueUrl: queue, MessageBody: "resize cat" });
    expect(sent).toMatchObject({ value: { MessageId: "m-1" }, error: null });
  });

  it("are denied in their own error, and get events over HTTP/2", async () => {
    const { error } = await call("ec2", "TerminateInstances", { InstanceIds: ["i-00000000000000a0d"] });
    expect(error).toMatchObject({ name: "UnauthorizedOperation", message: expect.stringContaining("Airlock") });
    const input = { modelId: "some.model-v1:0", messages: [{ role: "user", content: [{ text: "count" }] }] };
    const { value } = await call("bedrock-runtime", "ConverseStream", input);
    const events = value?.["events"] as { contentBlockDelta?: { delta: { text: string } } }[];
    expect(events.map((each) => each.contentBlockDelta?.delta.text ?? "").join("")).toBe("one two three");
  });
});

it("a client that knows no container's endpoint gets its keys from a process", async () => {
  lab.write("aws-config", "[default]\ncredential_process = /airlock/hatch credentials\n");
  const without = "unset AWS_CONTAINER_CREDENTIALS_FULL_URI; export AWS_CONFIG_FILE=$PWD/aws-config";
  const { stdout, stderr } = await lab.exec(session, `${without}; ${lab.clientCommand("sts", "GetCallerIdentity")}`);
  expect(stdout.toString(), stderr).toContain("123456789012");
  const refused = await lab.exec(session, "AWS_CONTAINER_AUTHORIZATION_TOKEN=other /airlock/hatch credentials");
  expect([refused.code, refused.stdout.toString(), refused.stderr]).toEqual([
    1,
    "",
    expect.stringContaining("no credentials"),
  ]);
});

describe("Debian's aws and boto3, installed inside", () => {
  beforeAll(async () => {
    const packages = "awscli python3-boto3";
    const install = `apt-get update >/dev/null 2>&1; DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${packages} >/tmp/apt.log 2>&1 || tail -3 /tmp/apt.log`;
    const { stdout } = await lab.exec(session, install);
    expect(stdout.toString()).toBe("");
  }, 300_000);

  // Older than the variable that names the endpoint.
  const aws = (words: string) => lab.exec(session, `aws --endpoint-url "$AWS_ENDPOINT_URL" --output json ${words}`);

  it.each([
    ["sts get-caller-identity", "123456789012"],
    ["ec2 describe-instances", "i-00000000000000a0d"],
    ["lambda list-functions", "resize"],
    ["cloudwatch list-metrics", "CPUUtilization"],
    ["iam list-users", "alice"],
    ["sqs list-queues", "/jobs"],
    ["s3api list-objects-v2 --bucket photos", "dog"],
    ["s3 cp s3://photos/dog -", "xxxx"],
    ["dynamodb list-tables", "TableNames"],
  ])("aws %s", async (words, answer) => {
    const { code, stdout, stderr } = await aws(words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.toString()).toContain(answer);
  });

  it("aws ec2 terminate-instances is denied in words that it prints", async () => {
    const { code, stderr } = await aws("ec2 terminate-instances --instance-ids i-00000000000000a0d");
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/UnauthorizedOperation.*TerminateInstances.*Airlock/s);
    expect(wasCalled("TerminateInstances")).toBe(false);
  });

  it("the aws tool runs it, through the same gateway", async () => {
    const tool = async (service_name: string, operation_name: string, parameters: object) => {
      const wish = { service_name, operation_name, parameters, region: "eu-central-1", label: "a test" };
      return await lab.json(["tool", "aws", "--session", session, "--json", JSON.stringify(wish)]);
    };
    const described = { exit_status: "0", stdout: expect.stringContaining("i-00000000000000a0d") };
    expect(await tool("ec2", "describe-instances", {})).toMatchObject(described);
    expect(await tool("ec2", "terminate-instances", { "instance-ids": ["i-00000000000000a0d"] })).toMatchObject({
      exit_status: "254",
      stderr: expect.stringMatching(/UnauthorizedOperation.*TerminateInstances.*Airlock/s),
    });
    expect(wasCalled("TerminateInstances")).toBe(false);
    // Asked once, by the gateway, which knows the call itself.
    expect(await lab.airlock(["tools", "untrust", "aws", "--session", session])).toMatchObject({ code: 0 });
    const asked = tool("ec2", "describe-instances", {});
    expect(await lab.answer("--yes")).toMatch(/ec2:DescribeInstances/i);
    expect(await asked).toMatchObject(described);
    expect(await lab.airlock(["tools", "trust", "aws", "--session", session])).toMatchObject({ code: 0 });
  });

  it("both reach the gateway at AWS's own hosts, without a word about it", async () => {
    const { stdout, stderr } = await lab.exec(session, "unset AWS_ENDPOINT_URL; aws s3 cp s3://photos/dog - | wc -c");
    expect([stdout.toString().trim(), stderr]).toEqual(["100000", ""]);
    lab.write("door.py", botoScript.replace('endpoint_url=os.environ["AWS_ENDPOINT_URL"], ', ""));
    const boto = await lab.exec(session, "unset AWS_ENDPOINT_URL; python3 door.py");
    expect(boto.stdout.toString(), boto.stderr).toBe("123456789012\nresize\nUnauthorizedOperation 403\n");
  });

  it("boto3 reads, and sees a denial as its own ClientError", async () => {
    lab.write("try.py", botoScript);
    const { stdout, stderr } = await lab.exec(session, "python3 try.py");
    expect(stdout.toString(), stderr).toBe("123456789012\nresize\nUnauthorizedOperation 403\n");
  });
});

const botoScript = `
import os, boto3
from botocore.exceptions import ClientError
make = lambda name: boto3.client(name, endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="eu-central-1")
print(make("sts").get_caller_identity()["Account"])
print(make("lambda").list_functions()["Functions"][0]["FunctionName"])
try:
    make("ec2").terminate_instances(InstanceIds=["i-1"])
except ClientError as error:
    print(error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
`;
