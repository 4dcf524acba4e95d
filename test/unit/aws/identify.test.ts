import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bodyWish, identify } from "../../../src/aws/identify.js";
import { loadTable } from "../../../src/aws/table.js";
import type { AwsCall, AwsRequest } from "../../../src/model/aws.js";
import { awsPackageRoot, awsRequest, formRequest, targetRequest } from "../../support/aws-requests.js";

const table = await loadTable(awsPackageRoot);

function known(request: AwsRequest): AwsCall {
  const result = identify(table, request);
  return result.known ? result.call : expect.fail(result.reason);
}

function refused(request: AwsRequest): string {
  const result = identify(table, request);
  return result.known ? expect.fail(`taken for ${result.call.operation}`) : result.reason;
}

const stop = "Action=StopInstances&Version=2016-11-15&InstanceId.1=i-0a1";
const s3 = (method: string, url: string, rest = {}): AwsRequest => awsRequest({ service: "s3", method, url, ...rest });

describe("identify", () => {
  test("reads an EC2 call with what it names", () => {
    const call = known(formRequest("ec2", `${stop}&InstanceId.2=i-0b2`));
    expect(call).toMatchObject({
      service: "ec2",
      operation: "StopInstances",
      actions: ["ec2:StopInstances"],
      level: "write",
      protocol: "ec2",
      region: "eu-west-1",
    });
    expect(call.resources).toEqual([
      { kind: "InstanceId", value: "i-0a1" },
      { kind: "InstanceId", value: "i-0b2" },
    ]);
  });

  test("reads a JSON call, its table and its tags", () => {
    const call = known(
      targetRequest("dynamodb", "DynamoDB_20120810.CreateTable", {
        TableName: "orders",
        Tags: [{ Key: "env", Value: "dev" }],
      }),
    );
    expect(call).toMatchObject({ actions: ["dynamodb:CreateTable"], protocol: "json-1.0", tags: { env: "dev" } });
    expect(call.resources).toEqual([{ kind: "TableName", value: "orders" }]);
  });

  test("reads a CBOR call from its path", () => {
    const headers = { "smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor" };
    const url = "/service/GraniteServiceVersion20100801/operation/PutMetricData";
    const call = known(awsRequest({ service: "monitoring", url, headers }));
    expect(call).toMatchObject({ actions: ["cloudwatch:PutMetricData"], protocol: "rpc-v2-cbor", level: "write" });
  });

  test("tells the operations of S3 by method, path and query", () => {
    expect(known(s3("GET", "/")).operation).toBe("ListBuckets");
    expect(known(s3("GET", "/photos")).operation).toBe("ListObjects");
    expect(known(s3("GET", "/photos?list-type=2&prefix=a")).actions).toEqual(["s3:ListBucket"]);
    expect(known(s3("GET", "/photos/a//b.png?versionId=1")).actions).toEqual(["s3:GetObject", "s3:GetObjectVersion"]);
    expect(known(s3("PUT", "/photos/a%20b.png?x-id=PutObject")).resources).toEqual([
      { kind: "Bucket", value: "photos" },
      { kind: "Key", value: "a b.png" },
    ]);
    expect(known(s3("PUT", "/photos/a?partNumber=1&uploadId=u")).operation).toBe("UploadPart");
    expect(known(s3("DELETE", "/photos/a?uploadId=u")).operation).toBe("AbortMultipartUpload");
    expect(known(s3("PUT", "/photos?policy")).level).toBe("permissions");
    expect(known(s3("PUT", "/photos/b", { headers: { "x-amz-copy-source": "other/a" } })).operation).toBe("CopyObject");
  });

  test("finds the bucket in the host", () => {
    const call = known(s3("GET", "/a/b.png", { host: "photos.s3.eu-west-1.amazonaws.com" }));
    expect(call).toMatchObject({ operation: "GetObject", hostPrefix: "photos." });
    expect(call.resources[0]).toEqual({ kind: "Bucket", value: "photos" });
  });

  test("sees what a request for S3 does beside its operation", () => {
    const acl = known(s3("PUT", "/photos/a", { headers: { "x-amz-acl": "public-read" } }));
    expect(acl).toMatchObject({ level: "permissions", actions: ["s3:PutObject", "s3:PutObjectAcl"] });
    expect(known(s3("PUT", "/photos/a?x-amz-acl=public-read")).level).toBe("permissions");
    expect(known(s3("PUT", "/photos/a", { headers: { "x-amz-grant-read": "uri=…" } })).level).toBe("permissions");
    expect(known(s3("DELETE", "/photos/a?versionId=1")).actions).toContain("s3:DeleteObjectVersion");
    const body = "<Delete><Object><Key>a</Key><VersionId>1</VersionId></Object></Delete>";
    expect(known(s3("POST", "/photos?delete", { body })).actions).toContain("s3:DeleteObjectVersion");
  });

  test("sees that a role is handed to a service", () => {
    const role = "arn:aws:iam::123456789012:role/admin";
    const url = "/2015-03-31/functions";
    const headers = { "content-type": "application/json" };
    const call = known(awsRequest({ service: "lambda", url, headers, body: JSON.stringify({ Role: role }) }));
    expect(call).toMatchObject({ operation: "CreateFunction", level: "permissions" });
    expect(call.actions).toEqual(["lambda:CreateFunction", "iam:PassRole"]);
    const run = known(formRequest("ec2", "Action=RunInstances&Version=2016-11-15&IamInstanceProfile.Name=admin"));
    expect(run.actions).toContain("iam:PassRole");
  });

  test("knows when a read hands out a secret, however that is written", () => {
    const get = (body: string): boolean =>
      known({ ...targetRequest("ssm", "AmazonSSM.GetParameter"), body: Buffer.from(body) }).secret;
    expect(get('{"Name":"a"}')).toBe(false);
    expect(get('{"Name":"a","WithDecryption":false}')).toBe(false);
    expect(get('{"Name":"a","WithDecryption":true}')).toBe(true);
    expect(get('{"Name":"a","WithDecryption":false,"WithDecryption":true}')).toBe(true);
    expect(get('{"Name":"a","With\\u0044ecryption":true}')).toBe(true);
    expect(known(targetRequest("secretsmanager", "secretsmanager.GetSecretValue")).secret).toBe(true);
  });

  test("takes EC2's dry run only as EC2 reads it", () => {
    expect(known(formRequest("ec2", `${stop}&DryRun=true`)).dryRun).toBe(true);
    expect(known(formRequest("ec2", `${stop}&DryRun=false`)).dryRun).toBe(false);
    expect(known(formRequest("ec2", `${stop}&DryRun=true&DryRun=false`)).dryRun).toBe(false);
    expect(known(formRequest("ec2", `${stop}&dryrun=true`)).dryRun).toBe(false);
  });

  test("calls an operation that it does not know unknown, not a read", () => {
    expect(known(formRequest("ec2", "Action=DescribeTheFuture&Version=2016-11-15"))).toMatchObject({
      level: "unknown",
      actions: ["ec2:DescribeTheFuture"],
    });
  });

  test("takes the strictest of what a request could be", () => {
    const call = known(
      awsRequest({ service: "bedrock", url: "/agents/a", headers: { "content-type": "application/json" } }),
    );
    expect(call.level).toBe("write");
    expect(call.alternatives).not.toEqual([]);
  });

  test("takes the forms of older clients of SQS, also at the path of the queue", () => {
    const list = known(formRequest("sqs", "Action=ListQueues&Version=2012-11-05"));
    expect(list).toMatchObject({ operation: "ListQueues", protocol: "query", level: "read" });
    const send = "Action=SendMessage&Version=2012-11-05&MessageBody=x";
    const at = known(formRequest("sqs", send, { url: "/210987654321/jobs" }));
    expect(at).toMatchObject({ actions: ["sqs:SendMessage"], accounts: ["210987654321"] });
    const other = `${send}&QueueUrl=https%3A%2F%2Fsqs.eu-west-1.amazonaws.com%2F210987654321%2Fothers`;
    expect(refused(formRequest("sqs", other, { url: "/210987654321/jobs" }))).toMatch(/path/);
    expect(refused(formRequest("sqs", send, { url: "/210987654321/jobs/more" }))).toMatch(/path/);
  });

  test("says which account a request is for", () => {
    const url = "https://sqs.eu-west-1.amazonaws.com/210987654321/jobs";
    expect(known(targetRequest("sqs", "AmazonSQS.SendMessage", { QueueUrl: url })).accounts).toEqual(["210987654321"]);
  });
});

describe("what two readers could understand differently is refused", () => {
  const json = { "content-type": "application/x-amz-json-1.1" };
  const cases: readonly (readonly [string, AwsRequest])[] = [
    ["Action in query and body", formRequest("ec2", stop, { url: "/?Action=DescribeInstances" })],
    ["a doubled Action", formRequest("ec2", `${stop}&Action=DescribeInstances`)],
    ["an Action in another case", formRequest("ec2", "action=StopInstances&Version=2016-11-15")],
    ["an Action in two cases", formRequest("ec2", `${stop}&ACTION=DescribeInstances`)],
    ["an Action hidden behind a semicolon", formRequest("ec2", "Action=DescribeInstances;Action=StopInstances")],
    ["a percent-encoded second Action", formRequest("ec2", `${stop}&%41ction=DescribeInstances`)],
    ["an Action that is no name", formRequest("ec2", "Action=Stop%00Instances")],
    ["a doubled Version", formRequest("ec2", `${stop}&Version=2010-01-01`)],
    ["a form that says it is JSON", formRequest("ec2", stop, { headers: json })],
    [
      "a compressed form",
      formRequest("ec2", stop, {
        headers: { "content-type": "application/x-www-form-urlencoded", "content-encoding": "gzip" },
      }),
    ],
    ["a form that was not read", formRequest("ec2", "", { body: null })],
    ["a form with a path", formRequest("ec2", stop, { url: "/x" })],
    [
      "a target beside an Action",
      formRequest("sqs", "Action=SendMessage", {
        headers: { "content-type": "application/x-www-form-urlencoded", "x-amz-target": "AmazonSQS.ReceiveMessage" },
      }),
    ],
    [
      "a target of another service than the signature's",
      targetRequest("dynamodb", "AWSSecurityTokenService.AssumeRole"),
    ],
    ["a target with a path", { ...targetRequest("dynamodb", "DynamoDB_20120810.GetItem"), path: "/x" }],
    [
      "a target with a query",
      { ...targetRequest("dynamodb", "DynamoDB_20120810.GetItem"), query: "Action=DeleteTable" },
    ],
    [
      "a CBOR path beside a target",
      awsRequest({
        service: "monitoring",
        url: "/service/GraniteServiceVersion20100801/operation/ListMetrics",
        headers: { "smithy-protocol": "rpc-v2-cbor", "x-amz-target": "GraniteServiceVersion20100801.DeleteAlarms" },
      }),
    ],
    [
      "a CBOR path of another service",
      awsRequest({
        service: "monitoring",
        url: "/service/Other/operation/ListMetrics",
        headers: { "smithy-protocol": "rpc-v2-cbor" },
      }),
    ],
    ["another method in a header", s3("GET", "/photos/a", { headers: { "x-http-method-override": "DELETE" } })],
    ["dots in a path", s3("GET", "/photos/../other/a")],
    ["encoded dots in a path", s3("GET", "/photos/%2e%2e/other/a")],
    ["dots behind an encoded slash", s3("GET", "/photos/a%2f..%2fb")],
    ["an empty bucket", s3("GET", "//photos/a")],
    ["a backslash", s3("GET", "/photos\\a")],
    ["broken encoding", s3("GET", "/photos/%ff")],
    ["two operations of S3 in one query", s3("PUT", "/photos/a?acl&tagging")],
    ["a parameter that S3 has not", s3("PUT", "/photos/a?newThing")],
    ["a parameter twice", s3("GET", "/photos?list-type=2&list-type=1")],
    ["an x-id of another operation", s3("DELETE", "/photos/a?x-id=GetObject")],
    ["a method in small letters", s3("get", "/photos/a")],
    ["the host of another service", s3("GET", "/photos/a", { host: "ec2.eu-west-1.amazonaws.com" })],
    ["a host that is not of AWS", s3("GET", "/photos/a", { host: "s3.eu-west-1.amazonaws.com.evil.example" })],
    ["the host of another region", s3("GET", "/a", { host: "photos.s3.us-east-1.amazonaws.com" })],
    ["a region that is a host", s3("GET", "/photos/a", { region: "evil.example/" })],
    ["SigV4A", s3("GET", "/photos/a", { region: "*" })],
    ["a service that does not exist", awsRequest({ service: "nonesuch", method: "GET" })],
    [
      "an account that is a host",
      awsRequest({
        service: "s3",
        method: "GET",
        url: "/v20180820/configuration/publicAccessBlock",
        headers: { "x-amz-account-id": "evil.example/" },
      }),
    ],
  ];

  test.each(cases)("%s", (_, request) => {
    expect(refused(request)).not.toBe("");
  });

  test("events that stream to AWS", () => {
    expect(refused(awsRequest({ service: "polly", url: "/v1/synthesisStream" }))).toMatch(/streams events/);
  });

  test("nothing that comes in makes it fail", () => {
    const text = fc.string({ unit: "binary", maxLength: 40 });
    const request = fc.record({
      method: fc.oneof(fc.constantFrom("GET", "PUT", "POST"), text),
      path: text.map((each) => `/${each}`),
      query: text,
      headers: fc.dictionary(fc.constantFrom("content-type", "x-amz-target", "x-amz-acl", "smithy-protocol"), text),
      body: fc.option(fc.uint8Array({ maxLength: 60 })),
      scope: fc.record({
        service: fc.constantFrom("s3", "ec2", "dynamodb", "rds", "monitoring"),
        region: fc.constant("eu-west-1"),
      }),
      host: fc.option(text),
    });
    fc.assert(
      fc.property(request, (each) => {
        const result = identify(table, each);
        if (!result.known) expect(result.reason).not.toBe("");
      }),
    );
  });
});

describe("bodyWish", () => {
  test("lets objects stream past, and wants to see what names the operation", () => {
    expect(bodyWish(table, s3("PUT", "/photos/a"))).toBe("none");
    expect(bodyWish(table, s3("POST", "/photos?delete"))).toBe("whole");
    expect(bodyWish(table, formRequest("ec2", ""))).toBe("whole");
    expect(bodyWish(table, targetRequest("dynamodb", "DynamoDB_20120810.GetItem"))).toBe("whole");
    expect(bodyWish(table, awsRequest({ service: "lambda", url: "/2015-03-31/functions/f/invocations" }))).toBe("none");
  });
});
