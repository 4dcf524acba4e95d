import type { HookAgent } from "./agents.js";
import { opencodePlugin } from "./opencode-plugin.js";

/** A file that makes an agent call the hatch. */
export interface HookFile {
  /** Below the agent's home. */
  readonly path: string;
  readonly content: string;
}

/** More than the hatch's own patience, so that it is the one that blocks. */
const seconds = 30;

const command = (agent: HookAgent, event: string): string => `/airlock/hatch hook ${agent} ${event}`;

const json = (path: string, value: unknown): HookFile => ({ path, content: `${JSON.stringify(value, null, 2)}\n` });

// Claude, Codex and Gemini differ in the names of events, and in what a timeout counts.
function matched(agent: HookAgent, events: readonly string[], timeout: number): Readonly<Record<string, unknown>> {
  const hooks = events.map((event) => [
    event,
    [{ matcher: "*", hooks: [{ type: "command", command: command(agent, event), timeout }] }],
  ]);
  return { hooks: Object.fromEntries(hooks) };
}

function kiroFiles(): HookFile[] {
  const own = (event: string): unknown => [
    { matcher: "*", command: command("kiro", event), timeout_ms: seconds * 1_000 },
  ];
  const third = (trigger: string): unknown => ({
    name: `airlock ${trigger}`,
    trigger,
    matcher: ".*",
    action: { type: "command", command: command("kiro", trigger) },
    timeout: seconds,
  });
  return [
    json(".kiro/agents/airlock.json", {
      name: "airlock",
      description: "Kiro's own tools, decided by Airlock",
      tools: ["*"],
      resources: [
        ...["file://AGENTS.md", "file://README.md"],
        ...["file://.kiro/steering/**/*.md", "file://~/.kiro/steering/**/*.md"],
      ],
      includeMcpJson: true,
      hooks: { preToolUse: own("preToolUse"), postToolUse: own("postToolUse") },
    }),
    json(".kiro/hooks/airlock.json", { version: "v1", hooks: [third("PreToolUse"), third("PostToolUse")] }),
  ];
}

function copilotFile(): HookFile {
  const hook = (event: string): unknown => [{ type: "command", bash: command("copilot", event), timeoutSec: seconds }];
  const hooks = { preToolUse: hook("preToolUse"), postToolUse: hook("postToolUse") };
  return json(".copilot/hooks/airlock.json", { version: 1, hooks });
}

/** What makes an agent's tools ask Airlock: whole files, of which those that exist already want to be merged. */
export function hookFiles(agent: HookAgent): readonly HookFile[] {
  const toolEvents = ["PreToolUse", "PostToolUse"];
  if (agent === "kiro") return kiroFiles();
  if (agent === "claude") return [json(".claude/settings.json", matched(agent, toolEvents, seconds))];
  if (agent === "codex") return [json(".codex/hooks.json", matched(agent, toolEvents, seconds))];
  if (agent === "gemini") {
    return [json(".gemini/settings.json", matched(agent, ["BeforeTool", "AfterTool"], seconds * 1_000))];
  }
  if (agent === "copilot") return [copilotFile()];
  return [{ path: ".config/opencode/plugin/airlock.js", content: opencodePlugin }];
}
