import { expect, test } from "vitest";
import { confirmationOf, protectedBecause } from "../../../src/credentials/protection.js";

const nobody = { account: "123456789012", alias: null, profile: null, role: null };

test.each([
  [{ alias: "acme-prod" }, "alias"],
  [{ alias: "PROD" }, "alias"],
  [{ profile: "prod1" }, "profile"],
  [{ profile: "acme_production" }, "profile"],
  [{ role: "arn:aws:iam::123456789012:role/live-admin" }, "role"],
])("%o looks like production", (names, kind) => {
  expect(protectedBecause({ ...nobody, ...names }, [])).toContain(`the ${kind} `);
});

test.each([{ alias: "acme-products" }, { profile: "delivery" }, { role: "reproducer" }, { profile: "default" }])(
  "%o does not",
  (names) => {
    expect(protectedBecause({ ...nobody, ...names }, [])).toBeNull();
  },
);

test("the user's patterns protect accounts, aliases, profiles and roles", () => {
  expect(protectedBecause(nobody, ["1234*"])).toBe("the account 123456789012 is protected");
  const role = "arn:aws:iam::123456789012:role/team/admin";
  expect(protectedBecause({ ...nobody, role }, [role])).toContain("is protected");
  expect(protectedBecause({ ...nobody, role }, ["admin"])).toContain("is protected");
  expect(protectedBecause({ ...nobody, alias: "bank" }, ["shop*"])).toBeNull();
});

test("what has to be typed is the alias, else the account", () => {
  expect(confirmationOf({ ...nobody, alias: "acme" })).toBe("acme");
  expect(confirmationOf(nobody)).toBe("123456789012");
});
