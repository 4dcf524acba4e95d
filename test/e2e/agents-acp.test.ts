import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROTOCOL_VERSION } from "@agentclientprotocol/sdk";
import { describe, expect, test } from "vitest";
import { AcpEditor } from "../support/acp-editor.js";
import { treeChecksum } from "../support/cli.js";
import { Lab } from "../support/lab.js";
import { makeServices, modelAddress, modelSecret } from "../support/model-services.js";
import { ScriptedModel } from "../support/scripted-model.js";

interface Case {
  readonly agent: string;
  readonly variable: string;
  readonly more?: readonly string[];
  readonly shell: RegExp;
}

const cases: readonly Case[] = [
  {
    agent: "gemini",
    variable: "GEMINI_API_KEY",
    more: ["--agent-arg=--model", "--agent-arg=gemini-2.5-flash"],
    shell: /^run_shell_command$/,
  },
  { agent: "opencode", variable: "ANTHROPIC_API_KEY", shell: /^bash$/ },
];

const commands = ["echo mine > agent.txt", "rm src/a.txt", "shred agent.txt"];
// On top of what is denied in the configuration of all these tests.
const trusted = ["--trust-tools", "shell:echo *,write"];
const isLong = process.env["AIRLOCK_TEST_LONG"] === "1";

describe.skipIf(process.getuid?.() !== 0 || !isLong)("a real agent for an editor", () => {
  test.each(cases)(
    "$agent asks, is answered by rules and by the editor, and leaves the host as it is",
    async ({ agent: name, variable, more = [], shell }) => {
      await using lab = new Lab();
      const { path, ...identity } = makeServices(lab);
      const steps = commands.map((command) => ({ tool: shell, arguments: { command, description: "a test" } }));
      await using model = await ScriptedModel.start(steps, { ...identity, address: modelAddress, port: 443 });
      // Else opencode begins with a model of its makers', wherever there is a key for.
      mkdirSync(join(lab.userHome, ".config/opencode"), { recursive: true });
      const settings = { model: "anthropic/claude-sonnet-4-5", small_model: "anthropic/claude-sonnet-4-5" };
      writeFileSync(join(lab.userHome, ".config/opencode/opencode.json"), JSON.stringify(settings));
      const before = treeChecksum(lab.project);
      // Building its image takes longer than an editor's patience in this test.
      const built = await lab.airlock(["agents", "build", name]);
      expect(`${built.code} ${built.stderr}`).toMatch(/^0 /);
      const env = { [variable]: modelSecret, NODE_EXTRA_CA_CERTS: path };
      await using editor = new AcpEditor(lab, ["--agent", name, ...trusted, ...more], env);
      editor.choose = ({ options }) => options.find(({ kind }) => kind === "allow_once")?.optionId ?? null;
      const { agent } = editor.connection;
      const hello = await agent.request("initialize", {
        protocolVersion: PROTOCOL_VERSION,
        clientCapabilities: { fs: { readTextFile: true, writeTextFile: true }, terminal: true },
      });
      expect(hello.agentCapabilities?.loadSession).toBe(false);
      const { sessionId } = await agent.request("session/new", { cwd: lab.project, mcpServers: [] });
      const prompt = [{ type: "text" as const, text: "tidy up" }];
      const turn = await agent.request("session/prompt", { sessionId, prompt });
      expect(turn).toMatchObject({ stopReason: "end_turn" });
      // opencode ends its turn where it is denied something.
      expect(model.results.length).toBeGreaterThanOrEqual(commands.length - 1);
      // What is trusted and what is denied is not asked about; it asks its editor for nothing else.
      expect(JSON.stringify(editor.asked.map(({ toolCall }) => toolCall))).toContain("command: rm src/a.txt");
      expect(editor.asked).toHaveLength(1);
      expect(editor.touched).toEqual([]);
      const { code, stderr } = await editor.leave();
      expect(`${code} ${stderr}`).toMatch(/^0 [\s\S]*kept session \S+: 1 added, 1 deleted/);
      const log = (await lab.airlock(["log", "--json"])).stdout.toString();
      const events = log
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { kind: string; data: Record<string, unknown> });
      const calls = events.filter(({ kind }) => kind === "tool.call").map(({ data }) => [data["decision"], data["by"]]);
      expect(calls).toEqual([
        ["allow", "trust"],
        ["allow", "editor"],
        ["deny", "policy"],
      ]);
      expect(log + stderr).not.toContain(modelSecret);
      expect(treeChecksum(lab.project)).toBe(before);
    },
    300_000,
  );
});
