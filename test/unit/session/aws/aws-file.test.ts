import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { mergeAws } from "../../../../src/config/merge-aws.js";
import { awsEnvironment } from "../../../../src/session/aws/aws-environment.js";
import { type AwsFile, loadAws, placeholderOf, saveAws } from "../../../../src/session/aws/aws-file.js";
import { type AirlockHome, sessionFolder } from "../../../../src/session/home.js";

const wish = mergeAws({ mode: "gateway", profile: "dev", allow: ["ec2:StopInstances"] });
const file: AwsFile = {
  ...{ version: 1, wish, account: "123456789012", region: "eu-central-1", token: "ab".repeat(32) },
  trace: {
    ...{ kind: "assumed", profile: "dev", region: null, endpoint: null, account: "123456789012" },
    ...{ sessionName: "airlock-x", principal: { kind: "role", name: "r" }, userId: "AROA:airlock-x", expiresAt: 1 },
  },
  ...{ arn: "arn:aws:sts::123456789012:assumed-role/r/airlock-x", notes: ["a note"] },
};

let home: AirlockHome;

beforeEach(() => {
  home = { path: mkdtempSync(join(tmpdir(), "airlock-aws-")), id: "test" } as AirlockHome;
  mkdirSync(sessionFolder(home, "x"), { recursive: true });
});

afterEach(() => rmSync(home.path, { recursive: true }));

test("what was saved is loaded, and is for its owner alone", async () => {
  await saveAws(home, "x", file);
  expect(await loadAws(home, "x")).toEqual(file);
  expect(statSync(join(sessionFolder(home, "x"), "aws.json")).mode & 0o777).toBe(0o600);
});

test("a session without AWS has none, and a damaged file is an error", async () => {
  expect(await loadAws(home, "x")).toBeNull();
  writeFileSync(join(sessionFolder(home, "x"), "aws.json"), JSON.stringify({ ...file, token: "short" }));
  await expect(loadAws(home, "x")).rejects.toMatchObject({ code: "E_STATE_DAMAGED" });
});

test("placeholders are another sandbox's with another token, and do not hold the token", () => {
  const [one, other] = [placeholderOf(file), placeholderOf({ token: "cd".repeat(32) })];
  expect(one).toEqual(placeholderOf(file));
  for (const name of ["accessKeyId", "secretAccessKey", "sessionToken"] as const) {
    expect(one[name]).not.toBe(other[name]);
    expect(one[name]).not.toContain(file.token.slice(0, 8));
  }
  expect(one.accessKeyId).toMatch(/^[A-Z0-9]{20}$/);
});

test("the environment holds no key, and an address where a name would mislead clients", () => {
  const environment = awsEnvironment(file);
  expect(environment.get("AWS_ENDPOINT_URL")).toBe("http://127.0.0.1:3129");
  expect(environment.get("AWS_REGION")).toBe("eu-central-1");
  expect([...environment.keys()].filter((name) => /ACCESS_KEY|SECRET|SESSION_TOKEN/.test(name))).toEqual([]);
  const direct = awsEnvironment({ ...file, wish: { ...wish, mode: "direct" } });
  expect(direct.has("AWS_ENDPOINT_URL")).toBe(false);
  expect(direct.has("AWS_CONTAINER_CREDENTIALS_FULL_URI")).toBe(true);
});
