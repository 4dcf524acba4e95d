import type { Command } from "commander";
import { AirlockError } from "../../base/errors.js";
import type { AcpOptions } from "../acp/acp-serve.js";
import type { Act } from "../command.js";
import type { CommandContext } from "../context.js";
import { agentOptions } from "../options/agent-options.js";
import { sessionOptions } from "../options/plan-options.js";

async function acp(context: CommandContext, options: Partial<AcpOptions>): Promise<number> {
  const { agent } = options;
  if (agent === undefined) throw new AirlockError("E_USAGE", "which agent: --agent NAME", { hint: "airlock agents" });
  const { serveAcp } = await import("../acp/acp-serve.js");
  return await serveAcp(context, { ...options, agent });
}

const help = `
Speaks the Agent Client Protocol on its standard streams, so it is started by an editor (docs/acp.md). The project is the one around the \
folder that it is started in, and is never written: airlock review takes what you want of the agent's work.

Exit status: 0 the editor is gone · the agent's own, where that ended first · 125 Airlock failed or refused · 127 the agent was not found`;

/** `airlock acp`. */
export function define(command: Command, act: Act): void {
  agentOptions(sessionOptions(command)).usage("[options] --agent NAME").addHelpText("after", help).action(act(acp));
}
