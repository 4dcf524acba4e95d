/** The agents whose hooks are understood. */
export const hookAgents = ["kiro", "claude", "codex", "gemini", "copilot", "opencode"] as const;

export type HookAgent = (typeof hookAgents)[number];

/** The agent of this very name. */
export const hookAgentOf = (name: string): HookAgent | null => hookAgents.find((each) => each === name) ?? null;
