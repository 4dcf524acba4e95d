import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { holderOf } from "../../src/base/file-lock.js";
import { waitingQuestions } from "../../src/session/tools/ask-session.js";
import { type ShellResult, ToolLab } from "../support/tool-lab.js";

let tools: ToolLab;
beforeAll(async () => {
  tools = await ToolLab.open("--hooks");
}, 120_000);
afterAll(() => tools?.[Symbol.asyncDispose]());

const hook = (name: string, payload: unknown): Promise<ShellResult> =>
  tools.shell(`printf %s "$PAYLOAD" | /airlock/hatch hook ${name}`, { env: { PAYLOAD: JSON.stringify(payload) } });

const using = (tool_name: string, tool_input: unknown) => ({ hook_event_name: "PreToolUse", tool_name, tool_input });

const say = (...words: string[]) => tools.lab.airlock(["tools", "--session", tools.session, ...words]);

const question = async () => {
  for (;;) {
    const [found] = await waitingQuestions(tools.bench.home, tools.session);
    if (found !== undefined) return found.question;
    await sleep(20);
  }
};

const journal = () =>
  readFileSync(join(tools.lab.home, "sessions", tools.session, "journal.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { kind: string; data: Record<string, unknown> });

describe("an agent's own tool", () => {
  it("runs when it is trusted, and is in the journal before and after", async () => {
    const { exit_status, stdout } = await hook("claude PreToolUse", using("Read", { file_path: "a.txt" }));
    expect(exit_status).toBe("0");
    expect(JSON.parse(stdout)).toMatchObject({ hookSpecificOutput: { permissionDecision: "allow" } });
    expect(await hook("claude PostToolUse", { tool_name: "Read", tool_response: "text" })).toMatchObject({
      exit_status: "0",
    });
    const data = { caller: "hook:claude", tool: "read", decision: "allow", by: "trust" };
    expect(journal()).toContainEqual(
      expect.objectContaining({ kind: "tool.call", data: expect.objectContaining(data) }),
    );
    const after = { caller: "hook:claude", name: "Read", bytes: 6 };
    expect(journal()).toContainEqual(
      expect.objectContaining({ kind: "hook.result", data: expect.objectContaining(after) }),
    );
  });

  it("does not run when it is denied, also through a link and under trust-all, and the model is told why", async () => {
    await say("deny", "shell:git push *", "write:deploy/**");
    await say("trust-all", "--yes");
    await tools.shell("mkdir -p deploy; ln -sfn deploy alias");
    const push = await hook("kiro preToolUse", { tool_name: "execute_bash", tool_input: { command: "git push a" } });
    expect(push).toMatchObject({ exit_status: "2", stdout: "" });
    expect(push.stderr).toContain('"git push a" is denied (deny shell:git push *');
    const write = using("Write", { file_path: `${tools.lab.project}/alias/x`, content: "" });
    expect(await hook("codex PreToolUse", using("Bash", { command: "true" }))).toMatchObject({ exit_status: "0" });
    expect(await hook("claude PreToolUse", write)).toMatchObject({ exit_status: "2" });
    await say("reset");
  });

  it("waits for a person, whose answer reaches the agent", async () => {
    const call = { toolName: "bash", toolArgs: JSON.stringify({ command: "npm publish" }) };
    for (const [answer, wanted] of [
      [["--yes"], { permissionDecision: "allow" }],
      [
        ["--reason", "not on a Friday", "--deny"],
        { permissionDecisionReason: expect.stringContaining("not on a Friday") },
      ],
    ] as const) {
      const asked = hook("copilot preToolUse", call);
      const { id, caller } = await question();
      expect(caller).toBe("hook:copilot");
      expect((await tools.lab.airlock(["approve", ...answer, id])).code).toBe(0);
      expect(JSON.parse((await asked).stdout)).toMatchObject(wanted);
    }
  });

  it("is asked about when it is not known here", async () => {
    const asked = hook("gemini BeforeTool", { tool_name: "mcp_files_exec", tool_input: { command: "rm" } });
    const { id, subject } = await question();
    expect(subject).toMatchObject({ tool: "other", arguments: { name: "mcp_files_exec" }, tiers: [] });
    expect((await tools.lab.airlock(["approve", "--yes", id])).code).toBe(0);
    expect(await asked).toMatchObject({ exit_status: "0", stdout: '{"decision":"allow"}' });
  });
});

describe("an agent that was switched to asking nobody", () => {
  it("has a snapshot under its next tool, once, and is asked about as before", async () => {
    const unasked = { ...using("Read", { file_path: "a.txt" }), permission_mode: "bypassPermissions" };
    for (const _ of [1, 2]) expect(await hook("claude PreToolUse", unasked)).toMatchObject({ exit_status: "0" });
    const noticed = journal().filter(({ kind }) => kind === "trust.noticed");
    expect(noticed).toMatchObject([{ data: { agent: "claude", snapshot: expect.stringMatching(/^s\d+$/) } }]);
    const taken = { kind: "snapshot.create", data: expect.objectContaining({ id: noticed[0]?.data["snapshot"] }) };
    expect(journal()).toContainEqual(expect.objectContaining(taken));
    const asked = hook("claude PreToolUse", { ...unasked, ...using("Bash", { command: "npm publish" }) });
    await tools.lab.airlock(["approve", "--deny", (await question()).id]);
    expect(await asked).toMatchObject({ exit_status: "2" });
  });
});

describe("a hook of a tool that writes", () => {
  it("is answered when a snapshot lies under the tool, where the user wants that", async () => {
    await tools.lab.airlock(["snapshot", tools.session, "--auto", "on"]);
    await say("trust", "write");
    await tools.shell("echo changed > before-hooks");
    const taken = () => journal().filter(({ kind, data }) => kind === "snapshot.create" && data["reason"] === "auto");
    for (const [name, input] of [
      ["Read", { file_path: "a.txt" }],
      ["Write", { file_path: "b.txt", content: "" }],
      ["Write", { file_path: "c.txt", content: "" }],
    ] as const) {
      expect(await hook("claude PreToolUse", using(name, input))).toMatchObject({ exit_status: "0" });
    }
    const calls = journal().filter(({ kind, data }) => kind === "tool.call" && data["tool"] === "write");
    expect(taken()).toMatchObject([{ data: { message: `before write, call ${calls.at(-2)?.data["call"]}` } }]);
    // Where none can be taken, the tool does not run.
    const list = join(tools.lab.home, "sessions", tools.session, "snapshots.json");
    const known = readFileSync(list);
    writeFileSync(list, "damaged");
    await tools.shell("echo again > before-hooks");
    const blocked = await hook("claude PreToolUse", using("Write", { file_path: "d.txt", content: "" }));
    writeFileSync(list, known);
    expect(blocked).toMatchObject({ exit_status: "2", stderr: expect.stringContaining("no snapshot could be taken") });
    await tools.lab.airlock(["snapshot", tools.session, "--auto", "off"]);
  });
});

describe("a hook that cannot be answered", () => {
  it("blocks: no JSON, no tool, no such agent, too large; what has run already it lets be", async () => {
    expect(await tools.shell("echo garbage | /airlock/hatch hook claude PreToolUse")).toMatchObject({
      exit_status: "2",
    });
    expect(await tools.shell("echo garbage | /airlock/hatch hook claude PostToolUse")).toMatchObject({
      exit_status: "0",
    });
    expect(await hook("claude PreToolUse", {})).toMatchObject({ exit_status: "2" });
    expect(await hook("somebody PreToolUse", using("Read", { file_path: "/a" }))).toMatchObject({ exit_status: "2" });
    const large = await tools.shell("head -c 10000000 /dev/zero | /airlock/hatch hook copilot preToolUse");
    expect(large).toMatchObject({ exit_status: "2" });
    expect(JSON.parse(large.stdout)).toMatchObject({ permissionDecision: "deny" });
  });

  it("blocks where the host is gone", async () => {
    const runner = await holderOf(join(tools.lab.home, "sessions", tools.session, "runner"));
    if (runner !== null) process.kill(runner);
    const goneText = "airlock: blocked: the host is not connected with this sandbox\n";
    for (let seen = ""; seen !== goneText; ) {
      const { exit_status, stderr } = await hook("claude PreToolUse", using("Read", { file_path: "a.txt" }));
      // What reaches the hatch on its last breath is allowed still, or breaks off.
      if (exit_status !== "0")
        expect([exit_status, stderr]).toEqual(["2", expect.stringMatching(/^airlock: blocked: /)]);
      seen = stderr;
    }
  });
});
