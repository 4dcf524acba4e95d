import { credentialsPath } from "../../gateway/container-credentials.js";
import { gatewayPort } from "../../wire/frames.js";
import type { AwsFile } from "./aws-file.js";

/**
 * What the SDKs and the CLI inside find of AWS: where to ask, and with which token. No key stands here. An address, not a name: with that
 * every client puts S3's buckets into the path.
 */
export function awsEnvironment({ wish, region, token }: AwsFile): Map<string, string> {
  const own = `http://127.0.0.1:${gatewayPort}`;
  const chosen = wish.region ?? region;
  return new Map([
    ["AWS_CONTAINER_CREDENTIALS_FULL_URI", `${own}${credentialsPath}`],
    ["AWS_CONTAINER_AUTHORIZATION_TOKEN", token],
    ["AWS_EC2_METADATA_DISABLED", "true"],
    ...(chosen === null
      ? []
      : ([
          ["AWS_REGION", chosen],
          ["AWS_DEFAULT_REGION", chosen],
        ] as const)),
    ...(wish.mode === "gateway" ? ([["AWS_ENDPOINT_URL", own]] as const) : []),
  ]);
}
