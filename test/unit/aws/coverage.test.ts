import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { identify } from "../../../src/aws/identify.js";
import { loadTable } from "../../../src/aws/table.js";
import type { AwsLevel, AwsRequest } from "../../../src/model/aws.js";
import { awsPackageRoot, awsRequest } from "../../support/aws-requests.js";

type Row = [string, string, string, string, string, string, Record<string, string>, string];

const fixture = new URL("../../fixtures/aws-requests.jsonl.gz", import.meta.url);
const rows = gunzipSync(readFileSync(fixture))
  .toString("utf8")
  .split("\n")
  .map((line) => JSON.parse(line) as Row);
const table = await loadTable(awsPackageRoot);
const reads = new Set<AwsLevel>(["list", "read"]);

describe("a request for every operation of every service, written by a real client", () => {
  const judged = rows.map(([service, operation, signing, , method, url, headers, body]) => ({
    service,
    operation,
    truth:
      table.details(table.service(service) ?? expect.fail(service)).operations.get(operation) ?? expect.fail(operation),
    result: identify(table, awsRequest({ service: signing, method, url: `/${url}`, headers, body })),
  }));

  test("is told exactly in at least 98.7 of 100 cases", () => {
    const exact = judged.filter(
      ({ service, operation, result }) =>
        result.known && result.call.service === service && result.call.operation === operation,
    );
    expect(rows.length).toBeGreaterThan(20_000);
    expect(exact.length / rows.length).toBeGreaterThanOrEqual(0.987);
  });

  test("is never taken for a read when it writes", () => {
    const wrong = judged.filter(
      ({ truth, result }) => result.known && reads.has(result.call.level) && !reads.has(truth.level),
    );
    expect(wrong.map(({ service, operation }) => `${service}:${operation}`)).toEqual([]);
  });

  test("is refused only where it streams events to AWS", () => {
    const refused = judged.filter(({ truth, result }) => !result.known && !truth.eventsIn);
    expect(refused.map(({ service, operation }) => `${service}:${operation}`)).toEqual([]);
    expect(judged.filter(({ result }) => !result.known).length).toBeGreaterThan(0);
  });

  type Change = (request: AwsRequest) => AwsRequest;
  const withQuery =
    (more: string): Change =>
    (each) => ({
      ...each,
      query: each.query === "" ? more : `${each.query}&${more}`,
    });
  const withHeader =
    (name: string, value: string): Change =>
    (each) => ({ ...each, headers: { ...each.headers, [name]: value } });
  // In the place of the target that is there it would be another request, and rightly a read.
  const withTarget: Change = (each) => ({
    ...each,
    headers: { "x-amz-target": "DynamoDB_20120810.ListTables", ...each.headers },
  });
  const changes: readonly (readonly [string, Change])[] = [
    ["an Action that reads in its query", withQuery("Action=DescribeInstances")],
    ["an x-id that reads", withQuery("x-id=GetObject")],
    ["a listing in its query", withQuery("list-type=2")],
    ["a target that reads", withTarget],
    ["the content type of a form", withHeader("content-type", "application/x-www-form-urlencoded")],
    ["the mark of a CBOR request", withHeader("smithy-protocol", "rpc-v2-cbor")],
    ["a slash more", (each) => ({ ...each, path: `${each.path}/` })],
    ["an encoded slash", (each) => ({ ...each, path: each.path.replace(/\/([^/]*)$/, "%2F$1") })],
  ];

  test.each(changes)("is no read either with %s", (_, change) => {
    const writes = rows.filter((_, index) => index % 4 === 0);
    const wrong = writes.flatMap(([service, operation, signing, , method, url, headers, body]) => {
      const truth = table.details(table.service(service) ?? expect.fail(service)).operations.get(operation);
      if (truth === undefined || truth.level === "unknown" || reads.has(truth.level)) return [];
      const result = identify(table, change(awsRequest({ service: signing, method, url: `/${url}`, headers, body })));
      return result.known && reads.has(result.call.level)
        ? [`${service}:${operation} as ${result.call.operation}`]
        : [];
    });
    expect(wrong).toEqual([]);
  });
});
