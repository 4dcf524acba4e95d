import type { AwsRequest } from "../../src/model/aws.js";

const packageRoot = new URL("../..", import.meta.url).pathname;

/** Where the table lies. */
export const awsPackageRoot = packageRoot;

const inRegion = (service: string): AwsRequest["scope"] => ({ service, region: "eu-west-1" });

export interface Given {
  readonly service: string;
  readonly method?: string;
  /** Path and query, as on the wire. */
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | null;
  readonly host?: string;
  readonly region?: string;
}

/** A request as the gateway hands it over. */
export function awsRequest({
  service,
  method = "POST",
  url = "/",
  headers = {},
  body = "",
  host,
  region,
}: Given): AwsRequest {
  const [path = "/", ...query] = url.split("?");
  return {
    method,
    path,
    query: query.join("?"),
    headers,
    body: body === null ? null : Buffer.from(body, "latin1"),
    scope: region === undefined ? inRegion(service) : { service, region },
    host: host ?? null,
  };
}

const form = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };

/** A call in the query protocol. */
export const formRequest = (service: string, body: string, rest: Partial<Given> = {}): AwsRequest =>
  awsRequest({ service, headers: form, body, ...rest });

/** A call in the JSON protocol. */
export const targetRequest = (
  service: string,
  target: string,
  body: unknown = {},
  rest: Partial<Given> = {},
): AwsRequest =>
  awsRequest({
    service,
    headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": target, ...rest.headers },
    body: JSON.stringify(body),
  });
