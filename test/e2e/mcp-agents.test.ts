import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { listedTools } from "../../src/mcp/tool-list.js";
import { treeChecksum } from "../support/cli.js";
import { fetchProgram } from "../support/fetched-package.js";
import { Lab } from "../support/lab.js";
import { ScriptedModel } from "../support/scripted-model.js";

/** A real agent, from npm, and how it is run against a model on this machine. */
interface Agent {
  readonly client: string;
  readonly package: readonly [name: string, version: string, program: string];
  readonly prepare?: (lab: Lab, modelUrl: string) => void;
  readonly args: (modelUrl: string) => readonly string[];
  readonly env: (modelUrl: string) => Readonly<Record<string, string>>;
  /** How the agent calls itself. */
  readonly caller: string;
}

const writeJson = (path: string, value: unknown): void => {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, JSON.stringify(value));
};

const claude: Agent = {
  client: "claude",
  package: ["@anthropic-ai/claude-code", "2.1.197", "claude"],
  args: () => ["-p", "go", "--tools", "", "--allowedTools", "mcp__airlock", "--output-format", "json"],
  env: (url) => ({
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_API_KEY: "sk-fake",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_AUTOUPDATER: "1",
    IS_SANDBOX: "1",
    // Else the first turn may begin before the server has been asked for its tools.
    MCP_CONNECTION_NONBLOCKING: "false",
  }),
  caller: "mcp:claude-code",
};

const codex: Agent = {
  client: "codex",
  package: ["@openai/codex", "0.169.0", "codex"],
  args: (url) => [
    ...["exec", "--dangerously-bypass-approvals-and-sandbox", "--skip-git-repo-check", "--json"],
    ...["-c", "model=scripted", "-c", "model_provider=local"],
    ...["-c", `model_providers.local={name="local",base_url="${url}/v1",env_key="LOCAL_KEY",wire_api="responses"}`],
    "go",
  ],
  env: () => ({ LOCAL_KEY: "x" }),
  caller: "mcp:codex-mcp-client",
};

const gemini: Agent = {
  client: "gemini",
  package: ["@google/gemini-cli", "0.61.0", "gemini"],
  prepare: (lab) =>
    writeJson(join(lab.userHome, ".gemini/settings.json"), { security: { auth: { selectedType: "gemini-api-key" } } }),
  args: () => ["--yolo", "--skip-trust", "-m", "gemini-2.5-flash", "-p", "go", "-o", "json"],
  env: (url) => ({ GEMINI_API_KEY: "x", GOOGLE_GEMINI_BASE_URL: url }),
  caller: "mcp:gemini-cli-mcp-client",
};

const opencode: Agent = {
  client: "opencode",
  package: ["opencode-ai", "1.18.33", "opencode"],
  prepare: (lab, url) =>
    writeJson(join(lab.userHome, ".config/opencode/opencode.json"), {
      model: "local/scripted",
      small_model: "local/scripted",
      provider: {
        local: {
          npm: "@ai-sdk/openai-compatible",
          options: { baseURL: `${url}/v1`, apiKey: "x" },
          models: { scripted: { name: "scripted", tool_call: true } },
        },
      },
    }),
  args: () => ["run", "--format", "json", "go"],
  env: () => ({ OPENCODE_DISABLE_MODELS_FETCH: "1", OPENCODE_DISABLE_AUTOUPDATE: "1" }),
  caller: "mcp:opencode",
};

const copilot: Agent = {
  client: "copilot",
  package: ["@github/copilot", "1.0.102", "copilot"],
  args: () => ["-p", "go", "--allow-all"],
  env: (url) => ({
    COPILOT_OFFLINE: "true",
    COPILOT_PROVIDER_BASE_URL: `${url}/v1`,
    COPILOT_PROVIDER_API_KEY: "x",
    COPILOT_MODEL: "scripted",
    COPILOT_PROVIDER_MAX_PROMPT_TOKENS: "100000",
    COPILOT_PROVIDER_MAX_OUTPUT_TOKENS: "4096",
  }),
  caller: "mcp:copilot-cli",
};

// The others are fetched, and run, with the long tests: four agents are a gigabyte.
const agents = process.env["AIRLOCK_TEST_LONG"] === "1" ? [claude, codex, gemini, opencode, copilot] : [claude];

interface Ended {
  readonly code: number;
  readonly output: string;
}

async function runAgent(agent: Agent, lab: Lab, url: string): Promise<Ended> {
  const program = await fetchProgram(...agent.package);
  return new Promise((resolve) => {
    const options = { cwd: lab.project, env: lab.env(agent.env(url)), timeout: 120_000, maxBuffer: 1 << 26 };
    const child = execFile(program, [...agent.args(url)], options, (error, stdout, stderr) =>
      resolve({
        code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1,
        output: stdout + stderr,
      }),
    );
    child.stdin?.end();
  });
}

interface Recorded {
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}

async function journalOf(lab: Lab): Promise<Recorded[]> {
  const { stdout } = await lab.airlock(["log", "--json"]);
  return stdout
    .toString()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Recorded);
}

describe("a real agent, told of Airlock by airlock mcp install", () => {
  test.each(agents)(
    "$client calls the tools, and the host stays as it is",
    async (agent) => {
      await using lab = new Lab();
      const steps = [
        { tool: "shell", arguments: { command: "cp src/b.txt agent.txt && rm -rf src" } },
        { tool: "write", arguments: { command: "create", path: "README.md", file_text: "mine\n" } },
        { tool: "read", arguments: { operations: [{ mode: "Line", path: "agent.txt" }] } },
        { tool: "diff", arguments: {} },
        { tool: "request_apply", arguments: { reason: "done" } },
      ];
      await using model = await ScriptedModel.start(steps);
      agent.prepare?.(lab, model.url);
      await lab.airlock(["mcp", "install", agent.client]);
      await lab.airlock(["start", "--trust-tools=shell,read"]);
      await lab.airlock(["tools", "deny", "write"]);
      const before = treeChecksum(lab.project);
      const { code, output } = await runAgent(agent, lab, model.url);
      expect(`${code} ${output.slice(-3_000)} ${model.asked.join(" ")}`).toMatch(/^0 /);
      expect(treeChecksum(lab.project)).toBe(before);
      const offered = [...model.offered].filter((name) => /airlock/.test(name));
      expect(offered.map((name) => name.replace(/^.*airlock[-_/]+/, "")).sort()).toEqual([...listedTools].sort());
      expect(model.results).toHaveLength(steps.length);
      expect(model.results[0]).toContain("exit_status");
      expect(model.results[1]).toContain("denied by policy");
      expect(model.results[2]).toContain("bee");
      expect(model.results[3]).toContain("src/a.txt");
      const calls = (await journalOf(lab)).filter(({ kind }) => kind === "tool.call");
      expect(calls.map(({ data }) => [data["tool"], data["caller"], data["decision"]])).toEqual([
        ["shell", agent.caller, "allow"],
        ["write", agent.caller, "deny"],
        ["read", agent.caller, "allow"],
      ]);
      const kinds = (await journalOf(lab)).map(({ kind }) => kind);
      expect(kinds).toContain("apply.requested");
    },
    300_000,
  );

  test("claude is left with no tool of its own", async () => {
    await using lab = new Lab();
    await using model = await ScriptedModel.start([]);
    await lab.airlock(["mcp", "install", "claude"]);
    const { code } = await runAgent(claude, lab, model.url);
    expect(code).toBe(0);
    expect([...model.offered].filter((name) => !name.startsWith("mcp__airlock__"))).toEqual([]);
    expect(model.offered.size).toBe(listedTools.length);
  }, 300_000);
});
