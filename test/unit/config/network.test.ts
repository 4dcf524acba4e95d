import { describe, expect, it } from "vitest";
import { grantsOf } from "../../../src/config/approve.js";
import { mergeNetwork } from "../../../src/config/merge-network.js";
import { parseConfig } from "../../../src/config/parse.js";

const parse = (text: string, kind: "project" | "user" = "project") => parseConfig(text, "/p/airlock.yaml", kind);

describe("the network in a configuration", () => {
  it("is read with its rules, presets and default", () => {
    const text =
      "network:\n  default: ask\n  presets: [npm]\n  allow: [api.example.com]\n  deny: ['*.example.org:80']\n";
    expect(parse(text).network).toEqual({
      default: "ask",
      presets: ["npm"],
      allow: ["api.example.com"],
      deny: ["*.example.org:80"],
    });
  });

  it.each([
    ["an unknown key", "network: {alow: [x]}", 'did you mean "allow"'],
    ["another default", "network: {default: allow}", "network.default"],
    ["a rule that is no text", "network: {allow: [{a: 1}]}", "network.allow.0"],
    ["a preset that is a path", "network: {presets: [../x]}", "network.presets.0"],
    ["addresses of names in a project", "network: {hosts: {a.example: 127.0.0.1}}", "hosts"],
  ])("is refused with %s", (_, text, says) => {
    let said = "";
    try {
      parse(text);
    } catch (error) {
      const { message, hint } = error as Error & { hint?: string };
      said = `${message} ${hint}`;
    }
    expect(said).toContain(says);
  });

  it("may fix addresses for names in the user's own file, and only addresses", () => {
    expect(parse("network: {hosts: {a.example: 10.0.0.1}}", "user").network?.hosts).toEqual({
      "a.example": "10.0.0.1",
    });
    expect(() => parse("network: {hosts: {a.example: b.example}}", "user")).toThrow(/hosts/);
  });

  it("needs approval in a project for everything that opens a way, and for nothing that closes one", () => {
    const opens =
      "network: {default: open, presets: [npm], allow: [a.example], ask: [b.example], allowPrivate: ['c.example:1']}";
    expect(grantsOf(parse(opens))).toEqual([
      "the network: ANY public host",
      "the network: preset npm",
      "the network: a.example",
      "the network, when you are asked: b.example",
      "the network, also where it is PRIVATE or this machine: c.example:1",
    ]);
    expect(grantsOf(parse("network: {default: ask}"))).toEqual(["the network: hosts that you are asked about"]);
    expect(grantsOf(parse("network: {default: deny, deny: [a.example]}"))).toEqual([]);
  });

  it("cannot hide a second line in what is shown for approval", () => {
    const [line] = grantsOf(parse('network: {allow: ["a.example\\n- nothing else"]}'));
    expect(line).toBe("the network: a.example\\n- nothing else");
  });
});

describe("what flags and files say together", () => {
  const mode = (...given: Parameters<typeof mergeNetwork>): string => mergeNetwork(...given).mode;

  it("is no network as long as nothing is allowed, and a policy as soon as something is", () => {
    expect(mode({})).toBe("none");
    expect(mode({}, { deny: ["a.example"] })).toBe("none");
    expect(mode({}, { default: "deny" })).toBe("none");
    expect(mode({ allowHost: ["a.example"] })).toBe("policy");
    expect(mode({}, {}, { presets: ["npm"] })).toBe("policy");
    expect(mode({}, { allow: ["a.example"] }, {})).toBe("policy");
  });

  it("is what the flag says before the project's and the user's default", () => {
    expect(mode({ networkMode: "none" }, { default: "open" }, { default: "ask" })).toBe("none");
    expect(mode({}, { default: "ask" }, { default: "open" })).toBe("ask");
    expect(mode({}, { default: "deny" }, { default: "open" })).toBe("none");
    expect(mode({}, {}, { default: "open" })).toBe("open");
  });

  it("adds rules up, says where each comes from, and takes addresses from the user alone", () => {
    const { rules, presets, hosts } = mergeNetwork(
      { allowHost: ["f.example"] },
      { allow: ["p.example"], presets: ["npm"] },
      { deny: ["u.example"], presets: ["npm", "github"], hosts: { "u.example": "10.0.0.1" } },
    );
    expect(rules.map(({ action, pattern, origin }) => [action, pattern, origin])).toEqual([
      ["allow", "f.example", "--allow-host"],
      ["deny", "u.example", "your configuration"],
      ["allow", "p.example", "airlock.yaml"],
    ]);
    expect(presets).toEqual(["npm", "github"]);
    expect(hosts).toEqual({ "u.example": "10.0.0.1" });
  });
});
