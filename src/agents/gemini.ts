import type { AgentProfile } from "../model/agent.js";

/** Gemini CLI. Its flags and files: geminicli.com/docs, and tried with 0.61.0. */
export const gemini: AgentProfile = {
  name: "gemini",
  title: "Gemini CLI",
  install: { kind: "npm", programs: [{ name: "gemini", path: "package/bundle/gemini.js" }] },
  presets: ["gemini"],
  keys: [
    {
      variable: "GEMINI_API_KEY",
      hosts: ["generativelanguage.googleapis.com"],
      baseUrl: "GOOGLE_GEMINI_BASE_URL",
    },
  ],
  environment: { GEMINI_CLI_NO_RELAUNCH: "true" },
  passedOn: ["GOOGLE_GEMINI_BASE_URL", "GEMINI_MODEL"],
  carried: [
    { kind: "json", path: ".gemini/settings.json", keys: ["ui", "model"] },
    { kind: "text", path: ".gemini/GEMINI.md" },
    { kind: "text", path: ".gemini/commands", ending: ".toml" },
  ],
  memory: ".gemini/GEMINI.md",
  command: ({ trustAll, prompt, isInteractive, more }) => [
    "gemini",
    "--skip-trust",
    ...(trustAll ? ["--yolo"] : []),
    ...more,
    ...(prompt === null ? [] : [isInteractive ? "--prompt-interactive" : "--prompt", prompt]),
  ],
  acp: {
    command: ({ trustAll, more }) => ["gemini", "--acp", "--skip-trust", ...(trustAll ? ["--yolo"] : []), ...more],
  },
  settings: ({ keys }) => [
    {
      path: ".gemini/settings.json",
      json: {
        general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
        privacy: { usageStatisticsEnabled: false },
        ...(keys.size === 0 ? {} : { security: { auth: { selectedType: "gemini-api-key" } } }),
      },
    },
  ],
};
