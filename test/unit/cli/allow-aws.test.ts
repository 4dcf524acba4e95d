import { expect, test } from "vitest";
import { allowAws } from "../../../src/cli/options/network-policy.js";
import { canonicalHost } from "../../../src/gate/host-name.js";
import { Rules } from "../../../src/gate/rules.js";

const none = { mode: "none", rules: [], hosts: {} } as const;

test("with a gateway no host of AWS is reached by the sandbox itself", () => {
  expect(allowAws(none, "gateway")).toBe(none);
  expect(allowAws(none, "off")).toBe(none);
});

test.each([
  ["s3.eu-central-1.amazonaws.com", 443, "allow"],
  ["bucket.s3.eu-central-1.amazonaws.com", 443, "allow"],
  ["sts.cn-north-1.amazonaws.com.cn", 443, "allow"],
  ["lambda.eu-central-1.api.aws", 443, "allow"],
  ["s3.eu-central-1.amazonaws.com", 80, "deny"],
  ["amazonaws.com.evil.example", 443, "deny"],
  ["evilamazonaws.com", 443, "deny"],
])("in direct mode %s:%d is decided: %s", (name, port, verdict) => {
  const host = canonicalHost(name);
  if (host === null) throw new Error(name);
  expect(new Rules(allowAws(none, "direct")).decide(host, port, 0).verdict).toBe(verdict);
});

test("what is denied stays denied, and an open network stays open", () => {
  const deny = { action: "deny", pattern: "**.amazonaws.com", origin: "test", until: null } as const;
  const denied = new Rules(allowAws({ ...none, mode: "open", rules: [deny] }, "direct"));
  expect(denied.decide({ kind: "name", text: "s3.amazonaws.com" }, 443, 0).verdict).toBe("deny");
  expect(allowAws({ ...none, mode: "open" }, "direct").mode).toBe("open");
});
