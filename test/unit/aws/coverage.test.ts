import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { identify } from "../../../src/aws/identify.js";
import { loadTable } from "../../../src/aws/table.js";
import type { AwsLevel } from "../../../src/model/aws.js";
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
});
