import { execFile } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

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
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
