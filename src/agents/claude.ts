import type { AgentProfile } from "../model/agent.js";

// It keeps the last characters of keys that somebody said yes to.
const rememberedCharacters = 20;

/** Claude Code. Its flags and files: code.claude.com/docs, and tried with 2.1.330. */
export const claude: AgentProfile = {
  name: "claude",
  title: "Claude Code",
  install: { kind: "npm", programs: [{ name: "claude", path: "package/claude" }] },
  presets: ["claude"],
  keys: [{ variable: "ANTHROPIC_API_KEY", hosts: ["api.anthropic.com"], baseUrl: "ANTHROPIC_BASE_URL" }],
  environment: {
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_AUTOUPDATER: "1",
    // Else it refuses to trust everything where it runs as uid 0, which in a sandbox of root's own project it does.
    IS_SANDBOX: "1",
  },
  passedOn: ["ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL", "ANTHROPIC_SMALL_FAST_MODEL"],
  carried: [
    {
      kind: "json",
      path: ".claude/settings.json",
      keys: ["model", "theme", "outputStyle", "language", "includeCoAuthoredBy", "alwaysThinkingEnabled"],
    },
    { kind: "text", path: ".claude/CLAUDE.md" },
    { kind: "text", path: ".claude/agents", ending: ".md" },
    { kind: "text", path: ".claude/commands", ending: ".md" },
  ],
  memory: ".claude/CLAUDE.md",
  command: ({ trustAll, prompt, isInteractive, more }) => [
    "claude",
    ...(trustAll ? ["--dangerously-skip-permissions"] : []),
    ...(isInteractive || prompt === null ? [] : ["-p"]),
    ...more,
    ...(prompt === null ? [] : [prompt]),
  ],
  acp: {
    command: ({ more }) => ["claude-agent-acp", ...more],
    adapter: { program: "claude-agent-acp", npm: "@agentclientprotocol/claude-agent-acp" },
  },
  settings: ({ workspace, trustAll, keys }) => [
    {
      path: ".claude.json",
      json: {
        hasCompletedOnboarding: true,
        bypassPermissionsModeAccepted: trustAll,
        customApiKeyResponses: { approved: [...keys.values()].map((key) => key.slice(-rememberedCharacters)) },
        projects: { [workspace]: { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true } },
      },
    },
    { path: ".claude/settings.json", json: { skipDangerousModePermissionPrompt: trustAll } },
  ],
};
