import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { sessionPolicy } from "../../src/aws/session-policy.js";
import { loadTable } from "../../src/aws/table.js";
import type { AwsKeys, CredentialWish } from "../../src/credentials/model.js";
import { openCredentials } from "../../src/credentials/open.js";
import { revokeCredentials } from "../../src/credentials/revoke.js";
import { type Ceph, startCeph } from "../support/aws/ceph.js";
import { fetchAwsClients } from "../support/aws/clients.js";

type Client = { send(command: unknown): Promise<Record<string, unknown>> };

let ceph: Ceph;
let role: string;
let load: NodeJS.Require;

const make = <T>(name: string, input: unknown): T => {
  const Constructor = (load("@aws-sdk/client-s3") as Record<string, new (input: unknown) => T>)[name];
  if (Constructor === undefined) throw new Error(`no ${name}`);
  return new Constructor(input);
};

interface PlainKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

function s3(credentials: PlainKeys, command: string, input: unknown): Promise<Record<string, unknown>> {
  const client = make<Client>("S3Client", {
    ...{ region: "us-east-1", endpoint: ceph.url, maxAttempts: 1, forcePathStyle: true, credentials },
    // Older than the checksums that the client would send.
    ...{ requestChecksumCalculation: "WHEN_REQUIRED", responseChecksumValidation: "WHEN_REQUIRED" },
  });
  return client.send(make(`${command}Command`, input));
}

const plain = ({ accessKeyId, secretAccessKey, sessionToken }: AwsKeys): PlainKeys => ({
  ...{ accessKeyId, secretAccessKey: secretAccessKey.reveal() },
  sessionToken: sessionToken?.reveal(),
});

const readPhotos = (end: number | null): string =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Action: ["s3:Get*", "s3:List*"], Resource: ["arn:aws:s3:::photos", "arn:aws:s3:::photos/*"] },
      ...(end === null
        ? []
        : [
            {
              ...{ Effect: "Deny", Action: "*", Resource: "*" },
              Condition: { DateGreaterThan: { "aws:CurrentTime": new Date(end).toISOString() } },
            },
          ]),
    ],
  });

const wishFor = (changes: Partial<CredentialWish>): CredentialWish => ({
  ...{ sessionId: "brisk-otter-3f2a", profile: null, region: "us-east-1", endpoint: ceph.url, role },
  ...{ durationSeconds: 3_600, mustBeScoped: true, confirm: async () => undefined },
  policyFor: (end) => ({ text: readPhotos(end), arns: [], alone: readPhotos(end) }),
  ...changes,
});

const open = (changes: Partial<CredentialWish> = {}, now = Date.now) =>
  openCredentials({ wish: wishFor(changes), environment: {}, signal: new AbortController().signal, now });

beforeAll(async () => {
  load = createRequire(join(await fetchAwsClients(), "index.js"));
  ceph = await startCeph();
  role = await ceph.makeRole("painter", { Effect: "Allow", Action: "s3:*", Resource: "arn:aws:s3:::*" });
  vi.stubEnv("AWS_ACCESS_KEY_ID", ceph.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", ceph.secretAccessKey);
  for (const name of ["AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL"]) vi.stubEnv(name, undefined);
  await ceph.put("photos", { cat: "miau" });
  await ceph.put("letters", {});
}, 500_000);

afterAll(async () => {
  vi.unstubAllEnvs();
  await ceph?.[Symbol.asyncDispose]();
});

test("a role's session may do what the session policy says and no more, says a server that knows nothing of Airlock", async () => {
  await using credentials = await open();
  expect(credentials.kind).toBe("assumed");
  const keys = plain(await credentials.keys());
  expect(await s3(keys, "ListObjectsV2", { Bucket: "photos" })).toMatchObject({ KeyCount: 1 });
  for (const [command, input] of [
    ["PutObject", { Bucket: "photos", Key: "dog", Body: "wau" }],
    ["DeleteObject", { Bucket: "photos", Key: "cat" }],
    ["ListObjectsV2", { Bucket: "letters" }],
  ] as const)
    await expect(s3(keys, command, input)).rejects.toMatchObject({ name: "AccessDenied" });
});

test("a life shorter than STS issues for ends by the policy", async () => {
  await using living = await open({ durationSeconds: 120 });
  const keys = plain(await living.keys());
  expect(await s3(keys, "ListObjectsV2", { Bucket: "photos" })).toMatchObject({ KeyCount: 1 });
  await using ended = await open({ durationSeconds: 120 }, () => Date.now() - 600_000);
  const past = plain(await ended.keys());
  await expect(s3(past, "ListObjectsV2", { Bucket: "photos" })).rejects.toMatchObject({ name: "AccessDenied" });
});

test("without a role there is nothing to narrow with, and that is said", async () => {
  await expect(open({ role: null })).rejects.toMatchObject({ code: "E_AWS_SCOPE" });
  await using credentials = await open({ role: null, mustBeScoped: false });
  expect(credentials.kind).toBe("unscoped");
});

test("a wrong secret is refused before anything is issued", async () => {
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "wrong");
  await expect(open()).rejects.toMatchObject({ code: expect.stringMatching(/^E_AWS_/) });
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", ceph.secretAccessKey);
});

test("a session that was taken back is refused everything, and another of the same role is not", async () => {
  await using credentials = await open();
  await using other = await open({ sessionId: "calm-heron-0001" });
  const revocation = await revokeCredentials(credentials.trace(), {}, new AbortController().signal);
  expect(revocation).toMatchObject({ isOver: true, command: null });
  const list = async (each: typeof other) => s3(plain(await each.keys()), "ListObjectsV2", { Bucket: "photos" });
  await expect(list(credentials)).rejects.toMatchObject({ name: "AccessDenied" });
  expect(await list(other)).toMatchObject({ KeyCount: 1 });
});

test.each(["gateway", "direct"] as const)(
  "Airlock's own policy (%s) means to that server what it says",
  async (mode) => {
    const table = await loadTable(new URL("../..", import.meta.url).pathname);
    const bounds = { services: [], regions: [], accounts: [], tags: {}, dryRun: false } as const;
    const policyFor = (until: number | null) => {
      const policy = { access: "read", rules: [], ...bounds } as const;
      return sessionPolicy(table, { policy, mode, own: null, until, account: "123456789012", counterpart: true });
    };
    await using credentials = await open({ policyFor, sessionId: `own-policy-${mode}` });
    const keys = plain(await credentials.keys());
    expect(await s3(keys, "ListObjectsV2", { Bucket: "photos" })).toMatchObject({ KeyCount: 1 });
    const put = s3(keys, "PutObject", { Bucket: "letters", Key: mode, Body: "x" });
    await (mode === "gateway" ? put : expect(put).rejects.toMatchObject({ name: "AccessDenied" }));
    const document = {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: "arn:aws:s3:::photos/*" }],
    };
    for (const [command, input] of [
      ["DeleteBucket", { Bucket: "letters" }],
      ["PutBucketPolicy", { Bucket: "photos", Policy: JSON.stringify(document) }],
      ["PutObjectAcl", { Bucket: "photos", Key: "cat", ACL: "public-read" }],
    ] as const)
      await expect(s3(keys, command, input)).rejects.toMatchObject({ name: "AccessDenied" });
  },
);
