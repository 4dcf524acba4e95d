import { createRequire } from "node:module";
import { join } from "node:path";
import { fetchPackages } from "../fetched-package.js";

const version = "3.1164.0";
const names = ["bedrock-runtime", "cloudwatch", "dynamodb", "ec2", "iam", "lambda", "s3", "sqs", "sts"];

/** The folder of `node_modules` that has the clients of AWS's SDK for JavaScript, fetched once. */
export function fetchAwsClients(): Promise<string> {
  const packages = names.map((name) => `@aws-sdk/client-${name}@${version}`);
  return fetchPackages(`aws-clients@${version}`, packages);
}

/** Starts a DynamoDB that believes every signature: it belongs behind a front that does not. */
export async function startDynalite(): Promise<{ readonly port: number } & AsyncDisposable> {
  const modules = await fetchPackages("dynalite@4.0.0", ["dynalite@4.0.0"]);
  const load = createRequire(join(modules, "index.js"));
  type Server = import("node:http").Server;
  const dynalite = load("dynalite") as (options: { createTableMs: number }) => Server;
  const server = dynalite({ createTableMs: 0 });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as import("node:net").AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
