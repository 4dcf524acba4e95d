import { describe, expect, test } from "vitest";
import { denialAnswer } from "../../../src/aws/answer.js";
import { identify } from "../../../src/aws/identify.js";
import { loadTable } from "../../../src/aws/table.js";
import { describeCall } from "../../../src/aws/words.js";
import type { AwsProtocol, AwsRequest } from "../../../src/model/aws.js";
import { awsPackageRoot, awsRequest, formRequest, targetRequest } from "../../support/aws-requests.js";

const table = await loadTable(awsPackageRoot);
const denied = { kind: "denied", message: "no <b>: a rule\n& \u202e", requestId: "r-1" } as const;

const bodyOf = (protocol: AwsProtocol, service: string | null = null, method = "POST"): string =>
  Buffer.from(denialAnswer({ protocol, service, method }, denied).body).toString();

describe("denialAnswer", () => {
  test("writes what each kind of client reads", () => {
    expect(bodyOf("ec2")).toContain("<Code>UnauthorizedOperation</Code>");
    expect(bodyOf("query")).toContain("<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>");
    expect(bodyOf("rest-xml", "s3")).toMatch(/<Error><Code>AccessDenied<\/Code>/);
    expect(bodyOf("rest-xml", "cloudfront")).toContain("<ErrorResponse>");
    expect(JSON.parse(bodyOf("json-1.0"))).toMatchObject({ __type: "com.amazon.coral.service#AccessDeniedException" });
    expect(denialAnswer({ protocol: "rest-json", service: "lambda", method: "POST" }, denied).headers).toMatchObject({
      "x-amzn-errortype": "AccessDeniedException",
    });
  });

  test("lets no text of a request through as markup or as a control character", () => {
    expect(bodyOf("ec2")).toContain("no &lt;b&gt;: a rule\\n&amp; \\u{202e}");
  });

  test("says nothing in the body of an answer to HEAD", () => {
    expect(bodyOf("rest-xml", "s3", "HEAD")).toBe("");
  });

  test("answers a dry run of EC2 with EC2's own", () => {
    const asker = { protocol: "ec2", service: "ec2", method: "POST" } as const;
    const { status, body } = denialAnswer(asker, { ...denied, kind: "would-have" });
    expect(status).toBe(412);
    expect(Buffer.from(body).toString()).toContain("DryRunOperation");
  });

  test("writes CBOR of any length", () => {
    const asker = { protocol: "rpc-v2-cbor", service: "cloudwatch", method: "POST" } as const;
    const { body, headers } = denialAnswer(asker, { ...denied, message: "x".repeat(300) });
    expect(headers["smithy-protocol"]).toBe("rpc-v2-cbor");
    const bytes = Buffer.from(body);
    expect(bytes[0]).toBe(0xa2);
    expect(bytes.subarray(-305, -300)).toEqual(Buffer.from([0x7a, 0, 0, 1, 44]));
  });
});

describe("describeCall", () => {
  const words = (request: AwsRequest): string => {
    const result = identify(table, request);
    return describeCall(result.known ? result.call : expect.fail(result.reason));
  };
  const ec2 = (text: string): string => words(formRequest("ec2", `Version=2016-11-15&${text}`));

  test("says what would happen to what, and where", () => {
    expect(ec2("Action=TerminateInstances&InstanceId.1=i-1&InstanceId.2=i-2&InstanceId.3=i-3")).toBe(
      "terminate 3 instances i-1, i-2, i-3, in eu-west-1",
    );
    expect(ec2("Action=StopInstances&InstanceId.1=i-1")).toBe("stop instance i-1, in eu-west-1");
    expect(ec2("Action=CreateTags&ResourceId.1=i-1&Tag.1.Key=env&Tag.1.Value=prod")).toBe(
      "create tags on i-1, tags env=prod, in eu-west-1",
    );
    expect(words(targetRequest("dynamodb", "DynamoDB_20120810.DeleteTable", { TableName: "orders" }))).toBe(
      "delete table orders, in eu-west-1",
    );
    expect(
      words(formRequest("iam", "Action=DeleteUser&Version=2010-05-08&UserName=eve", { region: "us-east-1" })),
    ).toBe("delete user eve");
    const headers = { "x-amz-acl": "public-read" };
    expect(words(awsRequest({ service: "s3", method: "PUT", url: "/photos/a%20b", headers }))).toBe(
      "put object photos/a b, giving others access to it, in eu-west-1",
    );
  });

  test("names what a body lists, also in XML and CBOR", () => {
    const body = "<Delete><Object><Key>a&amp;b</Key></Object><Object><Key>c</Key></Object></Delete>";
    expect(words(awsRequest({ service: "s3", url: "/photos?delete", body }))).toBe(
      "delete 2 objects photos/a&b, photos/c, in eu-west-1",
    );
    const headers = { "smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor" };
    const url = "/service/GraniteServiceVersion20100801/operation/DeleteAlarms";
    // {"AlarmNames": ["cpu", "disk"]}, the map and the list without a length
    const alarms = "\xbf\x6aAlarmNames\x9f\x63cpu\x64disk\xff\xff";
    expect(words(awsRequest({ service: "monitoring", url, headers, body: alarms }))).toBe(
      "delete 2 alarms cpu, disk, in eu-west-1",
    );
  });

  test("stays one safe line, however much is named and however it is called", () => {
    const many = Array.from({ length: 40 }, (_, index) => `&InstanceId.${index}=i-${index}`).join("");
    expect(ec2(`Action=StopInstances${many}`)).toMatch(/^stop 40 instances i-0, .* and 35 more, in eu-west-1$/);
    expect(ec2("Action=StopInstances&InstanceId.1=%1b%5b2J%0a")).toBe("stop instance \\x1b[2J\\n, in eu-west-1");
  });
});
