import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type AwsStub, startAwsStub } from "../support/aws/stub.js";
import { Lab } from "../support/lab.js";

let lab: Lab;
let stub: AwsStub;
let [one, other, without] = ["", "", ""];

const credentials = "http://127.0.0.1:3129/airlock/credentials";
const start = async (...options: string[]): Promise<string> => {
  const keys = { AWS_ACCESS_KEY_ID: stub.user.accessKeyId, AWS_SECRET_ACCESS_KEY: stub.user.secretAccessKey };
  const { code, stdout, stderr } = await lab.airlock(["start", ...options], { env: keys });
  if (code !== 0) throw new Error(stderr);
  return stdout.toString().trim();
};

beforeAll(async () => {
  [lab, stub] = [new Lab(), await startAwsStub()];
  const folder = join(lab.userHome, ".config/airlock");
  mkdirSync(folder, { recursive: true });
  mkdirSync(join(lab.userHome, ".aws"));
  writeFileSync(join(lab.userHome, ".aws/credentials"), "[default]\naws_access_key_id = AKIAONLYONTHEHOST000\n");
  writeFileSync(join(folder, "config.yaml"), JSON.stringify({ aws: { endpoint: stub.url, region: "eu-central-1" } }));
  [one, other, without] = [await start("--aws"), await start("--aws", "--aws-intercept"), await start()];
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  await stub[Symbol.asyncDispose]();
});

const inside = async (session: string, script: string): Promise<string> => {
  const { stdout, stderr } = await lab.exec(session, script);
  return stdout.toString() + stderr;
};

interface Keys {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly Token: string;
}

const tokenOf = (session: string): Promise<string> => inside(session, 'printf %s "$AWS_CONTAINER_AUTHORIZATION_TOKEN"');

async function keysOf(session: string): Promise<Keys> {
  return JSON.parse(
    await inside(session, `curl -s -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" ${credentials}`),
  ) as Keys;
}

// What a program of the session gets for a signed call.
const describe = (
  session: string,
  { AccessKeyId, SecretAccessKey, Token }: Keys,
  place = "http://127.0.0.1:3129/",
): Promise<string> =>
  inside(
    session,
    `curl -sS -w '%{http_code}' --aws-sigv4 aws:amz:eu-central-1:ec2 --user '${AccessKeyId}:${SecretAccessKey}' -H 'x-amz-security-token: ${Token}' -d 'Action=DescribeInstances&Version=2016-11-15' ${place}`,
  );

it("a session's own keys open its gateway, and those of another do not", async () => {
  const [own, foreign] = [await keysOf(one), await keysOf(other)];
  expect(own.AccessKeyId).not.toBe(foreign.AccessKeyId);
  expect(await describe(one, own)).toMatch(/reservationSet.*200$/s);
  stub.seen.length = 0;
  expect(await describe(one, foreign)).toMatch(/AuthFailure.*40[13]$/s);
  expect(await describe(one, { ...own, SecretAccessKey: foreign.SecretAccessKey })).toMatch(/40[13]$/);
  expect(await describe(one, { ...own, Token: foreign.Token })).toMatch(/40[13]$/);
  expect(stub.seen).toEqual([]);
});

it("the token of another session gets no keys", async () => {
  const get = (token: string): Promise<string> =>
    inside(one, `curl -s -o /dev/null -w '%{http_code}' -H 'Authorization: ${token}' ${credentials}`);
  expect(await get(await tokenOf(one))).toBe("200");
  expect(await get(await tokenOf(other))).toBe("401");
  expect(await get("")).toBe("401");
});

it("a session without AWS has no gateway, and no word of it", async () => {
  expect(await inside(without, `curl -s -o /dev/null -w '%{http_code}' ${credentials}; env | grep -c ^AWS_`)).toBe(
    "0000\n",
  );
});

it.each([
  ["AWS itself", "https://sts.eu-central-1.amazonaws.com/"],
  ["the metadata service", "http://169.254.169.254/latest/meta-data/"],
  ["the metadata service of containers", "http://169.254.170.2/"],
  ["where the gateway's calls go", "STUB"],
])("%s is not reached around the gateway", async (_, place) => {
  const url = place.replace("STUB", stub.url);
  stub.seen.length = 0;
  expect(await inside(one, `curl -s -m 5 -o /dev/null -w '%{http_code}' ${url}`)).toBe("000");
  expect(stub.seen).toEqual([]);
});

it("nothing of the host's keys is inside", async () => {
  const found = await inside(one, 'env; cat ~/.aws/* 2>&1; cat /proc/*/environ 2>/dev/null; ls -la ~ "$AIRLOCK_HOME"');
  for (const secret of [stub.user.accessKeyId, stub.user.secretAccessKey, "AKIAONLYONTHEHOST000"])
    expect(found).not.toContain(secret);
});

it("a run whose credentials AWS refuses does not begin", async () => {
  const { code, stderr } = await lab.airlock(["run", "--aws", "--on-exit", "discard", "--", "sh", "-c", "sleep 1"], {
    env: { AWS_ACCESS_KEY_ID: stub.user.accessKeyId, AWS_SECRET_ACCESS_KEY: "wrong" },
  });
  expect(code).toBe(125);
  expect(stderr).toMatch(/E_AWS|credentials/);
});

const ec2 = "https://ec2.eu-central-1.amazonaws.com/";

it("AWS's own hosts lead to the gateway where that was asked for, with the session's own keys alone", async () => {
  const keys = await keysOf(other);
  expect(await describe(other, keys, ec2)).toMatch(/<DescribeInstancesResponse[\s\S]*200$/);
  expect(await describe(other, await keysOf(one), ec2)).toMatch(/not this sandbox[\s\S]*401$/);
  expect(await inside(other, `curl -sS ${ec2}`)).toContain("the request is not signed");
  // Another Host, another service than the host's, another name in TLS than the one connected to.
  expect(await describe(other, keys, `-H 'Host: sts.amazonaws.com' ${ec2}`)).toMatch(/another host[\s\S]*421$/);
  expect(await describe(other, keys, "https://sts.eu-central-1.amazonaws.com/")).toMatch(
    /not one of the service[\s\S]*403$/,
  );
  const elsewhere = "--connect-to ec2.eu-central-1.amazonaws.com:443:sts.eu-central-1.amazonaws.com:443";
  expect(await describe(other, keys, `${elsewhere} ${ec2}`)).toMatch(/^000/);
  expect(await inside(other, "cat /airlock/denied")).toContain("TLS for another name (ec2.eu-central-1.amazonaws.com)");
  // The session has no other network.
  expect(await inside(other, "curl -sS https://example.com/")).not.toBe("");
  expect(await inside(other, "cat /airlock/denied")).toContain("example.com:443 no network");
});

it("AWS's own hosts lead nowhere in any other session", async () => {
  expect(await describe(one, await keysOf(one), ec2)).toMatch(/^000/);
  expect(await inside(one, "env; ls /run/airlock")).not.toMatch(/CA_BUNDLE|ca\.pem/);
  expect(await inside(without, `curl -sS -w '%{http_code}' ${ec2}`)).toMatch(/^000/);
});

it("a host of AWS's that a rule names in full is a host like any other, and its neighbours are not", async () => {
  const named = await start(
    "--aws",
    "--aws-intercept",
    "--allow-host",
    "files.test-only.s3.eu-central-1.amazonaws.com",
  );
  const ask = (host: string): Promise<string> =>
    inside(named, `curl -sS https://${host}.s3.eu-central-1.amazonaws.com/`);
  expect(await ask("other.test-only")).toContain("the request is not signed");
  // Nobody has that name, and nobody here answered in its place.
  expect(await ask("files.test-only")).not.toContain("not signed");
  expect(await inside(named, "cat /airlock/denied")).toContain("files.test-only.s3.eu-central-1.amazonaws.com:443");
});
