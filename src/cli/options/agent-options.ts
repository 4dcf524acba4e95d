import type { Command } from "commander";
import { agentNames } from "../../agents/names.js";
import { collect } from "./env-options.js";

/** The options with which an agent is run. */
export interface AgentOptions {
  readonly agent?: string;
  readonly trustAll?: boolean;
  readonly agentArg?: readonly string[];
}

/** Adds them to a command. */
export function agentOptions(command: Command): Command {
  return command
    .option("--agent <name>", `run an agent, with what it needs: ${agentNames.join(", ")}`)
    .option("--agent-arg <argument>", "with --agent: a further argument of its own (repeatable)", collect)
    .option("--trust-all", "with --agent: it asks for nothing any more, on top of a snapshot");
}
