import { escapeText } from "../base/escape.js";
import type { HookAgent } from "./agents.js";

/** What the hook's program plays to the agent. */
export interface HookAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const maxReason = 4_000;

/** Goes on as if there were no hook: the agent may still ask its own user. */
export const silence: HookAnswer = { code: 0, stdout: "", stderr: "" };

/** The agent is told that its tool may run, and need not ask its user again where it can be told so. */
export function renderAllowed(agent: HookAgent, why: string): HookAnswer {
  const reason = `airlock: ${escapeText(why).slice(0, maxReason)}`;
  if (agent === "copilot") return { ...silence, stdout: JSON.stringify({ permissionDecision: "allow" }) };
  if (agent === "gemini") return { ...silence, stdout: JSON.stringify({ decision: "allow" }) };
  if (agent !== "claude") return silence;
  const hookSpecificOutput = {
    hookEventName: "PreToolUse",
    permissionDecision: "allow",
    permissionDecisionReason: reason,
  };
  return { ...silence, stdout: JSON.stringify({ hookSpecificOutput }) };
}

/** The agent's tool does not run, and its model is told why. */
export function renderDenied(agent: HookAgent, why: string): HookAnswer {
  const reason = `airlock: ${escapeText(why).slice(0, maxReason)}`;
  const stderr = `${reason}\n`;
  if (agent === "copilot") {
    const stdout = JSON.stringify({ permissionDecision: "deny", permissionDecisionReason: reason });
    return { code: 0, stdout, stderr };
  }
  if (agent === "gemini") return { code: 2, stdout: JSON.stringify({ decision: "deny", reason }), stderr };
  return { code: 2, stdout: "", stderr };
}
