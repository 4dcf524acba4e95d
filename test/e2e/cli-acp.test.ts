import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { type McpServer, PROTOCOL_VERSION } from "@agentclientprotocol/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AcpEditor, addAgent } from "../support/acp-editor.js";
import { treeChecksum } from "../support/cli.js";
import { Lab, until } from "../support/lab.js";

let lab: Lab;

beforeAll(async () => {
  lab = new Lab();
  lab.write(".env", "TOKEN=of-the-host\n");
  await addAgent(lab, { tools: { deny: ["shell:shred *"], trust: ["shell:touch *"] } });
});

afterAll(() => lab[Symbol.asyncDispose]());

interface Result {
  readonly outcome?: { readonly outcome: string; readonly optionId?: string };
  readonly stdout?: string;
  readonly error?: { readonly code: number; readonly message: string };
}

const run = (command: string) => ({ call: { kind: "execute", rawInput: { command } } });

const initialize = {
  protocolVersion: PROTOCOL_VERSION,
  clientCapabilities: { fs: { readTextFile: true, writeTextFile: true }, terminal: true },
};

describe("airlock acp", () => {
  test("runs an agent for an editor that does nothing on its host for it", async () => {
    const before = treeChecksum(lab.project);
    await using editor = new AcpEditor(lab, ["--agent", "mine"]);
    const { agent } = editor.connection;
    const hello = await agent.request("initialize", initialize);
    // Nothing of its is run here to log in, and conversations end with the sandbox.
    expect(hello).toMatchObject({
      protocolVersion: 1,
      agentCapabilities: { loadSession: false, promptCapabilities: { image: true } },
      authMethods: [{ id: "key", name: "Key" }],
    });
    expect(JSON.stringify(hello)).not.toMatch(/_meta|terminal/);
    // Through a link it is the same folder.
    const link = join(lab.root, "link");
    symlinkSync(lab.project, link);
    const mcpServers: McpServer[] = [
      { name: "mine", command: "/bin/false", args: [], env: [{ name: "KEY", value: "secret" }] },
    ];
    const { sessionId } = await agent.request("session/new", { cwd: join(link, "src"), mcpServers });
    await expect(agent.request("session/new", { cwd: "/etc", mcpServers: [] })).rejects.toThrow(/not in the project/);
    // What the agent would remember is not offered: Airlock remembers, and so still decides.
    editor.choose = ({ options }) =>
      options.find(({ kind }) => kind === (editor.asked.length === 1 ? "reject_once" : "allow_always"))?.optionId ??
      null;
    const steps = [
      run("rm a.txt"),
      run("shred a.txt"),
      run("touch agent.txt"),
      run("sed -i s/one/uno/ a.txt"),
      run("sed -i s/one/uno/ a.txt"),
      { request: "fs/read_text_file", params: { path: join(lab.project, "README.md") } },
      { request: "terminal/create", params: { command: "touch", args: [join(lab.project, "owned")] } },
    ];
    const secret = { uri: `file://${link}/.env`, text: "TOKEN=of-the-host" };
    const prompt = [
      { type: "text" as const, text: JSON.stringify(steps) },
      { type: "resource" as const, resource: secret },
      { type: "resource_link" as const, name: "a", uri: `file://${link}/src/a.txt#L1` },
    ];
    expect(await agent.request("session/prompt", { sessionId, prompt })).toEqual({ stopReason: "end_turn" });
    await until(() => editor.lastWords() !== "");
    const [first, ...results] = JSON.parse(editor.lastWords()) as [
      { told: object; cwd: string; prompt: { text?: string; uri?: string }[] },
      ...Result[],
    ];
    expect(first.told).toMatchObject({
      clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
      cwd: join(lab.project, "src"),
      mcpServers: [],
    });
    expect(first.prompt.slice(1)).toEqual([
      { type: "text", text: expect.stringContaining("hidden from this sandbox") },
      { type: "resource_link", name: "a", uri: `file://${lab.project}/src/a.txt#L1` },
    ]);
    const outcomes = results.map(({ outcome, error }) => outcome?.optionId ?? error?.code);
    expect(outcomes).toEqual(["no", "no", "yes", "yes", "yes", -32601, -32601]);
    expect(editor.touched).toEqual([]);
    const [rejected, granted] = editor.asked;
    expect(editor.asked).toHaveLength(2);
    expect(JSON.stringify(rejected?.toolCall.content)).toContain("command: rm a.txt");
    expect(JSON.stringify(granted?.options)).not.toContain("Always allow");
    expect(JSON.stringify(editor.updates)).toContain("denied by policy");
    const { code, stderr } = await editor.leave();
    const session = /kept session (\S+): 1 added, 1 modified/.exec(stderr)?.[1] ?? stderr;
    expect(code).toBe(0);
    expect(stderr).toContain("not passed on to the agent: mine");
    expect(stderr).toContain("agent: a word \\x1b[2J of the agent");
    expect(treeChecksum(lab.project)).toBe(before);
    const { changes } = await lab.json<{ changes: { path: string }[] }>(["diff", session, "--json"]);
    expect(changes.map(({ path }) => path)).toEqual(["src/a.txt", "src/agent.txt"]);
    const log = (await lab.airlock(["log", session, "--json"])).stdout.toString();
    const events = log
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { kind: string; data: Record<string, unknown> });
    const calls = events.filter(({ kind }) => kind === "tool.call").map(({ data }) => [data["decision"], data["by"]]);
    expect(calls).toEqual([
      ["deny", "editor"],
      ["deny", "policy"],
      ["allow", "trust"],
      ["allow", "editor"],
      ["allow", "trust"],
    ]);
    expect(events.find(({ kind }) => kind === "acp.prompt")?.data["text"]).toContain("shred a.txt");
    expect(log).not.toContain("of-the-host");
  });

  test("says to the editor why there is no agent, and never starts one that cannot speak to it", async () => {
    const first = `${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: initialize })}\n`;
    for (const [args, text] of [
      [["--agent", "mute"], "agents.mute.acp"],
      [["--agent", "claude"], "claude-agent-acp"],
      [["--agent", "nobody"], "there is no agent"],
    ] as const) {
      const { code, stdout, stderr } = await lab.airlock(["acp", ...args], { input: first });
      expect(code).toBe(125);
      expect(JSON.parse(stdout.toString())).toMatchObject({ id: 1, error: { message: expect.stringContaining(text) } });
      expect(stderr).toContain(text);
    }
    expect((await lab.airlock(["acp"])).stderr).toContain("--agent NAME");
  });

  test("answers what the editor waits for when the agent ends, and is ended by a signal", async () => {
    await using editor = new AcpEditor(lab, ["--agent", "mine"]);
    const { agent } = editor.connection;
    await agent.request("initialize", initialize);
    const { sessionId } = await agent.request("session/new", { cwd: lab.project, mcpServers: [] });
    editor.choose = ({ options }) => options.find(({ kind }) => kind === "allow_once")?.optionId ?? null;
    const prompt = [{ type: "text" as const, text: JSON.stringify([run("kill -9 $PPID")]) }];
    await expect(agent.request("session/prompt", { sessionId, prompt })).rejects.toThrow(/has ended with 137/);
    expect((await editor.end).code).toBe(137);
    await using other = new AcpEditor(lab, ["--agent", "mine"]);
    await other.connection.agent.request("initialize", initialize);
    const opened = await other.connection.agent.request("session/new", { cwd: lab.project, mcpServers: [] });
    // A mode that asks nobody has a snapshot under it before the agent is in it.
    await other.connection.agent.request("session/set_mode", { sessionId: opened.sessionId, modeId: "yolo" });
    other.child.kill("SIGTERM");
    const { code, stderr } = await other.end;
    expect(code).toBe(0);
    const session = /kept session ([^:\s]+)/.exec(stderr)?.[1] ?? stderr;
    const { snapshots } = await lab.json<{ snapshots: { reason: string }[] }>(["snapshots", session, "--json"]);
    expect(snapshots.map(({ reason }) => reason)).toContain("trust-all");
  });
});
