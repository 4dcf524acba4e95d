import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { AwsLab } from "../support/aws/aws-lab.js";
import { type Ceph, startCeph } from "../support/aws/ceph.js";

// A whole piece of work in a cloud that knows nothing of Airlock, each step after the other.
let lab: AwsLab;
let ceph: Ceph;
let session: string;

// Older than the checksums that clients send by themselves.
const older = { requestChecksumCalculation: "WHEN_REQUIRED", responseChecksumValidation: "WHEN_REQUIRED" };
const photos = ["arn:aws:s3:::photos", "arn:aws:s3:::photos/*"];
const call = (operation: string, input: unknown) => lab.call(session, "s3", operation, input, older);

beforeAll(async () => {
  [lab, ceph] = [new AwsLab(), await startCeph()];
  const role = await ceph.makeRole("painter", { Effect: "Allow", Action: "s3:*", Resource: "arn:aws:s3:::*" });
  const policy = {
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Action: "s3:*", Resource: photos },
      { Effect: "Allow", Action: "s3:CreateBucket", Resource: "arn:aws:s3:::drafts" },
      { Effect: "Allow", Action: "s3:ListAllMyBuckets", Resource: "*" },
    ],
  };
  const file = join(lab.userHome, "session-policy.json");
  writeFileSync(file, JSON.stringify(policy));
  await lab.use(ceph, { region: "us-east-1", role, policy: file, intercept: true });
  await ceph.put("photos", { cat: "miau" });
  await ceph.put("letters", { secret: "dear diary" });
  session = await lab.start();
}, 500_000);

afterAll(async () => {
  await lab?.[Symbol.asyncDispose]();
  await ceph?.[Symbol.asyncDispose]();
});

it("a read is allowed", async () => {
  expect(await call("ListObjectsV2", { Bucket: "photos" })).toMatchObject({ value: { KeyCount: 1 } });
  expect(await call("GetObject", { Bucket: "photos", Key: "cat" })).toMatchObject({ value: { Body: "miau" } });
});

it("a client that does not know the gateway reaches it at AWS's own host", async () => {
  const command = lab.clientCommand("s3", "GetObject", { Bucket: "photos", Key: "cat" }, older);
  const { stdout, stderr } = await lab.exec(session, `unset AWS_ENDPOINT_URL; ${command}`);
  expect(JSON.parse(stdout.toString()), stderr).toMatchObject({ value: { Body: "miau" }, error: null });
});

it("a write waits for a person, who sees what is written and where", async () => {
  const written = call("PutObject", { Bucket: "photos", Key: "dog", Body: "wau" });
  const shown = await lab.answer("--yes");
  expect(shown).toMatch(/PutObject/);
  expect(shown).toMatch(/photos/);
  expect(await written).toMatchObject({ error: null });
  expect(await call("GetObject", { Bucket: "photos", Key: "dog" })).toMatchObject({ value: { Body: "wau" } });
});

it("what is created waits for a person, too", async () => {
  const created = call("CreateBucket", { Bucket: "drafts" });
  await lab.answer("--yes");
  expect(await created).toMatchObject({ error: null });
});

it("a write that a person denies is not made, and the SDK has its own error for it", async () => {
  const written = call("PutObject", { Bucket: "photos", Key: "bird", Body: "piep" });
  await lab.answer("--deny");
  expect(await written).toMatchObject({ error: { name: "AccessDenied", status: 403 } });
  expect(await call("ListObjectsV2", { Bucket: "photos" })).toMatchObject({ value: { KeyCount: 2 } });
});

it("destruction is denied without a question, in the SDK's own error", async () => {
  const { error } = await call("DeleteBucket", { Bucket: "photos" });
  expect(error).toMatchObject({ name: "AccessDenied", status: 403 });
  expect(error?.message).toMatch(/Airlock/);
});

it("what the gateway lets through, the session policy still refuses", async () => {
  const { error } = await call("ListObjectsV2", { Bucket: "letters" });
  expect(error).toMatchObject({ name: "AccessDenied" });
  expect(error?.message).not.toMatch(/Airlock/);
});

it("the ledger tells it all, for people and for programs", async () => {
  const text = (await lab.airlock(["aws", "ledger", session])).stdout.toString();
  expect(text).toMatch(/created +s3:CreateBucket +us-east-1 +drafts/);
  expect(text).toMatch(/changed +s3:PutObject +us-east-1 +photos\/dog/);
  expect(text).toMatch(/denied +s3:DeleteBucket/);
  const { done, denied } = await lab.json<{ done: unknown[]; denied: unknown[] }>(["aws", "ledger", session, "--json"]);
  expect([done.length, denied.length]).toEqual([2, 2]);
  expect((await lab.airlock(["report", session])).stdout.toString()).toContain("AWS s3:PutObject");
  expect((await lab.airlock(["review", session])).stderr).toMatch(/created +s3:CreateBucket/);
});

it("the clean-up is printed and not run", async () => {
  const { stdout } = await lab.airlock(["aws", "cleanup", session]);
  expect(stdout.toString()).toContain("aws s3api delete-bucket --bucket drafts");
  const { value } = await call("ListBuckets", {});
  expect(JSON.stringify(value)).toContain('"drafts"');
});

it("the policy that is suggested allows what was done, and no more", async () => {
  const { stdout } = await lab.airlock(["aws", "suggest-policy", session]);
  const text = stdout.toString();
  for (const action of ["s3:ListBucket", "s3:GetObject", "s3:PutObject"]) expect(text).toContain(action);
  expect(text).not.toContain("DeleteBucket");
});

it("the receipt says that AWS refuses the session from now on", async () => {
  const { code, stdout, stderr } = await lab.airlock(["discard", session]);
  expect(code, stderr).toBe(0);
  expect(stdout.toString() + stderr).toMatch(new RegExp(`gone {2}AWS session airlock-${session} \\(revoked`));
});
