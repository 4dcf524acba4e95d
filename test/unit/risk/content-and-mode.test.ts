import { describe, expect, it } from "vitest";
import type { EntryState } from "../../../src/model/change.js";
import { assessRisk, type RiskInput } from "../../../src/risk/assess.js";
import { symlinkReasons } from "../../../src/risk/symlink-target.js";

const stateOf = (type: EntryState["type"], mode = 0o644): EntryState => ({ type, mode, size: 10 });
const bytes = (text: string) => Buffer.from(text, "latin1");
const seen = (text: string) => ({ bytes: bytes(text) });

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
    // The chain of CVE-2026-26960: `c/up` may itself lead up.
    ["a/b/escape", "c/up/../..", /folder and up again/],
    ["l", "a/../b", /folder and up again/],
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

describe("binary content", () => {
  it("that was text cannot be reviewed, and is of high risk", () => {
    const found = risk({ binary: true, contents: { before: seen("text\n"), after: seen("a\0b") } });
    expect(found.level).toBe("high");
    expect(found.reasons.join()).toMatch(/was text and is binary now/);
    const ever = risk({ binary: true, contents: { before: seen("x\0y"), after: seen("a\0b") } });
    expect(ever).toEqual({ level: "low", reasons: ["is binary, so its content cannot be read here"] });
    expect(risk({ binary: true, contents: { before: seen(""), after: seen("a\0b") } }).level).toBe("low");
    expect(risk({ binary: true, contents: { before: seen("x\0"), after: seen("now text") } }).level).toBe("low");
  });

  it.each([
    ["tool", "\x7fELF\x02\x01\x01\0", /machine code/],
    ["tool", "\xcf\xfa\xed\xfe\x07\0\0\x01", /machine code/],
    ["a.class", "\xca\xfe\xba\xbe\0\0\0\x34", /Java/],
    ["a.wasm", "\0asm\x01\0\0\0", /WebAssembly/],
    ["tool.bin", `MZ${"\0".repeat(58)}\x40\0\0\0PE\0\0`, /Windows/],
    ["lib/a.jar", "PK\x03\x04\x14\0", /Java/],
    ["__pycache__/a.cpython-312.pyc", "\xcb\r\r\n\0\0\0\0", /compiled Python/],
    ["native.NODE", "x\0", /machine code/],
  ])("that is a program is of high risk, though no bit says so: %s", (path, content, reason) => {
    const found = risk({ path, kind: "added", before: null, binary: true, contents: { after: seen(content) } });
    expect(found.level).toBe("high");
    expect(found.reasons.join("\n")).toMatch(reason);
  });

  it.each([
    ["a.png", "\x89PNG\r\n\x1a\n\0"],
    ["a.txt", "MZ is how it begins"],
    ["a.bin", `MZ${"\0".repeat(62)}`],
    ["a.jar.txt", "PK\x03\x04\0"],
    ["notes.so", "plain text"],
  ])("is not taken for a program where it is none: %s", (path, content) => {
    expect(risk({ path, contents: { before: seen("x\0"), after: seen(content) } }).level).toBe("none");
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
