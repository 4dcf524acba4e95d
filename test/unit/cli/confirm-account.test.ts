import type { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { confirmAccount } from "../../../src/cli/dialogue/confirm-account.js";
import type { AccountNames } from "../../../src/credentials/model.js";
import { fakeContext } from "../../support/fake-context.js";

const shop: AccountNames = { account: "123456789012", alias: "shop-prod", profile: null, role: null };
const nothing = { patterns: [], typed: null };

// Whoever sits there types as people do: after the question stands there.
async function typeWhenAsked(stdin: PassThrough, stderr: PassThrough, answer: string): Promise<string> {
  let shown = "";
  for await (const piece of stderr) {
    shown += String(piece);
    if (!shown.includes("to go on: ")) continue;
    stdin.write(`${answer}\n`);
    break;
  }
  return shown;
}

test("an account that nothing protects is not asked about", async () => {
  const { context, stderr } = fakeContext({ isTTY: true });
  await confirmAccount(context, { ...shop, alias: "shop-dev" }, nothing);
  expect(stderr.readableLength).toBe(0);
});

test("production has its alias typed, and a yes is no alias", async () => {
  for (const answer of ["yes", "", "shop", "SHOP-PROD"]) {
    const { context, stdin, stderr } = fakeContext({ isTTY: true });
    const asked = confirmAccount(context, shop, nothing);
    const refused = expect(asked).rejects.toMatchObject({ code: "E_AWS_PROTECTED" });
    expect(await typeWhenAsked(stdin, stderr, answer)).toContain("looks like production");
    await refused;
  }
  const { context, stdin, stderr } = fakeContext({ isTTY: true });
  const asked = confirmAccount(context, shop, nothing);
  await typeWhenAsked(stdin, stderr, "shop-prod");
  await asked;
});

test("without anybody to ask only what was typed beforehand counts", async () => {
  const { context } = fakeContext({ isTTY: false });
  await expect(confirmAccount(context, shop, nothing)).rejects.toMatchObject({ code: "E_AWS_PROTECTED" });
  await expect(confirmAccount(context, shop, { patterns: [], typed: "other" })).rejects.toThrow(
    /looks like production/,
  );
  await confirmAccount(context, shop, { patterns: [], typed: "shop-prod" });
});

test("what the user protects is asked about whatever it is called", async () => {
  const { context } = fakeContext({ isTTY: false });
  const bank = { ...shop, alias: "bank" };
  await expect(confirmAccount(context, bank, { patterns: ["bank"], typed: null })).rejects.toThrow("bank is protected");
});
