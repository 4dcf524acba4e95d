import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { credentialsPath } from "../../src/gateway/container-credentials.js";
import {
  callRaw,
  clientsFor,
  type GatewayLab,
  labToken,
  placeholder,
  sendRaw,
  startGatewayLab,
} from "../support/aws/gateway-lab.js";

let lab: GatewayLab;
let call: Awaited<ReturnType<typeof clientsFor>>;

beforeAll(async () => {
  const decide = (name: string) => (name === "ec2:TerminateInstances" ? "deny" : undefined);
  lab = await startGatewayLab({ eventMs: 40, decide });
  call = await clientsFor(lab.url);
});

afterAll(async () => await lab[Symbol.asyncDispose]());

test.each([
  ["sts", "GetCallerIdentity", {}, { Account: "123456789012" }],
  ["ec2", "DescribeInstances", {}, { Reservations: expect.anything() }],
  ["lambda", "GetFunction", { FunctionName: "resize" }, { Configuration: expect.anything() }],
  ["cloudwatch", "ListMetrics", {}, { Metrics: expect.anything() }],
  ["iam", "ListUsers", {}, { Users: expect.anything() }],
  ["sqs", "ListQueues", {}, { QueueUrls: [expect.stringContaining("/jobs")] }],
  ["s3", "CreateBucket", { Bucket: "photos" }, {}],
  ["s3", "PutObject", { Bucket: "photos", Key: "a b/ü+(1)*'.txt", Body: "hello" }, { ETag: expect.any(String) }],
  ["s3", "PutObject", { Bucket: "photos", Key: "two//slashes", Body: Buffer.alloc(2_000_000, "a") }, {}],
  ["s3", "HeadObject", { Bucket: "photos", Key: "two//slashes" }, { ContentLength: 2_000_000 }],
  ["s3", "ListObjectsV2", { Bucket: "photos", Prefix: "a b/ü+" }, { KeyCount: 1 }],
  ["bedrock-runtime", "Converse", { modelId: "some.model-v1:0", messages: [] }, { stopReason: "end_turn" }],
])("%s %s of AWS's own client goes through the gateway, signed anew", async (service, operation, input, shape) => {
  expect(await call(service, operation, input)).toMatchObject(shape);
  expect(lab.stub.seen.at(-1)).toMatchObject({ accessKeyId: lab.stub.user.accessKeyId });
  expect(lab.finished.at(-1)).toMatchObject({ call: { operation }, error: null });
});

test("what is put into S3 and got from it is the same to the byte", async () => {
  const body = Buffer.alloc(3_000_000, "0123456789");
  await call("s3", "CreateBucket", { Bucket: "bytes" });
  await call("s3", "PutObject", { Bucket: "bytes", Key: "k", Body: body });
  expect(lab.stub.buckets.get("bytes")?.get("k")?.equals(body)).toBe(true);
  const { Body } = (await call("s3", "GetObject", { Bucket: "bytes", Key: "k" })) as {
    Body: { transformToByteArray(): Promise<Uint8Array> };
  };
  expect(Buffer.from(await Body.transformToByteArray()).equals(body)).toBe(true);
});

test("events arrive one by one", async () => {
  const { stream } = await call("bedrock-runtime", "ConverseStream", { modelId: "m", messages: [] });
  const times: number[] = [];
  for await (const _ of stream as AsyncIterable<unknown>) times.push(performance.now());
  expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(70);
});

test("a denied call ends in the SDK's own error, with the policy's reason, and never reaches AWS", async () => {
  const before = lab.stub.seen.length;
  const denied = call("ec2", "TerminateInstances", { InstanceIds: ["i-00000000000000a0d"] });
  const message = expect.stringContaining("the test says so");
  await expect(denied).rejects.toMatchObject({ name: "UnauthorizedOperation", message });
  expect(lab.stub.seen).toHaveLength(before);
  expect(lab.decided.at(-1)).toMatchObject({ decision: "denied", call: { operation: "TerminateInstances" } });
});

test("an error of AWS comes back as it is, and its code is noted", async () => {
  const unknown = call("ec2", "StopInstances", { InstanceIds: ["i-none"] });
  await expect(unknown).rejects.toMatchObject({ name: "InvalidInstanceID.NotFound" });
  expect(lab.finished.at(-1)).toMatchObject({ status: 400, error: "InvalidInstanceID.NotFound" });
});

test("a call of which no record can be made is not made", async () => {
  await using silent = await startGatewayLab({ record: () => Promise.reject(new Error("the disk is full")) });
  const made = (await clientsFor(silent.url))("ec2", "StopInstances", { InstanceIds: ["i-00000000000000a0d"] });
  await expect(made).rejects.toMatchObject({ message: expect.stringContaining("the disk is full") });
  expect(silent.stub.seen).toEqual([]);
});

test("a redirect is handed to the client and not followed", async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(307, { location: `http://127.0.0.1:${(server.address() as AddressInfo).port}/elsewhere` });
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const upstream = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await using away = await startGatewayLab({ upstream });
  const answer = await callRaw(away.url, { body: "Action=DescribeInstances&Version=2016-11-15" });
  expect(answer.status).toBe(307);
  expect(asked).toEqual(["/"]);
  server.close();
});

describe("the credentials endpoint", () => {
  const get = (url: string, authorization: string) =>
    sendRaw(url, { method: "GET", path: credentialsPath }, { host: new URL(url).host, authorization });

  test("gives placeholders to who has the token", async () => {
    const { status, text } = await get(lab.url, labToken);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ AccessKeyId: placeholder.accessKeyId, Token: placeholder.sessionToken });
    expect(text).not.toContain(lab.stub.user.accessKeyId);
  });

  test("gives nothing to who has another one", async () => {
    expect(await get(lab.url, "another")).toMatchObject({ status: 401 });
    expect(await get(lab.url, "")).toMatchObject({ status: 401 });
  });

  test("gives the scoped keys in direct mode, in which nothing is forwarded", async () => {
    await using direct = await startGatewayLab({ mode: "direct" });
    const { text } = await get(direct.url, labToken);
    expect(JSON.parse(text)).toMatchObject({ AccessKeyId: lab.stub.user.accessKeyId });
    expect(await callRaw(direct.url, { body: "Action=DescribeInstances" })).toMatchObject({ status: 404 });
  });
});
