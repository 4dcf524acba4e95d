import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressKind } from "../../../src/gate/addresses.js";
import { canonicalHost, parseAuthority } from "../../../src/gate/host-name.js";
import { NameBudget } from "../../../src/gate/name-budget.js";
import { listenPorts, parsePattern, Rules } from "../../../src/gate/rules.js";
import type { NetworkMode, NetworkRule, RuleAction } from "../../../src/model/network.js";

const rule = (action: RuleAction, pattern: string, until: number | null = null): NetworkRule => ({
  action,
  pattern,
  origin: "test",
  until,
});

function decide(rules: readonly NetworkRule[], name: string, port: number, mode: NetworkMode = "policy"): string {
  const host = canonicalHost(name);
  return host === null ? "no host" : new Rules({ mode, rules }).decide(host, port, 1_000).verdict;
}

describe("a host's name", () => {
  it.each([
    ["api.Example.COM", "api.example.com"],
    ["example.com.", "example.com"],
    ["xn--bcher-kva.example", "xn--bcher-kva.example"],
    ["_dmarc.example.com", "_dmarc.example.com"],
    ["localhost", "localhost"],
    ["127.0.0.1", "127.0.0.1"],
    ["[::FFFF:127.0.0.1]", "::ffff:7f00:1"],
    ["::1", "::1"],
  ])("%s is %s", (given, text) => {
    expect(canonicalHost(given)?.text).toBe(text);
  });

  it.each([
    "",
    ".",
    "example.com..",
    ".example.com",
    "a..b",
    "2852039166",
    "0xA9FEA9FE",
    "0xa9.0xfe.0xa9.0xfe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "0",
    "127.1",
    "example.0x",
    "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
    "127\u30020\u30020\u30021",
    "exam\u00adple.com",
    "ex%61mple.com",
    "\u212a.example",
    "b\u00fccher.example",
    "example.com\0.evil.example",
    "example.com evil",
    "*.example.com",
    "-a.example.com",
    "[fe80::1%25eth0]",
    "fe80::1%eth0",
    "[::1",
    `${"a".repeat(64)}.example`,
    `${"a.".repeat(127)}aa`,
  ])("%j is none", (given) => {
    expect(canonicalHost(given)).toBeNull();
  });

  it.each([
    "example.com@evil.example:443",
    "evil.example:443/../example.com:443",
    "example.com:443:80",
    "example.com\\@evil.example:443",
    "example.com#.evil.example:443",
    "example.com:0",
    "example.com:65536",
    "example.com:+443",
    "example.com: 443",
    "example.com:\uff10",
    "example.com",
    "::1:443",
    "https://example.com:443",
  ])("the authority %j is none", (text) => {
    expect(parseAuthority(text)).toBeNull();
  });
});

describe("a policy", () => {
  it.each([
    ["example.com", "example.com", 443, "allow"],
    ["example.com", "EXAMPLE.com.", 443, "allow"],
    ["example.com", "example.com", 80, "deny"],
    ["example.com:80", "example.com", 80, "allow"],
    ["example.com:80", "example.com", 443, "deny"],
    ["example.com:*", "example.com", 9_999, "allow"],
    ["example.com", "evilexample.com", 443, "deny"],
    ["example.com", "example.com.evil.com", 443, "deny"],
    ["example.com", "www.example.com", 443, "deny"],
    ["*.example.com", "www.example.com", 443, "allow"],
    ["*.example.com", "example.com", 443, "deny"],
    ["*.example.com", "a.b.example.com", 443, "deny"],
    ["**.example.com", "a.b.example.com", 443, "allow"],
    ["**.example.com", "example.com", 443, "deny"],
    ["*.example.com", "x.evilexample.com", 443, "deny"],
    ["a.*.example.com", "a.b.example.com", 443, "allow"],
    ["xn--pple-43d.com", "apple.com", 443, "deny"],
    ["93.184.216.34", "93.184.216.34", 443, "allow"],
    ["[2606:2800::1]:443", "2606:2800:0::1", 443, "allow"],
  ])("that allows %s says to %s:%i %s", (pattern, name, port, verdict) => {
    expect(decide([rule("allow", pattern)], name, port)).toBe(verdict);
  });

  it("denies before it allows, and on every port when none is named", () => {
    const rules = [rule("allow", "**.example.com:*"), rule("deny", "bad.example.com")];
    expect(decide(rules, "bad.example.com", 8_443)).toBe("deny");
    expect(decide(rules, "good.example.com", 8_443)).toBe("allow");
  });

  it("does what its mode says where no rule decides, and never takes an address for a host", () => {
    for (const [mode, verdict] of [
      ["none", "deny"],
      ["policy", "deny"],
      ["ask", "ask"],
      ["open", "allow"],
    ] as const) {
      expect(decide([], "example.com", 443, mode)).toBe(verdict);
      expect(decide([], "8.8.8.8", 443, mode)).toBe("deny");
    }
    expect(decide([rule("deny", "example.com")], "example.com", 443, "open")).toBe("deny");
  });

  it("forgets what was allowed for a time", () => {
    expect(decide([rule("allow", "example.com", 1_001)], "example.com", 443)).toBe("allow");
    expect(decide([rule("allow", "example.com", 1_000)], "example.com", 443)).toBe("deny");
  });

  it.each([
    "*",
    "*.com",
    "**.com",
    "www.*",
    "exam*le.com",
    "a.**.example.com",
    "example.com:0",
    "example.com:http",
    "example.com:99999",
    "https://example.com",
    "example.com/path",
    "127.1",
    "b\u00fccher.example",
    "",
  ])("is not understood when it says %j", (pattern) => {
    expect(() => parsePattern(pattern)).toThrow(expect.objectContaining({ code: "E_NETWORK_INVALID" }));
  });

  it("listens on the usual ports and its own, never on the resolver's or the proxy's", () => {
    const rules = [rule("allow", "a.example:8443"), rule("deny", "a.example:9"), rule("allow", "a.example:53")];
    expect(listenPorts({ rules: [...rules, rule("ask", "a.example:3128")] }, 64)).toEqual([22, 80, 443, 8443]);
  });

  it("never matches a name whose end is not the pattern's", () => {
    const label = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 4 }), (labels) => {
        const name = [...labels, "org"].join(".");
        const verdict = decide([rule("allow", "**.example.com"), rule("allow", "*.example.com")], name, 443);
        expect(["deny", "no host"]).toContain(verdict);
      }),
    );
  });
});

describe("an address", () => {
  it.each([
    "0.0.0.0",
    "169.254.169.254",
    "169.254.170.2",
    "168.63.129.16",
    "100.100.100.200",
    "100.96.0.96",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "::ffff:8.8.8.8",
    "::8.8.8.8",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
    "2001:0:1::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "fd00:ec2::254",
    "2001:db8::1",
    "100::1",
    "5f00::1",
  ])("%s is never connected to", (address) => {
    expect(addressKind(address)).toBe("never");
  });

  it.each([
    "10.1.2.3",
    "127.0.0.1",
    "127.64.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "::1",
    "fd12::1",
    "203.0.113.80",
  ])("%s is private", (address) => {
    expect(addressKind(address)).toBe("private");
  });

  it.each(["8.8.8.8", "172.32.0.1", "1.1.1.1", "2606:4700::1111", "2a00:1450::1"])("%s is public", (address) => {
    expect(addressKind(address)).toBe("public");
  });
});

describe("the budget of names", () => {
  it("lets many names pass at first, known ones always, and new ones slowly", () => {
    const budget = new NameBudget();
    const taken = (from: number, to: number, now: number): number =>
      Array.from({ length: to - from }, (_, index) => budget.takes(`n${from + index}`, now)).filter(Boolean).length;
    expect(taken(0, 2_000, 1_000)).toBe(200);
    expect(budget.takes("n0", 1_000)).toBe(true);
    expect(taken(2_000, 3_000, 11_000)).toBe(10);
  });
});
