import { expect, it } from "vitest";
import type { TrustSubject } from "../../../src/model/tool.js";
import { callRisks } from "../../../src/session/tools/call-risk.js";
import { parseToolCall } from "../../../src/tools/parse-call.js";
import { pathsOfCall } from "../../../src/tools/tool-call.js";

const place = { workspace: "/w", home: "/home/agent" };

function risks(
  name: string,
  args: object,
  targets: readonly string[] = [],
  links: readonly (readonly [string, string])[] = [],
) {
  const call = parseToolCall(name, args, place);
  const subject = (
    name === "shell" ? { tool: name, links: new Map(links) } : { tool: name, paths: pathsOfCall(call) }
  ) as TrustSubject;
  return callRisks(call, subject, targets, place.workspace);
}

const create = (path: string, text = "x") => risks("write", { command: "create", path, file_text: text });

it("is what a written path does on the host later, or that nobody reviews it", () => {
  expect(create("src/a.ts")).toEqual([]);
  expect(create(".envrc")).toEqual([expect.stringMatching(/^\.envrc .*shell/)]);
  expect(create(".GIT/hooks/pre-commit")[0]).toMatch(/^\.GIT\/hooks\/pre-commit /);
  expect(create("/etc/passwd")).toEqual([expect.stringMatching(/outside the project/)]);
  expect(risks("shell", { command: "echo > a" }, ["/w/a"], [["/w/a", "/w/.envrc"]])).toHaveLength(1);
  expect(risks("read", { path: "/etc/passwd" })).toEqual([]);
});

it("is text that reads otherwise than it is", () => {
  expect(risks("shell", { command: "ls" })).toEqual([]);
  expect(risks("shell", { command: "rm \u202etxt.a" })).toEqual([
    expect.stringMatching(/^the command .*reading direction/),
  ]);
  expect(create("a.ts", "a\u200bb")).toEqual([expect.stringMatching(/^the text .*cannot be seen/)]);
});
