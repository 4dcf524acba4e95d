import { carriedFiles } from "../../agents/carry.js";
import { agents, findAgent } from "../../agents/catalogue.js";
import { customAgent } from "../../agents/custom.js";
import { homeOf } from "../../agents/home.js";
import { AirlockError } from "../../base/errors.js";
import { Secret } from "../../base/secret.js";
import { loadConfigFile, userConfigPath } from "../../config/load.js";
import { hookAgentOf } from "../../hooks/agents.js";
import { hookFiles } from "../../hooks/hook-files.js";
import type { AgentAcp, AgentKey, AgentProfile } from "../../model/agent.js";
import type { AgentPlan } from "../../session/plan.js";
import { compileGlob } from "../../text/glob.js";
import type { CommandContext } from "../context.js";
import type { Edge } from "../edge.js";
import type { AgentOptions } from "./agent-options.js";
import { httpUrl } from "./env-options.js";

/** What is added to a session so that an agent runs in it. */
export interface PreparedAgent {
  readonly profile: AgentProfile;
  readonly command: readonly string[];
  readonly presets: readonly string[];
  readonly hosts: readonly string[];
  /** As `--key` takes them. */
  readonly keys: readonly string[];
  readonly env: ReadonlyMap<string, Secret>;
  /** Variables without which it has to be logged in inside. */
  readonly missing: readonly string[];
  plan(place: { readonly workspace: string; readonly keys: ReadonlyMap<string, string> }): AgentPlan;
}

/** Every agent that there is for this user: those that Airlock knows, and their own. */
export async function knownAgents({ edge }: CommandContext): Promise<AgentProfile[]> {
  const own = (await loadConfigFile(userConfigPath(edge), "user", compileGlob))?.config.agents ?? {};
  const taken = Object.keys(own).find((name) => findAgent(name) !== null);
  if (taken !== undefined)
    throw new AirlockError("E_CONFIG_INVALID", `agents.${taken}: Airlock knows an agent of that name`, {
      hint: "give yours another name",
    });
  return [...agents, ...Object.entries(own).map(([name, said]) => customAgent(name, said))];
}

/** The profile of a name that somebody typed. */
export async function requireAgent(context: CommandContext, name: string): Promise<AgentProfile> {
  const known = await knownAgents(context);
  const profile = known.find((each) => each.name === name);
  if (profile !== undefined) return profile;
  throw new AirlockError("E_USAGE", `there is no agent "${name}"`, {
    hint: `known are ${known.map((each) => each.name).join(", ")}; any other program: airlock run -- PROGRAM`,
  });
}

/** Whether a key is there for the gate to put in. */
export const isKeySet = ({ variable }: AgentKey, env: Edge["env"]): boolean => (env[variable] ?? "").trim() !== "";

// The host of an address of the user's own; TLS alone can end at the gate, so a secret is put into nothing else.
function hostOfUrl(variable: string, text: string): { readonly host: string; readonly isTls: boolean } {
  const { hostname, port, protocol } = httpUrl(variable, text);
  const isTls = protocol === "https:";
  const number = port === "" ? (isTls ? "443" : "80") : port;
  return { host: number === "443" ? hostname : `${hostname}:${number}`, isTls };
}

interface Reached {
  readonly hosts: readonly string[];
  readonly keys: readonly string[];
}

function reachedWith(key: AgentKey, env: Edge["env"]): Reached {
  const { variable, hosts, baseUrl } = key;
  const other = baseUrl === undefined ? "" : (env[baseUrl] ?? "").trim();
  const keysFor = (all: readonly string[]): string[] =>
    isKeySet(key, env) ? all.map((host) => `${host}=env:${variable}`) : [];
  if (baseUrl === undefined || other === "") return { hosts, keys: keysFor(hosts) };
  const { host, isTls } = hostOfUrl(baseUrl, other);
  return { hosts: [host], keys: isTls ? keysFor([host]) : [] };
}

/** How an agent speaks to an editor. */
export function acpOf({ name, title, acp }: AgentProfile): AgentAcp {
  if (acp !== null) return acp;
  throw new AirlockError("E_USAGE", `nobody said how ${title} speaks the Agent Client Protocol`, {
    hint: `agents.${name}.acp in your configuration: the words that its command needs for it`,
  });
}

/** How an agent is to be run. */
export interface Surroundings {
  readonly isInteractive: boolean;
  readonly hasHooks: boolean;
  /** An editor is what it speaks to. */
  readonly speaksAcp: boolean;
}

/** What `--agent` asks for. */
export async function prepareAgent(
  context: CommandContext,
  { agent, trustAll = false, agentArg = [] }: AgentOptions & { readonly agent: string },
  words: readonly string[],
  { isInteractive, hasHooks, speaksAcp }: Surroundings,
): Promise<PreparedAgent> {
  const { edge } = context;
  const profile = await requireAgent(context, agent);
  const prompt = words.length === 0 ? null : words.join(" ");
  if (prompt === null && !isInteractive && !speaksAcp)
    throw new AirlockError("E_USAGE", `${profile.title} needs something to do where nobody sits at a terminal`, {
      hint: `airlock run --agent ${profile.name} "fix the tests"`,
    });
  const task = { trustAll, prompt, isInteractive, hasHooks, more: agentArg };
  const asker = hasHooks ? hookAgentOf(profile.name) : null;
  const reached = profile.keys.map((key) => reachedWith(key, edge.env));
  const isKeyed = reached.some(({ keys }) => keys.length > 0);
  const given = profile.passedOn.flatMap((name) => {
    const value = edge.env[name];
    return value === undefined || value === "" ? [] : [[name, value] as const];
  });
  const env = new Map(
    [...Object.entries(profile.environment), ...given].map(([name, value]) => [name, new Secret(value)]),
  );
  const carried = await carriedFiles(edge.homedir, profile.carried);
  return {
    profile,
    command: speaksAcp ? acpOf(profile).command(task) : profile.command(task),
    presets: profile.presets,
    hosts: [...(profile.hosts ?? []), ...reached.flatMap(({ hosts }) => hosts)],
    keys: reached.flatMap(({ keys }) => keys),
    env,
    missing: isKeyed ? [] : profile.keys.map(({ variable }) => variable),
    plan: ({ workspace, keys }) => ({
      name: profile.name,
      home: homeOf(profile, { ...task, workspace, keys }, carried, asker === null ? [] : hookFiles(asker)),
      carried: carried.map(({ path }) => path),
    }),
  };
}
