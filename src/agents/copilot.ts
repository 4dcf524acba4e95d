import type { AgentProfile } from "../model/agent.js";

/** GitHub Copilot CLI. Its flags and files: docs.github.com/copilot, and tried with 1.0.102. */
export const copilot: AgentProfile = {
  name: "copilot",
  title: "GitHub Copilot CLI",
  install: { kind: "npm", programs: [{ name: "copilot", path: "package/copilot" }] },
  presets: ["copilot"],
  keys: [{ variable: "COPILOT_GITHUB_TOKEN", hosts: ["api.github.com", "api.githubcopilot.com"] }],
  environment: { COPILOT_AUTO_UPDATE: "false" },
  passedOn: ["COPILOT_MODEL"],
  carried: [
    { kind: "json", path: ".copilot/config.json", keys: ["model", "theme", "banner", "render_markdown"] },
    { kind: "text", path: ".copilot/copilot-instructions.md" },
    { kind: "text", path: ".copilot/agents", ending: ".md" },
  ],
  memory: ".copilot/copilot-instructions.md",
  command: ({ trustAll, prompt, isInteractive, more }) => [
    "copilot",
    ...(trustAll ? ["--allow-all"] : []),
    ...more,
    ...(prompt === null ? [] : [isInteractive ? "--interactive" : "--prompt", prompt]),
  ],
  acp: { command: ({ trustAll, more }) => ["copilot", "--acp", ...(trustAll ? ["--allow-all"] : []), ...more] },
  settings: ({ workspace }) => [{ path: ".copilot/config.json", json: { trusted_folders: [workspace] } }],
};
