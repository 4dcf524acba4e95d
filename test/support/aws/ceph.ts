import { execFile } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { fetchAwsClients } from "./clients.js";

const run = promisify(execFile);
const script = new URL("../../../scripts/test-ceph", import.meta.url).pathname;
// It may have to be installed.
const startMs = 400_000;

/** A cloud that checks signatures, roles and session policies itself. */
export interface Ceph extends AsyncDisposable {
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Makes a role that its user may assume, with the policy given; gives its ARN. */
  makeRole(name: string, statement: unknown): Promise<string>;
  /** Makes a bucket and what is in it. */
  put(bucket: string, objects: Readonly<Record<string, string>>): Promise<void>;
}

/** Starts one with the project's own script. */
export async function startCeph(): Promise<Ceph> {
  const folder = await mkdtemp(join(tmpdir(), "airlock-ceph-"));
  const stop = async (): Promise<void> => {
    await run(script, ["stop", folder]);
  };
  try {
    const { stdout } = await run(script, ["start", folder], { timeout: startMs });
    const [url = "", accessKeyId = "", secretAccessKey = ""] = stdout.trim().split(" ");
    const admin = async (...args: string[]): Promise<string> => {
      const where = ["--conf", join(folder, "ceph.conf"), "--name", "client.rgw"];
      return (await run("radosgw-admin", [...where, ...args])).stdout;
    };
    return {
      ...{ url, accessKeyId, secretAccessKey },
      async makeRole(name, statement) {
        const trust = {
          Version: "2012-10-17",
          Statement: [
            { Effect: "Allow", Principal: { AWS: ["arn:aws:iam:::user/alice"] }, Action: ["sts:AssumeRole"] },
          ],
        };
        const policy = { Version: "2012-10-17", Statement: [statement] };
        const role = ["--role-name", name];
        const made = await admin("role", "create", ...role, "--assume-role-policy-doc", JSON.stringify(trust));
        const document = ["--policy-name", "own", "--policy-doc", JSON.stringify(policy)];
        await admin("role-policy", "put", ...role, ...document);
        const { Arn } = JSON.parse(made) as { Arn: string };
        return Arn;
      },
      async put(bucket, objects) {
        const load = createRequire(join(await fetchAwsClients(), "index.js"));
        const sdk = load("@aws-sdk/client-s3") as Record<
          string,
          new (
            input: unknown,
          ) => { send(it: unknown): Promise<unknown> }
        >;
        const make = (what: string, input: unknown) => {
          const Constructor = sdk[what];
          if (Constructor === undefined) throw new Error(`no ${what}`);
          return new Constructor(input);
        };
        const credentials = { accessKeyId, secretAccessKey };
        const client = make("S3Client", {
          ...{ endpoint: url, region: "us-east-1", forcePathStyle: true, credentials },
          // Older than the checksums that the client would send.
          ...{ requestChecksumCalculation: "WHEN_REQUIRED" },
        });
        await client.send(make("CreateBucketCommand", { Bucket: bucket }));
        for (const [Key, Body] of Object.entries(objects))
          await client.send(make("PutObjectCommand", { Bucket: bucket, Key, Body }));
      },
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
