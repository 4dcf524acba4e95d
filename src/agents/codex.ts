import type { AgentProfile } from "../model/agent.js";

const quoted = (text: string): string => JSON.stringify(text);

/** Codex CLI. Its flags and files: developers.openai.com/codex, and tried with 0.169.0. */
export const codex: AgentProfile = {
  name: "codex",
  title: "Codex CLI",
  install: {
    kind: "npm",
    programs: [{ name: "codex", path: "package/vendor/*/bin/codex" }],
  },
  presets: ["openai"],
  keys: [{ variable: "OPENAI_API_KEY", hosts: ["api.openai.com"] }],
  environment: {},
  passedOn: [],
  carried: [
    { kind: "text", path: ".codex/AGENTS.md" },
    { kind: "text", path: ".codex/prompts", ending: ".md" },
  ],
  memory: ".codex/AGENTS.md",
  command: ({ trustAll, prompt, isInteractive, hasHooks, more }) => [
    "codex",
    ...(isInteractive || prompt === null ? [] : ["exec", "--skip-git-repo-check"]),
    // Its own sandbox needs what ours has taken away; the wall around both is ours.
    ...(trustAll ? ["--dangerously-bypass-approvals-and-sandbox"] : ["--sandbox", "danger-full-access"]),
    // It would ask first whether they may run: they are Airlock's, and lie in a home that was made for it.
    ...(hasHooks ? ["--dangerously-bypass-hook-trust"] : []),
    ...more,
    ...(prompt === null ? [] : [prompt]),
  ],
  acp: {
    command: ({ more }) => ["codex-acp", ...more],
    adapter: { program: "codex-acp", npm: "@agentclientprotocol/codex-acp" },
  },
  settings: ({ workspace, keys }) => {
    const key = keys.get("OPENAI_API_KEY");
    return [
      {
        path: ".codex/config.toml",
        text: [
          "check_for_update_on_startup = false",
          'cli_auth_credentials_store = "file"',
          `[projects.${quoted(workspace)}]`,
          'trust_level = "trusted"',
          "",
        ].join("\n"),
      },
      ...(key === undefined ? [] : [{ path: ".codex/auth.json", json: { OPENAI_API_KEY: key } }]),
    ];
  },
};
