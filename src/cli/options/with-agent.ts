import { AirlockError } from "../../base/errors.js";
import type { AgentProfile } from "../../model/agent.js";
import { hasTerminal } from "../../session/sandbox/streams.js";
import type { Workbench } from "../../session/workbench.js";
import { requireAgentImage } from "../commands/agents.js";
import type { CommandContext } from "../context.js";
import type { AgentOptions } from "./agent-options.js";
import type { SessionOptions } from "./plan-options.js";
import { acpOf, type PreparedAgent, prepareAgent } from "./prepare-agent.js";

interface WithAgent<Options> {
  readonly command: readonly string[];
  readonly options: Options;
  readonly agent: PreparedAgent;
}

// Its image has the agent alone.
function requireAdapter(profile: AgentProfile): void {
  const { adapter } = acpOf(profile);
  if (adapter === undefined) return;
  const { program, npm } = adapter;
  throw new AirlockError(
    "E_USAGE",
    `${profile.title} speaks to editors by a program of its own, ${program}, which its image does not have`,
    {
      hint: `--image IMAGE, one of yours with npm's ${npm} in it`,
    },
  );
}

/** What a session with an agent is asked for: its image, which is built when it is not there, its hosts and keys, its command. */
export async function withAgent<Options extends SessionOptions & AgentOptions>(
  context: CommandContext,
  bench: Workbench,
  words: readonly string[],
  options: Options & { readonly agent: string },
  { speaksAcp = false }: { readonly speaksAcp?: boolean } = {},
): Promise<WithAgent<Options>> {
  // Where the agent itself asks for nothing any more, its hooks still keep to what is denied, and to the journal.
  const hasHooks = options.hooks === true || options.trustAll === true;
  const isInteractive = !speaksAcp && hasTerminal(context.edge);
  const agent = await prepareAgent(context, options, words, { isInteractive, hasHooks, speaksAcp });
  const { profile, missing } = agent;
  if (speaksAcp && options.image === undefined) requireAdapter(profile);
  const image = options.image ?? (await requireAgentImage(context, bench, profile));
  if (missing.length > 0) {
    const [names, verb] = [missing.join(" and "), missing.length === 1 ? "is" : "are"];
    context.note(`airlock: ${names} ${verb} not set here: ${profile.title} has to be logged in inside`);
  }
  const asked = {
    ...options,
    image,
    presets: agent.presets,
    allowHost: [...(options.allowHost ?? []), ...agent.hosts],
    key: [...(options.key ?? []), ...agent.keys],
    hooks: hasHooks,
    trustAllTools: options.trustAllTools === true || options.trustAll === true,
  };
  return { command: agent.command, options: asked, agent };
}
