import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { hookAgents } from "../../../src/hooks/agents.js";
import { hookFiles } from "../../../src/hooks/hook-files.js";
import { renderAllowed, renderDenied } from "../../../src/hooks/render-answer.js";
import { HookReader, sendAnswer } from "../../../src/session/hooks/hook-frames.js";

describe("an answer", () => {
  test("that denies blocks in the agent's own protocol, with its reason on one line", () => {
    const why = "denied by policy: \u001b[2J\nyes";
    for (const agent of hookAgents) {
      const { code, stdout, stderr } = renderDenied(agent, why);
      expect(`${stdout}${stderr}`, agent).toContain("denied by policy: ");
      for (const raw of ["\u001b", "\nyes"]) expect(`${stdout}${stderr}`, agent).not.toContain(raw);
      if (agent !== "copilot") expect(code, agent).toBe(2);
    }
    expect(JSON.parse(renderDenied("copilot", "no").stdout)).toEqual({
      permissionDecision: "deny",
      permissionDecisionReason: "airlock: no",
    });
    expect(JSON.parse(renderDenied("gemini", "no").stdout)).toEqual({ decision: "deny", reason: "airlock: no" });
  });

  test("that allows says so where the agent can be told, and nothing elsewhere", () => {
    expect(hookAgents.map((agent) => renderAllowed(agent, "shell:ls *").code)).toEqual(hookAgents.map(() => 0));
    expect(JSON.parse(renderAllowed("claude", "a").stdout)).toMatchObject({
      hookSpecificOutput: { hookEventName: "PreToolUse", permissionDecision: "allow" },
    });
    for (const agent of ["kiro", "codex", "opencode"] as const) expect(renderAllowed(agent, "a").stdout).toBe("");
  });

  test("travels with its lengths", async () => {
    const stream = new PassThrough();
    sendAnswer(stream, { code: 2, stdout: "", stderr: "no\n" });
    expect(await text(stream)).toBe("\u0001\u0002\0\0\0\0\0\0\0\u0003no\n");
  });
});

function request(agent: string, event: string, payload: string, length = payload.length): Buffer {
  const head = Buffer.from([1, agent.length, ...Buffer.from(agent), event.length, ...Buffer.from(event), 0, 0, 0, 0]);
  head.writeUInt32BE(length, head.length - 4);
  return Buffer.concat([head, Buffer.from(payload)]);
}

describe("a request", () => {
  test("is whole once all of it is there, in whatever pieces", () => {
    const bytes = request("claude", "PreToolUse", '{"a":1}');
    const reader = new HookReader();
    const found = [...bytes].map((byte) => reader.push(Buffer.from([byte])));
    expect(found.slice(0, -1).every((each) => each === null)).toBe(true);
    expect(found.at(-1)).toMatchObject({ agent: "claude", event: "PreToolUse", payload: Buffer.from('{"a":1}') });
  });

  test.each([
    ["another version", Buffer.from([2, 0, 0, 0, 0, 0, 0])],
    ["a name with other characters", request("cl aude", "", "{}")],
    ["a payload beyond the limit", request("claude", "", "", 8 * 1024 * 1024 + 1)],
    ["more than it says", request("claude", "", "{}x", 2)],
  ])("with %s is refused", (_what, bytes) => {
    expect(() => new HookReader().push(bytes)).toThrow("garbled");
  });
});

describe("the files of an agent", () => {
  test("call the hatch before and after every tool, and wait longer than it does", () => {
    for (const agent of hookAgents) {
      const files = hookFiles(agent);
      const all = files.map(({ content }) => content).join("\n");
      for (const { path, content } of files) {
        expect(path, agent).toMatch(/^\.[a-z./]+$/);
        if (path.endsWith(".json")) expect(JSON.parse(content), path).toBeTypeOf("object");
      }
      if (agent !== "opencode")
        expect(all.match(new RegExp(`/airlock/hatch hook ${agent} `, "g"))?.length).toBeGreaterThan(1);
    }
    const paths = hookAgents.flatMap((agent) => hookFiles(agent).map(({ path }) => path));
    expect(paths).toEqual([
      ".kiro/agents/airlock.json",
      ".kiro/hooks/airlock.json",
      ".claude/settings.json",
      ".codex/hooks.json",
      ".gemini/settings.json",
      ".copilot/hooks/airlock.json",
      ".config/opencode/plugin/airlock.js",
    ]);
  });

  test("opencode's plugin is a module that throws where the hatch is not there", async () => {
    const [file] = hookFiles("opencode");
    const module = await import(`data:text/javascript,${encodeURIComponent(file?.content ?? "")}`);
    const plugin = await module.AirlockPlugin({ directory: "/" });
    await expect(plugin["tool.execute.before"]({ tool: "bash", callID: "1" }, { args: {} })).rejects.toThrow("airlock");
    await plugin["tool.execute.after"]({ tool: "bash", callID: "1" }, { output: "" });
  });
});
