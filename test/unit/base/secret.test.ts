import { format, inspect } from "node:util";
import { expect, test } from "vitest";
import { Secret } from "../../../src/base/secret.js";

test("a secret shows itself only when asked to", () => {
  const secret = new Secret("hunter2");
  const shown = [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ a: [secret] }),
    format("%s %o %j", secret, secret, secret),
  ];
  for (const text of shown) expect(text).not.toContain("hunter2");
  expect({ ...secret }).toEqual({});
  expect(secret.reveal()).toBe("hunter2");
});
