import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AirlockError } from "../../../src/base/errors.js";
import type { HookAgent } from "../../../src/hooks/agents.js";
import { type HookEvent, isAfterEvent, readHookEvent } from "../../../src/hooks/read-event.js";
import { parseToolCall } from "../../../src/tools/parse-call.js";
import { parseArguments } from "../../../src/tools/parse-json.js";

const workspace = "/home/alice/shop";
const cwd = `${workspace}/src`;
const place = { workspace, home: "/home/agent" };

function read(agent: HookAgent, event: string, payload: unknown): HookEvent {
  return readHookEvent({ agent, event, payload, workspace, parseJson: parseArguments });
}

/** What trust is asked about, in the form that our own parser gives it. */
function calls(agent: HookAgent, event: string, payload: unknown) {
  const found = read(agent, event, payload);
  if (found.phase !== "before") throw new Error("not before a tool");
  return found.calls?.map((each) => parseToolCall(each.tool, each.arguments, place)) ?? null;
}

const claude = (tool_name: string, tool_input: unknown) =>
  calls("claude", "PreToolUse", {
    session_id: "2f0c",
    transcript_path: "/home/agent/.claude/projects/x.jsonl",
    cwd,
    permission_mode: "default",
    hook_event_name: "PreToolUse",
    tool_name,
    tool_input,
    tool_use_id: "toolu_01",
  });

describe("Claude Code", () => {
  test.each([
    [
      "Bash",
      { command: "npm test", description: "Runs the tests", timeout: 1 },
      { tool: "shell", command: "npm test", folder: cwd },
    ],
    [
      "Read",
      { file_path: "/etc/passwd", offset: 3 },
      { tool: "read", operations: [{ mode: "line", path: "/etc/passwd" }] },
    ],
    ["LS", { path: "/tmp" }, { tool: "read", operations: [{ mode: "directory", path: "/tmp" }] }],
    [
      "Write",
      { file_path: "a.ts", content: "x" },
      { tool: "write", path: `${cwd}/a.ts`, change: { command: "create", text: "x" } },
    ],
    [
      "Edit",
      { file_path: "/a", old_string: "one", new_string: "two", replace_all: true },
      { tool: "write", path: "/a", change: { command: "str_replace", old: "one", text: "two" } },
    ],
    [
      "MultiEdit",
      {
        file_path: "/a",
        edits: [
          { old_string: "1", new_string: "2" },
          { old_string: "3", new_string: "4" },
        ],
      },
      { tool: "write", path: "/a", change: { old: "1\n3", text: "2\n4" } },
    ],
    [
      "NotebookEdit",
      { notebook_path: "/n.ipynb", new_source: "s" },
      { tool: "write", path: "/n.ipynb", change: { text: "s" } },
    ],
    ["Glob", { pattern: "/etc/**/*.conf" }, { tool: "glob", path: "/etc" }],
    ["Glob", { pattern: "../../../x*/y" }, { tool: "glob", path: "/home" }],
    ["Grep", { pattern: "TODO", glob: "*.ts", "-n": true }, { tool: "grep", path: cwd, pattern: "TODO" }],
  ])("%s", (name, input, wanted) => {
    expect(claude(name, input)).toMatchObject([wanted]);
  });

  test("its own affairs touch nothing; what is not known here is nobody's", () => {
    expect(claude("TodoWrite", { todos: [] })).toEqual([]);
    expect(claude("mcp__files__exec", { command: "rm -rf /" })).toBeNull();
    expect(claude("bash", { command: "a look-alike" })).toBeNull();
    expect(claude("constructor", {})).toBeNull();
  });

  test("says when it asks nobody", () => {
    const payload = { tool_name: "Read", tool_input: { file_path: "/a" }, permission_mode: "bypassPermissions" };
    expect(read("claude", "PreToolUse", payload)).toMatchObject({ isUnasked: true });
    expect(read("claude", "PreToolUse", { ...payload, permission_mode: "default" })).toMatchObject({
      isUnasked: false,
    });
  });
});

describe("Kiro", () => {
  const kiro = (tool_name: string, tool_input: unknown) =>
    calls("kiro", "preToolUse", { hook_event_name: "preToolUse", cwd, tool_name, tool_input });

  test.each([
    ["execute_bash", { command: "ls -l", summary: "looks" }, { tool: "shell", command: "ls -l", folder: cwd }],
    ["shell", { command: "ls" }, { tool: "shell", command: "ls" }],
    ["fs_write", { command: "create", path: "~/x", file_text: "t" }, { tool: "write", path: "/home/agent/x" }],
    [
      "fsWrite",
      { command: "strReplace", path: "/a", oldStr: "o", newStr: "n" },
      { tool: "write", change: { old: "o", text: "n" } },
    ],
    [
      "write",
      { command: "append", path: "/a", new_str: "n" },
      { tool: "write", change: { command: "append", text: "n" } },
    ],
    [
      "fs_write",
      { command: "insert", path: "/a", insert_line: 2, new_str: "n" },
      { change: { command: "insert", line: 2, text: "n" } },
    ],
    [
      "use_aws",
      { service_name: "s3", operation_name: "list-buckets", region: "eu-west-1", label: "l" },
      { tool: "aws", service: "s3" },
    ],
    ["grep", { pattern: "x", path: "/srv" }, { tool: "grep", path: "/srv" }],
  ])("%s", (name, input, wanted) => {
    expect(kiro(name, input)).toMatchObject([wanted]);
  });

  test("reads of both engines, with every path that they name", () => {
    const first = kiro("fs_read", {
      operations: [
        { mode: "Line", path: "/a", start_line: 1 },
        { mode: "Image", image_paths: ["/b", "c"] },
      ],
    });
    expect(first).toMatchObject([{ tool: "read", operations: [{ path: "/a" }, { path: "/b" }, { path: `${cwd}/c` }] }]);
    expect(kiro("fsRead", { ops: [{ path: "/a", limit: 3 }, { path: "/b" }] })).toMatchObject([
      { tool: "read", operations: [{ path: "/a" }, { path: "/b" }] },
    ]);
    expect(kiro("imageRead", { paths: ["/p.png"] })).toMatchObject([{ operations: [{ path: "/p.png" }] }]);
  });

  test("the third engine's hook is the same with another spelling", () => {
    const payload = { hook_event_name: "PreToolUse", cwd, tool_name: "execute_bash", tool_input: { command: "ls" } };
    expect(calls("kiro", "PreToolUse", payload)).toMatchObject([{ tool: "shell" }]);
  });

  test("what starts another agent beside it is not taken for its own affair", () => {
    expect(kiro("delegate", { operation: "launch", task: "x" })).toBeNull();
  });
});

describe("Codex", () => {
  const codex = (tool_name: string, tool_input: unknown) =>
    calls("codex", "PreToolUse", {
      hook_event_name: "PreToolUse",
      turn_id: "1",
      cwd,
      permission_mode: "default",
      tool_name,
      tool_input,
      tool_use_id: "call_1",
    });

  test("commands, also as a list", () => {
    expect(codex("Bash", { command: "ls" })).toMatchObject([{ tool: "shell", command: "ls" }]);
    expect(codex("shell", { command: ["bash", "-lc", "ls | wc"] })).toMatchObject([{ command: "ls | wc" }]);
    expect(codex("shell", { command: ["rm", "a b; c'd"] })).toMatchObject([{ command: `'rm' 'a b; c'\\''d'` }]);
    expect(codex("exec_command", { cmd: "ls", workdir: "/srv" })).toMatchObject([{ command: "ls", folder: "/srv" }]);
  });

  test("a patch writes every file that it names, and where they are moved to", () => {
    const command = [
      "*** Begin Patch",
      "*** Add File: new.ts",
      "+*** Add File: not-this-one",
      "*** Update File: /abs.ts",
      "*** Move to: moved.ts",
      "*** Delete File: ../gone.ts",
      "*** End Patch",
    ].join("\n");
    const found = codex("apply_patch", { command })?.map((each) => ("path" in each ? each.path : null));
    expect(found).toEqual([`${cwd}/new.ts`, "/abs.ts", `${cwd}/moved.ts`, `${workspace}/gone.ts`]);
    expect(() => codex("apply_patch", { command: "*** Begin Patch\n*** End Patch" })).toThrow("names no file");
  });

  test("what types into an open shell is not taken for its own affair", () => {
    expect(codex("write_stdin", { session_id: 1, chars: "rm -rf .\n" })).toBeNull();
  });
});

describe("Gemini", () => {
  const gemini = (tool_name: string, tool_input: unknown) =>
    calls("gemini", "BeforeTool", { hook_event_name: "BeforeTool", timestamp: "t", cwd, tool_name, tool_input });

  test.each([
    ["run_shell_command", { command: "ls", directory: "lib" }, { tool: "shell", folder: `${cwd}/lib` }],
    ["read_file", { absolute_path: "/a" }, { tool: "read", operations: [{ path: "/a" }] }],
    ["list_directory", { dir_path: "/a" }, { tool: "read", operations: [{ mode: "directory", path: "/a" }] }],
    ["write_file", { file_path: "/a", content: "c" }, { tool: "write", path: "/a" }],
    ["replace", { file_path: "/a", old_string: "", new_string: "n" }, { tool: "write", change: { command: "create" } }],
    ["search_file_content", { pattern: "p", dir_path: "/d" }, { tool: "grep", path: "/d" }],
    ["read_many_files", { include: ["/etc/*"] }, { tool: "glob", path: "/etc" }],
  ])("%s", (name, input, wanted) => {
    expect(gemini(name, input)).toMatchObject([wanted]);
  });
});

describe("Copilot", () => {
  const copilot = (toolName: string, toolArgs: unknown) =>
    calls("copilot", "preToolUse", { sessionId: "s", timestamp: 1, cwd, toolName, toolArgs });

  test.each([
    ["bash", { command: "ls", description: "d" }, { tool: "shell", command: "ls", folder: cwd }],
    ["view", { path: "/a", view_range: [1, 2] }, { tool: "read", operations: [{ path: "/a" }] }],
    ["create", { path: "/a", file_text: "t" }, { tool: "write", change: { command: "create", text: "t" } }],
    ["str_replace_editor", { command: "view", path: "/a" }, { tool: "read" }],
    ["str_replace_editor", { command: "str_replace", path: "/a", old_str: "o", new_str: "n" }, { tool: "write" }],
  ])("%s, with arguments as an object and as a text of JSON", (name, input, wanted) => {
    expect(copilot(name, input)).toMatchObject([wanted]);
    expect(copilot(name, JSON.stringify(input))).toMatchObject([wanted]);
  });

  test("a text that two readers could read differently is not taken", () => {
    expect(() => copilot("bash", '{"command":"ls","command":"rm -rf /"}')).toThrow("twice");
    expect(copilot("write_bash", { sessionId: "1", input: "rm -rf .{enter}" })).toBeNull();
  });
});

describe("opencode", () => {
  test("the plugin's calls", () => {
    const opencode = (tool_name: string, tool_input: unknown) =>
      calls("opencode", "tool.execute.before", { cwd, tool_name, tool_use_id: "c", tool_input });
    expect(opencode("bash", { command: "ls", workdir: "/srv" })).toMatchObject([{ tool: "shell", folder: "/srv" }]);
    expect(opencode("edit", { filePath: "/a", oldString: "o", newString: "n" })).toMatchObject([{ path: "/a" }]);
    expect(opencode("apply_patch", { patchText: "*** Update File: a" })).toMatchObject([{ path: `${cwd}/a` }]);
  });
});

describe("every agent", () => {
  test("what comes after a tool is told apart, by the hook's event and the payload's", () => {
    expect(read("claude", "PostToolUse", { tool_name: "Bash", tool_response: { stdout: "x" } })).toEqual({
      phase: "after",
      name: "Bash",
      use: null,
      response: { stdout: "x" },
    });
    expect(read("gemini", "", { hook_event_name: "AfterTool", tool_name: "glob" })).toMatchObject({ phase: "after" });
    expect(() => read("claude", "PreToolUse", { hook_event_name: "PostToolUse", tool_name: "Bash" })).toThrow(
      "another one",
    );
    expect(() => read("claude", "SessionStart", { tool_name: "Bash" })).toThrow("no event of a tool");
    expect([isAfterEvent("tool.execute.after"), isAfterEvent("PreToolUse"), isAfterEvent("constructor")]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test.each([
    ["no object", null],
    ["a list", []],
    ["no tool", {}],
    ["two tools", { tool_name: "Read", toolName: "Bash", tool_input: {} }],
    ["two inputs", { tool_name: "Bash", tool_input: {}, toolArgs: {} }],
    ["a name without end", { tool_name: "B".repeat(257), tool_input: {} }],
    ["an input that is a list", { tool_name: "Bash", tool_input: ["ls"] }],
    ["no command", { tool_name: "Bash", tool_input: { command: 7 } }],
    ["two commands", { tool_name: "Bash", tool_input: { command: "ls", cmd: "rm" } }],
    ["no path", { tool_name: "Read", tool_input: {} }],
    ["a path that is none", { tool_name: "Write", tool_input: { file_path: { toString: "/a" }, content: "" } }],
    ["too many paths", { tool_name: "Read", tool_input: { paths: Array.from({ length: 65 }, (_, at) => `/${at}`) } }],
  ])("%s is not understood", (_what, payload) => {
    expect(() => read("claude", "PreToolUse", payload)).toThrow(AirlockError);
  });

  test("any payload is a call or a refusal, and never more paths than were named", () => {
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom("Bash", "Read", "Edit", "Glob", "apply_patch", "PreToolUse", "/a/../b"),
    );
    const input = fc.dictionary(
      fc.constantFrom(
        "command",
        "file_path",
        "path",
        "paths",
        "pattern",
        "edits",
        "operations",
        "__proto__",
        "content",
      ),
      fc.oneof(
        text,
        fc.array(text),
        fc.array(fc.dictionary(fc.constantFrom("path", "old_string"), text)),
        fc.anything(),
      ),
    );
    fc.assert(
      fc.property(fc.constantFrom("claude", "codex", "kiro", "gemini"), text, input, (agent, tool_name, tool_input) => {
        try {
          const event = read(agent as HookAgent, "PreToolUse", { tool_name, tool_input });
          expect(event.phase).toBe("before");
        } catch (error) {
          expect(error).toMatchObject({ code: "E_TOOL_ARGUMENTS" });
        }
      }),
    );
  });
});
