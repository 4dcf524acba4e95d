import type { AgentProfile } from "../model/agent.js";
import { claude } from "./claude.js";
import { codex } from "./codex.js";
import { copilot } from "./copilot.js";
import { gemini } from "./gemini.js";
import { kiro } from "./kiro.js";
import { type AgentName, agentNames } from "./names.js";
import { opencode } from "./opencode.js";

const profiles: Readonly<Record<AgentName, AgentProfile>> = { kiro, claude, codex, gemini, opencode, copilot };

/** Every agent that Airlock knows, in the order in which they are listed. */
export const agents: readonly AgentProfile[] = agentNames.map((name) => profiles[name]);

/** The agent of that name; null: there is none. */
export function findAgent(name: string): AgentProfile | null {
  return agents.find((each) => each.name === name) ?? null;
}
