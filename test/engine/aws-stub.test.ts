import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fetchAwsClients, startDynalite } from "../support/aws/clients.js";
import { type AwsStub, startAwsStub } from "../support/aws/stub.js";

type Client = { send(command: unknown): Promise<Record<string, unknown>> };
type Sdk = Record<string, new (input: unknown) => Client>;

let stub: AwsStub;
let dynalite: Awaited<ReturnType<typeof startDynalite>>;
let load: NodeJS.Require;

beforeAll(async () => {
  load = createRequire(join(await fetchAwsClients(), "index.js"));
  dynalite = await startDynalite();
  stub = await startAwsStub({ dynamodb: dynalite.port, eventMs: 30 });
});

afterAll(async () => {
  await stub[Symbol.asyncDispose]();
  await dynalite[Symbol.asyncDispose]();
});

const clientNames: Readonly<Record<string, string>> = {
  "bedrock-runtime": "BedrockRuntimeClient",
  cloudwatch: "CloudWatchClient",
  dynamodb: "DynamoDBClient",
  ec2: "EC2Client",
  iam: "IAMClient",
  lambda: "LambdaClient",
  s3: "S3Client",
  sqs: "SQSClient",
  sts: "STSClient",
};

async function call(service: string, operation: string, input: unknown = {}, secret = stub.user.secretAccessKey) {
  const sdk = load(`@aws-sdk/client-${service}`) as Sdk;
  const make = <T>(name: string, value: unknown): T => {
    const Constructor = sdk[name];
    if (Constructor === undefined) throw new Error(`no ${name}`);
    return new Constructor(value) as T;
  };
  const client = make<Client>(clientNames[service] ?? "", {
    ...{ region: "eu-central-1", endpoint: stub.url, maxAttempts: 1 },
    credentials: { accessKeyId: stub.user.accessKeyId, secretAccessKey: secret },
  });
  return await client.send(make(`${operation}Command`, input));
}

test.each([
  ["sts", "GetCallerIdentity", {}, { Account: "123456789012" }],
  [
    "ec2",
    "RunInstances",
    { ImageId: "ami-1", MinCount: 1, MaxCount: 1, InstanceType: "t3.nano" },
    { OwnerId: "123456789012" },
  ],
  ["lambda", "GetFunction", { FunctionName: "resize" }, { Configuration: expect.anything() }],
  ["cloudwatch", "ListMetrics", {}, { Metrics: [expect.objectContaining({ Namespace: "AWS/EC2" })] }],
  ["iam", "ListUsers", {}, { Users: [expect.objectContaining({ UserName: "alice" })] }],
  ["sqs", "ListQueues", {}, { QueueUrls: [expect.stringContaining("/jobs")] }],
  ["sqs", "SendMessage", { QueueUrl: "http://x/123456789012/jobs", MessageBody: "hi" }, { MessageId: "m-1" }],
  ["s3", "CreateBucket", { Bucket: "photos" }, {}],
  ["s3", "PutObject", { Bucket: "photos", Key: "a b/ü+(1)*.txt", Body: "hello" }, { ETag: expect.any(String) }],
  ["s3", "ListObjectsV2", { Bucket: "photos" }, { KeyCount: 1 }],
  ["dynamodb", "ListTables", {}, { TableNames: [] }],
  ["bedrock-runtime", "Converse", { modelId: "some.model-v1:0", messages: [] }, { stopReason: "end_turn" }],
])(
  "the stub answers %s %s of AWS's own client, after it checked the signature",
  async (service, name, input, shape) => {
    expect(await call(service, name, input)).toMatchObject(shape);
  },
);

test.each([
  ["sts", "GetCallerIdentity", {}, "SignatureDoesNotMatch"],
  ["ec2", "DescribeInstances", {}, "SignatureDoesNotMatch"],
  ["lambda", "ListFunctions", {}, "SignatureDoesNotMatch"],
  ["cloudwatch", "ListMetrics", {}, "SignatureDoesNotMatch"],
  ["sqs", "ListQueues", {}, "SignatureDoesNotMatch"],
  ["s3", "ListBuckets", {}, "SignatureDoesNotMatch"],
  ["dynamodb", "ListTables", {}, "SignatureDoesNotMatch"],
])("a wrong secret is refused by %s in the SDK's own error", async (service, name, input, code) => {
  await expect(call(service, name, input, "wrong")).rejects.toMatchObject({ name: code });
});

test("what is put into S3 comes back, and an instance that is not there is an error of EC2", async () => {
  await call("s3", "CreateBucket", { Bucket: "back" });
  await call("s3", "PutObject", { Bucket: "back", Key: "k", Body: Buffer.alloc(100_000, "a") });
  expect(stub.buckets.get("back")?.get("k")?.equals(Buffer.alloc(100_000, "a"))).toBe(true);
  const unknown = call("ec2", "TerminateInstances", { InstanceIds: ["i-none"] });
  await expect(unknown).rejects.toMatchObject({ name: "InvalidInstanceID.NotFound" });
});

test("the events of a stream arrive one by one", async () => {
  const { stream } = await call("bedrock-runtime", "ConverseStream", { modelId: "m", messages: [] });
  const times: number[] = [];
  const words: string[] = [];
  for await (const event of stream as AsyncIterable<{ contentBlockDelta?: { delta: { text: string } } }>) {
    times.push(performance.now());
    words.push(event.contentBlockDelta?.delta.text ?? "");
  }
  expect(words.join("")).toBe("one two three");
  expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(50);
});
