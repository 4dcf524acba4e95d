import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isAirlockError } from "../../../src/base/errors.js";
import { parseToolCall } from "../../../src/tools/parse-call.js";
import { pathsOfCall } from "../../../src/tools/tool-call.js";

const place = { workspace: "/work/shop", home: "/home/agent" };
const parse = (name: string, given: unknown) => parseToolCall(name, given, place);

function problem(name: string, given: unknown): string {
  try {
    parse(name, given);
  } catch (error) {
    if (isAirlockError(error, "E_TOOL_ARGUMENTS")) return error.message;
    throw error;
  }
  throw new Error(`${name} took ${JSON.stringify(given)}`);
}

const lines = (path: string, start: number, end: number) => ({
  tool: "read",
  operations: [{ mode: "line", path: `/work/shop/${path}`, start, end }],
});

describe("both dialects say the same", () => {
  it.each<[string, string, object, object]>([
    ["fs_read", "fs_read", { operations: [{ mode: "Line", path: "a", start_line: 2, end_line: 3 }] }, lines("a", 2, 3)],
    ["ops", "fsRead", { ops: [{ path: "a", offset: 1, limit: 2 }] }, lines("a", 2, 3)],
    ["one operation alone", "read", { path: "a", startLine: 2, endLine: 3 }, lines("a", 2, 3)],
    ["defaults", "read", { path: "a" }, lines("a", 1, -1)],
    [
      "ls",
      "ls",
      { path: "a", depth: 2, ignore: ["x"] },
      { tool: "read", operations: [{ mode: "directory", path: "/work/shop/a", depth: 2, ignore: ["x"] }] },
    ],
    [
      "imageRead",
      "imageRead",
      { paths: ["a", "b"] },
      {
        tool: "read",
        operations: [
          { mode: "image", path: "/work/shop/a" },
          { mode: "image", path: "/work/shop/b" },
        ],
      },
    ],
    [
      "str_replace",
      "fs_write",
      { command: "str_replace", path: "a", old_str: "x", new_str: "" },
      { tool: "write", path: "/work/shop/a", change: { command: "str_replace", old: "x", text: "", all: false } },
    ],
    [
      "strReplace",
      "fsWrite",
      { command: "strReplace", path: "a", oldStr: "x", newStr: "y", replaceAll: true },
      { tool: "write", path: "/work/shop/a", change: { command: "str_replace", old: "x", text: "y", all: true } },
    ],
    [
      "content",
      "fsWrite",
      { command: "create", path: "a", content: "x" },
      { tool: "write", path: "/work/shop/a", change: { command: "create", text: "x" } },
    ],
    [
      "insertLine",
      "write",
      { command: "insert", path: "a", insertLine: 3, content: "x" },
      { tool: "write", path: "/work/shop/a", change: { command: "insert", line: 3, text: "x" } },
    ],
    [
      "use_aws",
      "use_aws",
      { service_name: "s3", operation_name: "ls", region: "eu-central-1", profile_name: "p", label: "x" },
      { tool: "aws", service: "s3", operation: "ls", region: "eu-central-1", parameters: {} },
    ],
  ])("%s", (_name, tool, given, expected) => {
    expect(parse(tool, given)).toEqual(expected);
  });

  it.each(["execute_bash", "execute_cmd", "executeCmd", "executeBash", "shell"])("%s", (name) => {
    expect(parse(name, { command: "ls", summary: "look" })).toMatchObject({
      tool: "shell",
      command: "ls",
      folder: "/work/shop",
      timeoutMs: 600_000,
      persistent: false,
    });
  });
});

describe("what is no call is refused by name", () => {
  it.each<[string, unknown, RegExp]>([
    ["read", { path: "a", foo: 1 }, /operations\.0: unknown field "foo"/],
    ["read", { operations: [{ path: "a", pth: 1 }] }, /operations\.0: unknown field "pth"/],
    ["read", { operations: [{ path: "a" }], paths: ["b"] }, /unknown field "paths"/],
    ["read", { operations: [] }, /operations/],
    ["read", {}, /needs "path"/],
    ["read", { operations: [{ mode: "Search", path: "a" }] }, /search needs "pattern"/],
    ["read", { operations: [{ mode: "Link", path: "a" }] }, /operations\.0\.mode/],
    ["read", { path: "a", start_line: 1, limit: 3 }, /do not go with/],
    ["read", { path: "a", start_line: 1.5 }, /start_line/],
    ["read", { path: "a", start_line: "1" }, /start_line/],
    ["read", [], /no object/],
    ["read", null, /no object/],
    ["write", { command: "create", path: "a" }, /create needs "file_text"/],
    ["write", { command: "create", path: "a", file_text: "x", content: "y" }, /the same field/],
    ["write", { command: "delete", path: "a" }, /command/],
    ["write", { command: "str_replace", path: "a", old_str: "", new_str: "x" }, /needs "old_str"/],
    ["write", { command: "str_replace", path: "a", old_str: "x" }, /needs "new_str"/],
    [
      "write",
      { command: "str_replace", path: "a", old_str: "x", oldStr: "y", new_str: "z" },
      /"old_str" is given twice/,
    ],
    ["write", { command: "insert", path: "a", new_str: "x" }, /needs "insert_line"/],
    ["write", { command: "create", path: "a", file_text: "x".repeat(5_000_000) }, /file_text/],
    ["shell", { command: "" }, /command/],
    ["shell", { command: "x".repeat(120_001) }, /command/],
    ["shell", { command: "a\0b" }, /NUL/],
    ["shell", { command: "a", env: { "A=B": "c" } }, /env/],
    ["shell", { command: "a", env: { A: "\0" } }, /NUL/],
    ["shell", { command: "a", timeout: 0 }, /timeout/],
    ["shell", { command: "a", timeout: Number.POSITIVE_INFINITY }, /timeout/],
    ["shell", { command: "a", persistent: true, env: { A: "b" } }, /own variables/],
    ["shell", { command: "a", trusted: true }, /unknown field "trusted"/],
    ["aws", { service_name: "s3", region: "x" }, /operation_name/],
    ["glob", { pattern: "a\0" }, /NUL/],
    ["glob", { pattern: "a", limit: 0 }, /limit/],
    ["grep", { pattern: "a", output_mode: "all" }, /output_mode/],
    ["grep", { pattern: "" }, /pattern/],
    ["Read", { path: "a" }, /no tool "Read"/],
    ["SHELL", { command: "a" }, /no tool/],
    ["rеad", { path: "a" }, /no tool/],
    ["read ", { path: "a" }, /no tool/],
    ["__proto__", {}, /no tool/],
    ["constructor", {}, /no tool/],
    ["\u001b[2J", {}, /no tool "\\x1b\[2J"/],
  ])("%s %j", (name, given, says) => {
    expect(problem(name, given)).toMatch(says);
  });

  it("escapes the names that it quotes", () => {
    expect(problem("read", { path: "a", "\u001b]0;x\u0007": 1 })).not.toContain("\u001b");
  });
});

describe("a path", () => {
  it.each<[string, string]>([
    ["a/b", "/work/shop/a/b"],
    ["../shop/a", "/work/shop/a"],
    ["../../etc/passwd", "/etc/passwd"],
    ["/work/shop/../other", "/work/other"],
    ["a//b/./c/", "/work/shop/a/b/c"],
    ["~/x", "/home/agent/x"],
    ["~", "/home/agent"],
    ["~x", "/work/shop/~x"],
    ["/", "/"],
    [".", "/work/shop"],
    ["..%2f..%2fetc", "/work/shop/..%2f..%2fetc"],
    ["\udcff", "/work/shop/\udcff"],
  ])("%j is %s", (given, expected) => {
    expect(pathsOfCall(parse("read", { path: given }))).toEqual([expected]);
  });

  it.each(["", "a\0b", "file:///etc/passwd", "http://x/y", "a\ud800", "a\udc00b", `/${"x/".repeat(2_100)}`])(
    "%j is none",
    (given) => {
      expect(problem("read", { path: given })).toMatch(/path|empty/);
    },
  );

  it("is always absolute and normal, whatever is given", () => {
    const piece = fc.constantFrom("..", ".", "", "a", "~", "b c", "…", "%2e%2e", "\\", "-rf");
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 12 }), (pieces) => {
        const given = pieces.join("/");
        if (given === "") return;
        const [path = ""] = pathsOfCall(parse("read", { path: given }));
        expect(path).toMatch(/^\//);
        expect(path === "/" ? [] : path.slice(1).split("/")).not.toContain("..");
        expect(path).not.toMatch(/\/\/|\/\.(\/|$)|.\/$/);
      }),
    );
  });
});

describe("anything at all", () => {
  it("is a call or a refusal, and never something else", () => {
    const name = fc.constantFrom("read", "write", "shell", "aws", "glob", "grep", "ls", "imageRead");
    const key = fc.constantFrom(
      "path",
      "operations",
      "ops",
      "command",
      "mode",
      "pattern",
      "env",
      "paths",
      "cwd",
      "__proto__",
      "old_str",
      "x",
    );
    const value = fc.oneof(
      fc.anything({ maxDepth: 3 }),
      fc.constantFrom("create", "Line", "insert"),
      fc.dictionary(key, fc.anything()),
    );
    fc.assert(
      fc.property(name, fc.dictionary(key, value), (tool, given) => {
        try {
          const call = parse(tool, given);
          for (const path of pathsOfCall(call)) expect(path).toMatch(/^\/[^\0]*$/);
        } catch (error) {
          expect(isAirlockError(error, "E_TOOL_ARGUMENTS")).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
