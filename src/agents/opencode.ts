import type { AgentProfile } from "../model/agent.js";

const settingsPath = ".config/opencode/opencode.json";

/** opencode. Its flags and files: opencode.ai/docs, and tried with 1.18.18. */
export const opencode: AgentProfile = {
  name: "opencode",
  title: "opencode",
  install: { kind: "npm", programs: [{ name: "opencode", path: "package/bin/opencode" }] },
  // Its plugins, and its hooks are one, want a package of its own from npm.
  presets: ["claude", "openai", "npm"],
  keys: [
    { variable: "ANTHROPIC_API_KEY", hosts: ["api.anthropic.com"] },
    { variable: "OPENAI_API_KEY", hosts: ["api.openai.com"] },
  ],
  environment: {
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    // What it knows of models is in it; fetching more is a host more.
    OPENCODE_DISABLE_MODELS_FETCH: "1",
  },
  passedOn: [],
  carried: [
    { kind: "json", path: settingsPath, keys: ["model", "small_model", "theme", "keybinds", "tui"] },
    { kind: "text", path: ".config/opencode/AGENTS.md" },
    { kind: "text", path: ".config/opencode/agent", ending: ".md" },
    { kind: "text", path: ".config/opencode/command", ending: ".md" },
  ],
  memory: ".config/opencode/AGENTS.md",
  command: ({ prompt, isInteractive, more }) => [
    "opencode",
    ...(prompt === null ? more : isInteractive ? [...more, "--prompt", prompt] : ["run", ...more, prompt]),
  ],
  acp: { command: ({ more }) => ["opencode", "acp", ...more] },
  settings: ({ trustAll }) => [
    {
      path: settingsPath,
      json: { autoupdate: false, share: "disabled", permission: trustAll ? "allow" : { edit: "ask", bash: "ask" } },
    },
  ],
};
