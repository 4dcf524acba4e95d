import { expect, test, vi } from "vitest";
import { Secret } from "../../../src/base/secret.js";
import { keepFresh } from "../../../src/credentials/keep-fresh.js";
import type { AwsKeys } from "../../../src/credentials/model.js";

const hour = 3_600_000;

function lab() {
  const clock = { time: 0 };
  let made = 0;
  const issue = vi.fn(async (): Promise<AwsKeys> => {
    made += 1;
    const secrets = { secretAccessKey: new Secret("s"), sessionToken: null };
    return { accessKeyId: `key-${made}`, ...secrets, expiresAt: clock.time + hour };
  });
  return { clock, issue, fresh: keepFresh(issue, () => clock.time) };
}

test("those who ask at the same time wait for one answer", async () => {
  const { issue, fresh } = lab();
  const all = await Promise.all(Array.from({ length: 50 }, () => fresh.keys()));
  expect(new Set(all.map(({ accessKeyId }) => accessKeyId))).toEqual(new Set(["key-1"]));
  expect(issue).toHaveBeenCalledTimes(1);
});

test("others are got five minutes before the end", async () => {
  const { clock, fresh } = lab();
  await fresh.keys();
  clock.time = hour - 6 * 60_000;
  expect((await fresh.keys()).accessKeyId).toBe("key-1");
  clock.time = hour - 4 * 60_000;
  expect((await fresh.keys()).accessKeyId).toBe("key-2");
});

test("a failure leaves what is still good, asks nobody for a while, and is an error once that has ended", async () => {
  const { clock, issue, fresh } = lab();
  await fresh.keys();
  issue.mockRejectedValue(new Error("no network"));
  clock.time = hour - 60_000;
  for (let index = 0; index < 20; index++) expect((await fresh.keys()).accessKeyId).toBe("key-1");
  expect(issue).toHaveBeenCalledTimes(2);
  clock.time = hour;
  await expect(fresh.keys()).rejects.toThrow("no network");
  await expect(fresh.keys()).rejects.toThrow("no network");
  expect(issue).toHaveBeenCalledTimes(3);
});

test("keys that arrive after the end are not kept", async () => {
  const { fresh } = lab();
  const asked = fresh.keys();
  fresh.close();
  await asked;
  await expect(fresh.keys()).rejects.toMatchObject({ code: "E_AWS_CREDENTIALS" });
});
