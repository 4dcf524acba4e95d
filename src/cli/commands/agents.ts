import type { Command } from "commander";
import { AirlockError } from "../../base/errors.js";
import { agentImageTag, agentVersion, buildAgentImage, type GivenArchive } from "../../image/agent-image.js";
import type { AgentProfile } from "../../model/agent.js";
import { requireImage } from "../../session/image.js";
import type { Workbench } from "../../session/workbench.js";
import type { Act } from "../command.js";
import { addGlobalOptions, type CommandContext, type GlobalOptions } from "../context.js";
import { isKeySet, knownAgents, requireAgent } from "../options/prepare-agent.js";
import { Progress } from "../render/progress.js";
import { formatTable } from "../render/table.js";
import { withBench } from "../with-bench.js";
import { imageWork } from "./image.js";

async function build(
  context: CommandContext,
  bench: Workbench,
  profile: AgentProfile,
  given: GivenArchive | null,
): Promise<string> {
  const { edge, options } = context;
  // Built over the sandbox image, so that one comes first.
  await requireImage(bench, bench.sandboxImage);
  using display = new Progress({ stream: edge.stderr, quiet: options.quiet === true, now: Date.now });
  const work = { ...(await imageWork(context, bench, display)), base: bench.sandboxImage, home: bench.home.id };
  return await buildAgentImage(work, profile, given);
}

const tagOf = ({ edge }: CommandContext, bench: Workbench, profile: AgentProfile): string =>
  agentImageTag({ packageRoot: edge.packageRoot, base: bench.sandboxImage, home: bench.home.id }, profile);

/** The image of an agent, built when it is not there. */
export async function requireAgentImage(
  context: CommandContext,
  bench: Workbench,
  profile: AgentProfile,
): Promise<string> {
  const tag = tagOf(context, bench, profile);
  if (profile.install.kind === "image" || (await (await bench.engine()).inspectImage(tag)) !== null) return tag;
  context.note(`airlock: the image of ${profile.title} is built first; that is done once`);
  return await build(context, bench, profile, null);
}

/** What stands between a person and an agent that works. */
interface AgentState {
  readonly profile: AgentProfile;
  readonly version: string | null;
  readonly image: string | null;
  /** Variables of keys that are set here, and those that could be. */
  readonly keys: readonly string[];
  readonly missing: readonly string[];
}

async function stateOf(context: CommandContext, bench: Workbench, profile: AgentProfile): Promise<AgentState> {
  const { env, packageRoot } = context.edge;
  const tag = tagOf(context, bench, profile);
  const found = await (await bench.engine()).inspectImage(tag);
  const names = (keys: AgentProfile["keys"]): string[] => keys.map(({ variable }) => variable);
  return {
    profile,
    version: agentVersion(packageRoot, profile),
    image: found === null ? null : tag,
    keys: names(profile.keys.filter((key) => isKeySet(key, env))),
    missing: names(profile.keys.filter((key) => !isKeySet(key, env))),
  };
}

const jsonOf = ({ profile, version, image, keys, missing }: AgentState): unknown => ({
  name: profile.name,
  title: profile.title,
  version,
  image,
  keys: { set: keys, missing },
  presets: profile.presets,
});

function keyText(keys: readonly string[], missing: readonly string[]): string {
  if (keys.length > 0) return `${keys.join(", ")} (stays here)`;
  return missing.length === 0 ? "" : `none: set ${missing.join(" or ")}, or log in inside`;
}

async function list(context: CommandContext, options: GlobalOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const states = await Promise.all((await knownAgents(context)).map((profile) => stateOf(context, bench, profile)));
    if (options.json === true) {
      context.printJson(states.map(jsonOf));
      return 0;
    }
    const rows = states.map(({ profile, version, image, keys, missing }) => [
      profile.name,
      profile.title,
      version ?? "yours",
      image === null ? "not built" : "ready",
      keyText(keys, missing),
    ]);
    context.print(formatTable([["AGENT", "NAME", "VERSION", "IMAGE", "KEY"], ...rows]));
    return 0;
  });
}

interface BuildOptions extends GlobalOptions {
  readonly from?: string;
  readonly sha256?: string;
}

async function buildCommand(context: CommandContext, name: string, options: BuildOptions): Promise<number> {
  const profile = await requireAgent(context, name);
  const { from, sha256 = null } = options;
  if (from === undefined && sha256 !== null) throw new AirlockError("E_USAGE", "--sha256 is of the archive of --from");
  if (from !== undefined && profile.install.kind !== "archive")
    throw new AirlockError("E_USAGE", `${profile.title} comes from no archive of yours`);
  if (sha256 !== null && !/^[0-9a-f]{64}$/i.test(sha256))
    throw new AirlockError("E_USAGE", "--sha256 takes 64 hexadecimal digits");
  return withBench(context, async (bench) => {
    const tag = await build(context, bench, profile, from === undefined ? null : { path: from, sha256 });
    if (options.json === true) context.printJson({ agent: profile.name, image: tag });
    else context.print(tag);
    return 0;
  });
}

/** Each thing that an agent needs: whether it is there, and what to do where it is not. */
function checksOf({ profile, image, keys, missing }: AgentState): { what: string; ok: boolean; hint: string | null }[] {
  const { name, install, presets } = profile;
  const how = {
    npm: `airlock agents build ${name}, or the first run`,
    archive: `airlock agents build ${name} --from FILE`,
    image: "the first run pulls it, if there is one of that name",
  }[install.kind];
  const [isSet, hosts] = [keys.length > 0, [...presets.map((preset) => `preset ${preset}`), ...(profile.hosts ?? [])]];
  const login = `set ${missing.join(" or ")}, or log in inside: that lasts as long as the session`;
  const key = {
    what: isSet ? `key (${keys.join(", ")}, stays on this machine)` : "key",
    ok: isSet,
    hint: isSet ? null : login,
  };
  return [
    { what: "image", ok: image !== null, hint: image === null ? how : null },
    ...(profile.keys.length === 0 ? [] : [key]),
    { what: `hosts (${hosts.length === 0 ? "none" : hosts.join(", ")})`, ok: true, hint: null },
  ];
}

async function doctor(context: CommandContext, name: string, options: GlobalOptions): Promise<number> {
  const profile = await requireAgent(context, name);
  return withBench(context, async (bench) => {
    // Says what is missing of the engine and the sandbox image in its own words.
    await requireImage(bench, bench.sandboxImage);
    const state = await stateOf(context, bench, profile);
    const checks = checksOf(state);
    if (options.json === true) context.printJson({ ...(jsonOf(state) as object), checks });
    else {
      const rows = checks.map(({ what, ok, hint }) => [ok ? "ok" : "missing", what, hint ?? ""]);
      context.print(formatTable(rows));
    }
    return checks.every(({ ok }) => ok) ? 0 : 1;
  });
}

/** `airlock agents`. */
export function define(command: Command, act: Act): void {
  const sub = (name: string, summary: string): Command =>
    addGlobalOptions(command.command(name).description(summary), { json: true, project: false });
  command
    .addHelpText(
      "after",
      "\nairlock run --agent NAME runs one (docs/agents).\n\nExit status: 0 · 1 doctor found something missing · 2 usage · 12 engine or image",
    )
    .action(act(list));
  sub("build", "build the image of an agent")
    .argument("<name>", "which agent")
    .option("--from <file>", "the vendor's archive for Linux, where npm has none")
    .option("--sha256 <hex>", "the archive's SHA-256, as its vendor names it")
    .action(act(buildCommand));
  sub("doctor", "say what an agent still needs").argument("<name>", "which agent").action(act(doctor));
}
