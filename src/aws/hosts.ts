import type { AwsCall, AwsEndpoint } from "../model/aws.js";
import type { AwsService, AwsTable, EndpointForm } from "./table.js";

const suffixes = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".api.amazonwebservices.com.cn", ".on.aws"];

/** Whether a host is one of AWS's own, in any partition. */
export const isAwsHost = (host: string): boolean => suffixes.some((each) => host.endsWith(each));

/** The partition that a region belongs to; null: none that Airlock knows endpoints of. */
export function partitionOf(region: string): string | null {
  if (region.startsWith("cn-")) return "aws-cn";
  if (region.startsWith("us-gov-")) return "aws-us-gov";
  return /^(?:us-iso|eu-iso|eusc)/.test(region) ? null : "aws";
}

/** Host and signing region of a service, with the region filled in. */
function formOf({ endpoint }: AwsService, region: string): EndpointForm | null {
  const partition = partitionOf(region);
  if (partition === null) return null;
  const form: EndpointForm | undefined =
    typeof endpoint === "string"
      ? [partition === "aws-cn" ? `${endpoint}.cn` : endpoint, "{region}"]
      : endpoint[partition];
  return form === undefined ? null : [form[0].replace("{region}", region), form[1].replace("{region}", region)];
}

/** Whether the service has one endpoint for all regions of a partition. */
export function isGlobal({ endpoint }: AwsService, region: string): boolean {
  const form = typeof endpoint === "string" ? undefined : endpoint[partitionOf(region) ?? "aws"];
  return form !== undefined && form[1] !== "{region}";
}

/**
 * Where a call goes, and what it is signed for: from the table, the region and what `identify` has checked, never from the
 * request's own host. Null where AWS has no such endpoint that Airlock knows.
 */
export function endpointOf(table: AwsTable, call: AwsCall): AwsEndpoint | null {
  const service = table.service(call.service);
  const form = service === undefined ? null : formOf(service, call.region);
  if (service === undefined || form === null) return null;
  return { hostname: `${call.hostPrefix}${form[0]}`, signingName: service.signing, signingRegion: form[1] };
}

// `ec2.eu-west-1.api.aws`, `s3.dualstack.…`, `sts-fips.…`, `sts.amazonaws.com`: one service, under several names.
const plainLabels = (host: string, region: string): string[] =>
  host
    .split(".")
    .filter((label) => label !== region && label !== "dualstack" && label !== "api")
    .map((label) => label.replace(/-fips$/, "").replace(new RegExp(`^s3-${region}$`), "s3"));

function withoutSuffix(host: string): string | null {
  const suffix = suffixes.find((each) => host.endsWith(each));
  return suffix === undefined ? null : host.slice(0, -suffix.length);
}

/** What stands in front of a service's own name in a host: `bucket.` or nothing; null when the host is not that service's. */
export function prefixInHost(service: AwsService, region: string, host: string): string | null {
  const own = formOf(service, region)?.[0];
  const [given, expected] = [withoutSuffix(host.toLowerCase()), own === undefined ? null : withoutSuffix(own)];
  if (given === null || expected === null) return null;
  if (own === host.toLowerCase()) return "";
  const [labels, ending] = [plainLabels(given, region), plainLabels(expected, region)];
  const front = labels.slice(0, labels.length - ending.length);
  const fits = labels.length >= ending.length && ending.every((label, at) => labels[front.length + at] === label);
  if (!fits) return null;
  return front.length === 0 ? "" : `${front.join(".")}.`;
}
