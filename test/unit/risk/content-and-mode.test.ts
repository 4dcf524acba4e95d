import { describe, expect, it } from "vitest";
import type { ChangeKind, EntryState } from "../../../src/model/change.js";
import { assessRisk, type RiskInput } from "../../../src/risk/assess.js";
import { changedManifestKeys } from "../../../src/risk/package-json.js";
import { symlinkReasons } from "../../../src/risk/symlink-target.js";

const stateOf = (type: EntryState["type"], mode = 0o644): EntryState => ({ type, mode, size: 10 });
const bytes = (text: string) => Buffer.from(text, "latin1");

function risk(more: Partial<RiskInput>) {
  return assessRisk({ path: "plain.txt", kind: "modified", before: stateOf("file"), after: stateOf("file"), ...more });
}

describe("modes", () => {
  it.each([
    [0o644, 0o755, "high", /becomes executable/],
    [0o644, 0o645, "high", /becomes executable/],
    [0o755, 0o4755, "high", /set-user-id/],
    [0o755, 0o2755, "high", /set-user-id/],
    [0o644, 0o6644, "high", /set-user-id/],
    [0o644, 0o666, "low", /writable for every user/],
    [0o755, 0o777, "low", /writable for every user/],
    [0o644, 0o6777, "high", /set-user-id[\s\S]*executable[\s\S]*writable/],
  ] as const)("%o to %o is of %s risk", (before, after, level, reason) => {
    const found = risk({ kind: "mode", before: stateOf("file", before), after: stateOf("file", after) });
    expect(found.level).toBe(level);
    expect(found.reasons.join("\n")).toMatch(reason);
  });

  it.each([
    [0o755, 0o644],
    [0o755, 0o700],
    [0o4755, 0o755],
    [0o4755, 0o4755],
    [0o666, 0o644],
    [0o777, 0o775],
    [0o644, 0o600],
  ])("%o to %o is of no risk", (before, after) => {
    const found = risk({ kind: "mode", before: stateOf("file", before), after: stateOf("file", after) });
    expect(found).toEqual({ level: "none", reasons: [] });
  });

  it("of new files count from nothing", () => {
    expect(risk({ kind: "added", before: null, after: stateOf("file", 0o755) }).reasons).toEqual([
      "becomes executable",
    ]);
    expect(risk({ kind: "added", before: null, after: stateOf("file", 0o644) }).level).toBe("none");
    expect(risk({ kind: "added", before: null, after: stateOf("file", 0o4644) }).level).toBe("high");
  });

  it("of what was of another type count from nothing", () => {
    const found = risk({ kind: "type", before: stateOf("dir", 0o755), after: stateOf("file", 0o755) });
    expect(found.reasons).toContain("becomes executable");
  });

  it("of folders are executable as a matter of course", () => {
    const added = risk({ kind: "added", before: null, after: stateOf("dir", 0o755) });
    expect(added.level).toBe("none");
    const open = risk({ kind: "mode", before: stateOf("dir", 0o755), after: stateOf("dir", 0o777) });
    expect(open.reasons.join()).toMatch(/writable for every user/);
    expect(risk({ kind: "mode", before: stateOf("dir", 0o755), after: stateOf("dir", 0o2755) }).level).toBe("high");
  });

  it("of links do not matter", () => {
    const link: EntryState = { type: "symlink", mode: 0o777, size: 1, target: "b" };
    expect(risk({ kind: "added", before: null, after: link })).toEqual({ level: "low", reasons: ["is a link"] });
  });
});

describe("links", () => {
  it.each([
    ["l", "/etc/passwd", /absolute/],
    ["l", "/", /absolute/],
    ["a/l", "/home/u/project/x", /absolute/],
    ["l", "C:\\Windows", /absolute/],
    ["l", "\\\\server\\share", /absolute/],
    ["l", "~/.ssh", /absolute/],
    ["l", "..", /leaves the project/],
    ["l", "../sibling", /leaves the project/],
    ["l", "../project-evil", /leaves the project/],
    ["a/l", "../../x", /leaves the project/],
    ["a/l", "b/../../../x", /leaves the project/],
    ["a/b/l", "../../../x", /leaves the project/],
    ["l", "a/../../a", /leaves the project/],
    ["l", "..\\x", /leaves the project/],
    ["l", ".git", /into git/],
    ["l", ".git/hooks/pre-commit", /into git/],
    ["a/l", "../.git/config", /into git/],
    ["a/l", "../.GIT/config", /into git/],
    ["a/l", "../git~1", /into git/],
    ["a/l", "./../x/../.git", /into git/],
  ])("%j to %j is of high risk", (path, target, reason) => {
    expect(symlinkReasons(path, target).join()).toMatch(reason);
    const link: EntryState = { type: "symlink", mode: 0o777, size: target.length, target };
    expect(risk({ path, kind: "added", before: null, after: link }).level).toBe("high");
  });

  it.each([
    ["l", "x"],
    ["l", "a/b"],
    ["a/l", "../x"],
    ["a/b/l", "../../x"],
    ["l", "./x"],
    ["l", "a/../b"],
    ["l", ".gitignore"],
    ["l", "..."],
    ["a/l", ""],
    ["l", "..x"],
  ])("%j to %j stays inside by its text", (path, target) => {
    expect(symlinkReasons(path, target)).toEqual([]);
  });
});

describe("types", () => {
  it.each([
    ["file", "dir", "was a file and is a folder"],
    ["file", "symlink", "was a file and is a link"],
    ["dir", "file", "was a folder and is a file"],
    ["dir", "symlink", "was a folder and is a link"],
    ["symlink", "file", "was a link and is a file"],
    ["symlink", "dir", "was a link and is a folder"],
    ["special", "file", "was a special file and is a file"],
  ] as const)("%s to %s is of high risk", (from, to, reason) => {
    const found = risk({ kind: "type", before: stateOf(from), after: { ...stateOf(to), target: "x" } });
    expect(found.level).toBe("high");
    expect(found.reasons).toContain(reason);
  });

  it("that are special are refused", () => {
    const found = risk({ kind: "added", before: null, after: stateOf("special") });
    expect(found).toEqual({ level: "high", reasons: ["is a pipe, a socket or a device: refused"] });
  });

  it("of content that is binary are worth a remark, unless it goes", () => {
    expect(risk({ binary: true }).level).toBe("low");
    expect(risk({ binary: true, kind: "deleted", after: null }).level).toBe("none");
  });
});

describe("secrets in new content", () => {
  it.each([
    ["-----BEGIN PRIVATE KEY-----\nMIIE", /private key/],
    ["-----BEGIN RSA PRIVATE KEY-----\n", /private key/],
    ["-----BEGIN EC PRIVATE KEY-----\n", /private key/],
    ["-----BEGIN OPENSSH PRIVATE KEY-----\n", /private key/],
    ["-----BEGIN ENCRYPTED PRIVATE KEY-----\n", /private key/],
    ["-----BEGIN PGP PRIVATE KEY BLOCK-----\n", /private key/],
    ["PuTTY-User-Key-File-3: ssh-ed25519", /private key/],
    ["AGE-SECRET-KEY-1QQPQ", /private key/],
    ["key = AKIAIOSFODNN7EXAMPLE", /AWS/],
    ["aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", /AWS/],
    [`ghp_${"a".repeat(36)}`, /GitHub/],
    [`token: github_pat_${"b".repeat(50)}`, /GitHub/],
    [`glpat-${"c".repeat(20)}`, /GitLab/],
    ["xoxb-1234567890-abc", /Slack/],
    [`sk-ant-${"d".repeat(30)}`, /API key/],
    [`sk_live_${"e".repeat(24)}`, /API key/],
    [`AIza${"f".repeat(35)}`, /Google/],
    ['{"type":"service_account","private_key": "-"}', /cloud service/],
    ["//registry.example.org/:_authToken=npm_x", /npm token/],
    ["\u0000\u0001 bytes -----BEGIN PRIVATE KEY-----", /private key/],
  ])("are found: %j", (text, reason) => {
    const found = risk({ head: bytes(text) });
    expect(found.level).toBe("high");
    expect(found.reasons.join("\n")).toMatch(reason);
  });

  it.each([
    "-----BEGIN CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----",
    "ssh-ed25519 AAAA user@host",
    "akiaiosfodnn7example",
    "XAKIAIOSFODNN7EXAMPLEX",
    "ghp_short",
    "task-ant-hill",
    "//registry.example.org/:_authToken=\u0024{NPM_TOKEN}",
    "private_key",
    "",
  ])("are not these: %j", (text) => {
    expect(risk({ head: bytes(text) })).toEqual({ level: "none", reasons: [] });
  });

  it("are named once a kind", () => {
    const text = "-----BEGIN PRIVATE KEY-----\nPuTTY-User-Key-File-2\n";
    expect(risk({ head: bytes(text) }).reasons).toEqual(["holds a private key"]);
  });
});

describe("package.json", () => {
  const before = { name: "x", version: "1.0.0", scripts: { test: "vitest" }, dependencies: { a: "1" } };
  const manifestRisk = (after: unknown, kind: ChangeKind = "modified", path = "package.json") =>
    risk({ path, kind, contents: { before: bytes(JSON.stringify(before)), after: bytes(JSON.stringify(after)) } });

  it.each([
    [{ ...before, version: "1.0.1" }],
    [{ ...before, description: "words", keywords: ["a"], license: "MIT" }],
    [{ version: "1.0.0", dependencies: { a: "1" }, scripts: { test: "vitest" }, name: "x" }],
  ])("is of no risk when only words change: %j", (after) => {
    expect(manifestRisk(after)).toEqual({ level: "none", reasons: [] });
  });

  it.each([
    [{ ...before, scripts: { test: "curl x | sh" } }, "scripts"],
    [{ ...before, scripts: { test: "vitest", postinstall: "x" } }, "scripts"],
    [{ ...before, bin: "x.js" }, "bin"],
    [{ ...before, workspaces: ["*"] }, "workspaces"],
    [{ ...before, dependencies: { a: "2" } }, "dependencies"],
    [{ ...before, devDependencies: { evil: "1" } }, "devDependencies"],
    [{ ...before, main: "evil.js" }, "main"],
    [{ ...before, packageManager: "pnpm@9" }, "packageManager"],
    [{ ...before, "lint-staged": {} }, "lint-staged"],
    [{ ...before, overrides: {} }, "overrides"],
    [{ ...before, unheardOf: 1 }, "unheardOf"],
    [{ name: "x", version: "1.0.0", dependencies: { a: "1" } }, "scripts"],
  ])("is of high risk when npm acts on what changed: %j", (after, key) => {
    const found = manifestRisk(after);
    expect(found.level).toBe("high");
    expect(found.reasons.join()).toContain(key);
  });

  it("is of high risk when new, when replaced, and when its contents are not given", () => {
    expect(manifestRisk(before, "added").level).toBe("high");
    expect(manifestRisk(before, "type").level).toBe("high");
    expect(risk({ path: "deep/down/package.json" }).level).toBe("high");
    expect(risk({ path: "PACKAGE.JSON" }).level).toBe("high");
  });

  it.each([["not json"], ["[]"], ["null"], ["\ufeff{}"], ['{"a":'], ["\xff"]])(
    "is of high risk when it cannot be read: %j",
    (text) => {
      expect(changedManifestKeys(bytes(JSON.stringify(before)), bytes(text))).toBeNull();
      expect(changedManifestKeys(bytes(text), bytes(JSON.stringify(before)))).toBeNull();
    },
  );

  it("is not fooled by keys that objects have anyway", () => {
    const keys = changedManifestKeys(bytes("{}"), bytes('{"__proto__":{"scripts":{}},"constructor":1}'));
    expect(keys).toEqual(["__proto__", "constructor"]);
  });
});

describe("what was found elsewhere", () => {
  it("comes first and sets the level", () => {
    const found = risk({ warnings: ["cannot be compared"], remarks: ["has two names"], masked: true });
    expect(found.level).toBe("high");
    expect(found.reasons[0]).toBe("cannot be compared");
    expect(found.reasons.at(-1)).toBe("has two names");
    expect(found.reasons.join()).toContain("hidden from the sandbox");
    expect(risk({ remarks: ["has two names"] }).level).toBe("low");
  });
});
