import type { AgentProfile } from "../model/agent.js";

/** Kiro CLI. Its flags and files: kiro.dev/docs/cli, as documented for 2.24. */
export const kiro: AgentProfile = {
  name: "kiro",
  title: "Kiro CLI",
  install: {
    kind: "archive",
    // The first one starts the others, which it looks for beside itself.
    programs: ["kiro-cli", "kiro-cli-chat", "kiro-cli-term"].map((name) => ({ name, path: `kirocli/bin/${name}` })),
    page: "https://kiro.dev/docs/cli/installation",
  },
  presets: ["kiro"],
  keys: [
    {
      variable: "KIRO_API_KEY",
      hosts: ["q.us-east-1.amazonaws.com", "runtime.us-east-1.kiro.dev", "management.us-east-1.kiro.dev"],
    },
  ],
  environment: {},
  passedOn: [],
  carried: [
    { kind: "json", path: ".kiro/settings/cli.json", keys: ["chat.defaultModel", "chat.defaultAgent", "chat.ui"] },
    { kind: "text", path: ".kiro/steering", ending: ".md" },
    { kind: "text", path: ".kiro/prompts", ending: ".md" },
  ],
  memory: ".kiro/steering/airlock.md",
  command: ({ trustAll, prompt, isInteractive, hasHooks, more }) => [
    "kiro-cli",
    "chat",
    ...(trustAll ? ["--trust-all-tools"] : []),
    ...(isInteractive || prompt === null ? [] : ["--no-interactive"]),
    // Its hooks are an agent's: this one has Airlock's.
    ...(hasHooks ? ["--agent", "airlock"] : []),
    ...more,
    ...(prompt === null ? [] : [prompt]),
  ],
  acp: {
    command: ({ trustAll, hasHooks, more }) => [
      "kiro-cli",
      "acp",
      ...(trustAll ? ["--trust-all-tools"] : []),
      ...(hasHooks ? ["--agent", "airlock"] : []),
      ...more,
    ],
  },
  settings: ({ trustAll }) => [
    {
      path: ".kiro/settings/cli.json",
      json: { "app.disableAutoupdates": true, "chat.disableTrustAllConfirmation": trustAll },
    },
  ],
};
