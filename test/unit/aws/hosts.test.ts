import { describe, expect, test } from "vitest";
import { endpointOf } from "../../../src/aws/hosts.js";
import { identify } from "../../../src/aws/identify.js";
import { loadTable } from "../../../src/aws/table.js";
import type { AwsEndpoint } from "../../../src/model/aws.js";
import { awsPackageRoot, awsRequest, formRequest, type Given, targetRequest } from "../../support/aws-requests.js";

const table = await loadTable(awsPackageRoot);

function endpoint(request: ReturnType<typeof awsRequest>): AwsEndpoint | null {
  const result = identify(table, request);
  return endpointOf(table, result.known ? result.call : expect.fail(result.reason));
}

const s3 = (rest: Partial<Given>): ReturnType<typeof awsRequest> =>
  awsRequest({ service: "s3", method: "GET", ...rest });

describe("endpointOf", () => {
  test("follows the service and the region", () => {
    const body = "Action=DescribeRegions&Version=2016-11-15";
    expect(endpoint(formRequest("ec2", body))?.hostname).toBe("ec2.eu-west-1.amazonaws.com");
    expect(endpoint(formRequest("ec2", body, { region: "cn-north-1" }))?.hostname).toBe(
      "ec2.cn-north-1.amazonaws.com.cn",
    );
    expect(endpoint(formRequest("ec2", body, { region: "us-iso-east-1" }))).toBeNull();
    expect(endpoint(targetRequest("monitoring", "GraniteServiceVersion20100801.ListMetrics"))?.hostname).toBe(
      "monitoring.eu-west-1.amazonaws.com",
    );
  });

  test("signs for the one region that a global service has", () => {
    expect(endpoint(formRequest("iam", "Action=ListUsers&Version=2010-05-08"))).toEqual({
      hostname: "iam.amazonaws.com",
      signingName: "iam",
      signingRegion: "us-east-1",
    });
  });

  test("keeps a bucket's own host, and an account's", () => {
    expect(endpoint(s3({ url: "/a", host: "photos.s3.eu-west-1.amazonaws.com" }))?.hostname).toBe(
      "photos.s3.eu-west-1.amazonaws.com",
    );
    expect(endpoint(s3({ url: "/photos/a" }))?.hostname).toBe("s3.eu-west-1.amazonaws.com");
    const url = "/v20180820/configuration/publicAccessBlock";
    expect(endpoint(s3({ url, headers: { "x-amz-account-id": "123456789012" } }))?.hostname).toBe(
      "123456789012.s3-control.eu-west-1.amazonaws.com",
    );
  });

  test.each(["s3.dualstack.eu-west-1.amazonaws.com", "s3-eu-west-1.amazonaws.com", "s3-fips.eu-west-1.amazonaws.com"])(
    "understands %s",
    (host) => {
      expect(endpoint(s3({ url: "/photos/a", host }))?.hostname).toBe("s3.eu-west-1.amazonaws.com");
    },
  );

  test("tells services of one signing name apart by their hosts", () => {
    const headers = { "content-type": "application/json" };
    const host = "bedrock-agent-runtime.eu-west-1.amazonaws.com";
    expect(endpoint(awsRequest({ service: "bedrock", url: "/agents/a", headers, host }))?.hostname).toBe(host);
  });
});
