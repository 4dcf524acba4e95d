import fc from "fast-check";
import { expect, test } from "vitest";
import { mapPermission } from "../../../src/hooks/map-permission.js";

const folder = "/p";

const touched = (asked: { kind: string | null; title?: string; input?: unknown; places?: string[] }): unknown =>
  mapPermission({ title: null, input: null, places: [], ...asked }, folder)?.map(({ tool, arguments: given }) => {
    const { command, path, operations } = given as { command?: string; path?: string; operations?: { path: string }[] };
    return [tool, tool === "shell" ? command : (path ?? operations?.map((each) => each.path))];
  }) ?? null;

test.each([
  ["a command", { kind: "execute", input: { command: "ls" } }, [["shell", "ls"]]],
  ["its words", { kind: "execute", input: { command: ["bash", "-lc", "rm -r x"] } }, [["shell", "rm -r x"]]],
  ["a command that is its title", { kind: "execute", title: "rm x" }, [["shell", "rm x"]]],
  ["a command whose title was cut", { kind: "execute", title: "ls; rm …" }, null],
  ["a title beside a command", { kind: "execute", title: "ls", input: { command: "rm x" } }, [["shell", "rm x"]]],
  ["a command without its text", { kind: "execute", input: {} }, null],
  ["a command by another kind", { kind: "other", input: { command: "rm x" } }, [["shell", "rm x"]]],
  [
    "a command that says it reads",
    { kind: "read", input: { command: "cat x" }, places: ["x"] },
    [
      ["shell", "cat x"],
      ["read", ["/p/x"]],
    ],
  ],
  [
    "an editor's word",
    { kind: "edit", input: { command: "create", path: "/p/n", file_text: "" } },
    [["write", "/p/n"]],
  ],
  ["a file to read", { kind: "read", input: { absolute_path: "/etc/passwd" } }, [["read", ["/etc/passwd"]]]],
  [
    "an edit of what it shows beside its input",
    { kind: "edit", input: { file_path: "a" }, places: ["b", "a"] },
    [
      ["write", "/p/a"],
      ["write", "/p/b"],
    ],
  ],
  ["an edit of nothing", { kind: "edit", input: {} }, null],
  ["a deletion", { kind: "delete", places: ["/p/a"] }, [["write", "/p/a"]]],
  [
    "both ends of a move",
    { kind: "move", input: { source: "a", destination: "../b" } },
    [
      ["write", "/p/a"],
      ["write", "/b"],
    ],
  ],
  ["a search", { kind: "search", input: { pattern: "x", path: "src" } }, [["grep", "/p/src"]]],
  ["a fetch, which the gate decides", { kind: "fetch", input: { url: "https://x" } }, null],
  ["what nobody knows", { kind: "switch_mode", input: { plan: "" } }, null],
  ["two commands", { kind: "execute", input: { command: "ls", cmd: "rm x" } }, null],
])("%s", (_name, asked, calls) => {
  expect(touched(asked)).toEqual(calls);
});

test("every place that is named is judged, or a person is asked", () => {
  const name = fc.stringMatching(/^[a-z]{1,8}$/);
  fc.assert(
    fc.property(
      fc.constantFrom("edit", "delete", "move"),
      fc.array(name, { maxLength: 80 }),
      name,
      (kind, places, own) => {
        const calls = mapPermission({ kind, title: null, input: { path: own }, places }, folder);
        if (calls === null) return;
        const judged = calls.map(({ arguments: given }) => given["path"]);
        for (const each of [...places, own]) expect(judged).toContain(`/p/${each}`);
      },
    ),
  );
});
