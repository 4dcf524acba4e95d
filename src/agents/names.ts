/** The names of the agents that Airlock knows, in the order in which they are listed. */
export const agentNames = ["kiro", "claude", "codex", "gemini", "opencode", "copilot"] as const;

export type AgentName = (typeof agentNames)[number];
