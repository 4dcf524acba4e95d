import { describe, expect, test } from "vitest";
import { resourceNames } from "../../../src/aws/arns.js";
import { effectsOf } from "../../../src/aws/effects.js";
import { identify } from "../../../src/aws/identify.js";
import { loadTable } from "../../../src/aws/table.js";
import type { AwsCall, AwsRequest } from "../../../src/model/aws.js";
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
