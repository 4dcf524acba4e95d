import { type Command, Option } from "commander";
import { AirlockError } from "../../base/errors.js";
import { Secret } from "../../base/secret.js";
import { requireApproval } from "../../config/approve.js";
import { environmentValues } from "../../config/environment.js";
import { type LoadedConfig, loadConfigFile, projectConfigPath, userConfigPath } from "../../config/load.js";
import { type Config, mergeConfig } from "../../config/merge.js";
import { parseDuration, parseSize } from "../../config/units.js";
import type { NetworkMode } from "../../model/network.js";
import { parsePathFlag } from "../../policy/mounts.js";
import { workspaceTarget } from "../../policy/project.js";
import { placeholdersOf } from "../../session/network/placeholders.js";
import type { PathRequest, SessionPlan } from "../../session/plan.js";
import { findProject } from "../../session/project.js";
import type { Workbench } from "../../session/workbench.js";
import { compileGlob } from "../../text/glob.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { type AwsOptions, awsFlags, awsOf, awsOptions } from "./aws-options.js";
import { collect, type EnvOptions, envOptions } from "./env-options.js";
import { type KeyOptions, keyHosts, keyOptions, keysOf } from "./key-options.js";
import { allowAws, networkOf, presetPlace } from "./network-policy.js";
import type { PreparedAgent } from "./prepare-agent.js";
import { type TrustOptions, trustOptions, trustWish } from "./trust-options.js";

/** The options that `run` and `start` share, as commander hands them over. */
export interface SessionOptions extends GlobalOptions, EnvOptions, TrustOptions, AwsOptions, KeyOptions {
  readonly image?: string;
  readonly name?: string;
  readonly path?: readonly string[];
  readonly allowRw?: boolean;
  readonly mask?: readonly string[];
  readonly unmask?: readonly string[];
  readonly memory?: number;
  readonly cpus?: number;
  readonly pids?: number;
  readonly disk?: number;
  readonly timeout?: number;
  readonly user?: "agent" | "root";
  readonly runtime?: string;
  readonly workspace?: "overlay" | "upload";
  readonly network?: NetworkMode;
  readonly allowHost?: readonly string[];
  /** Of hosts that an agent needs; no flag names them. */
  readonly presets?: readonly string[];
  readonly hooks?: boolean;
  readonly autoSnapshot?: boolean;
  /** False: --no-record. */
  readonly record?: boolean;
}

/** A reader of an option's value that says what the value should have been. */
export function parsed<T>(option: string, parse: (text: string) => T | null, form: string): (text: string) => T {
  return (text) => {
    const value = parse(text);
    if (value !== null) return value;
    throw new AirlockError("E_USAGE", `--${option}: "${text}" is not ${form}`);
  };
}

function positive(text: string): number | null {
  const value = Number(text);
  return text.trim() !== "" && Number.isFinite(value) && value > 0 ? value : null;
}

const whole = (text: string): number | null => (/^\d{1,9}$/.test(text) && Number(text) > 0 ? Number(text) : null);

/** Adds the options of a session to a command. */
export function sessionOptions(command: Command): Command {
  return boundOptions(awsOptions(trustOptions(keyOptions(envOptions(command)))))
    .option("--image <image>", "the sandbox's image, instead of Airlock's own")
    .option("--name <id>", "the session's id, instead of one made up")
    .option("-p, --path <host[:mode]>", "a further host path inside: ro (default), cow or rw (repeatable)", collect)
    .addOption(
      new Option("--user <user>", "root: writable container root for package managers").choices(["agent", "root"]),
    )
    .addOption(
      new Option("--workspace <how>", "how the project gets inside (chosen by itself)").choices(["overlay", "upload"]),
    );
}

/** Adds the options of a session on what another has: everything but where it works and what it is made of. */
export function forkOptions(command: Command): Command {
  return boundOptions(awsOptions(trustOptions(keyOptions(envOptions(command)))));
}

function boundOptions(command: Command): Command {
  return command
    .option("--allow-rw", "allow paths that are written through to the host")
    .option("--mask <glob>", "hide further files (repeatable)", collect)
    .option("--unmask <glob>", "show files that look like secrets (repeatable)", collect)
    .option("--memory <size>", "memory, e.g. 4g", parsed("memory", parseSize, "a size such as 512m or 4g"))
    .option("--cpus <number>", "processors, also in parts", parsed("cpus", positive, "a number above 0"))
    .option("--pids <number>", "processes and threads at once", parsed("pids", whole, "a whole number above 0"))
    .option("--disk <size>", "what the session may write", parsed("disk", parseSize, "a size such as 512m or 20g"))
    .option(
      "--timeout <time>",
      "stop the sandbox after this long, e.g. 30m",
      parsed("timeout", parseDuration, "a time such as 90s or 1h30m"),
    )
    .option("--runtime <name>", "the container runtime, e.g. runsc for gVisor")
    .addOption(
      new Option("--network <what>", "open: any public host (default: policy when something is allowed)").choices([
        "none",
        "policy",
        "ask",
        "open",
      ]),
    )
    .option("--hooks", "decide on the own tools of agents whose hooks call /airlock/hatch")
    .option("--auto-snapshot", "take a snapshot before each tool call that writes")
    .option("--no-auto-snapshot", "take none by itself, whatever your configuration says")
    .option("--no-record", "do not record what its terminals show")
    .option("--allow-host <host[:port]>", "allow a host, on port 443 when none is given (repeatable)", collect);
}

interface Loaded {
  readonly project: LoadedConfig | null;
  readonly user: LoadedConfig | null;
}

/** Both configuration files as they are; a mistake in either is an error. */
export async function loadConfigs({ edge }: CommandContext, project: string): Promise<Loaded> {
  const [ofProject, ofUser] = await Promise.all([
    loadConfigFile(projectConfigPath(project), "project", compileGlob),
    loadConfigFile(userConfigPath(edge), "user", compileGlob),
  ]);
  return { project: ofProject, user: ofUser };
}

/** The configuration of a session: flags over the environment over the project's file over the user's over the defaults. */
export function configOf({ edge }: CommandContext, options: SessionOptions, { project, user }: Loaded): Config {
  const {
    image,
    runtime,
    user: asked,
    workspace,
    memory,
    cpus,
    pids,
    disk,
    timeout,
    allowRw,
    network,
    allowHost,
    record,
    autoSnapshot,
  } = options;
  const flags = {
    image,
    runtime,
    user: asked,
    workspace,
    cpus,
    pids,
    allowRw,
    networkMode: network,
    allowHost: [...(allowHost ?? []), ...keyHosts(options)],
    presets: options.presets,
    autoSnapshot,
    // Commander says true where nothing is said.
    record: record === false ? false : undefined,
    memoryBytes: memory,
    diskBytes: disk,
    timeoutSeconds: timeout,
    aws: awsFlags(options),
  };
  return mergeConfig({ flags, environment: environmentValues(edge.env), project, user });
}

interface Wish {
  readonly command: readonly string[] | null;
  readonly tty: boolean;
  readonly agent?: PreparedAgent | null;
}

interface Made {
  readonly plan: SessionPlan;
  /** Variables of the configuration; those of the command line come over them. */
  readonly env: ReadonlyMap<string, Secret>;
  readonly onExit: Config["onExit"];
}

// The project's file was approved with the paths that it wants written through; any other such path needs --allow-rw.
function configuredPaths({ paths }: Config, project: LoadedConfig | null): PathRequest[] {
  const ofUser = paths.length - (project?.config.paths?.length ?? 0);
  return paths.map((path, index) => ({ ...path, approved: index >= ofUser }));
}

/** Makes the plan of a new session from flags and configuration; an unapproved project file stops here. */
export async function makePlan(
  context: CommandContext,
  bench: Workbench,
  options: SessionOptions,
  { command, tty, agent = null }: Wish,
): Promise<Made> {
  const { edge } = context;
  const project = await findProject(edge.cwd, options.project);
  const loaded = await loadConfigs(context, project);
  if (loaded.project !== null) await requireApproval(bench.home.path, project, loaded.project);
  const config = configOf(context, options, loaded);
  const flagged = (options.path ?? []).map((text) => ({ ...parsePathFlag(text), approved: false }));
  const keys = keysOf(options, edge);
  if (keys.length > 0 && config.network.mode === "none")
    throw new AirlockError("E_USAGE", "--key is for requests, and --network none lets none out");
  const plan: SessionPlan = {
    project,
    cwd: edge.cwd,
    name: options.name,
    image: config.image,
    base: config.workspace,
    user: config.user,
    runtime: config.runtime,
    limits: config.limits,
    paths: [...flagged, ...configuredPaths(config, loaded.project)],
    allowRw: config.allowRw,
    mask: [...(options.mask ?? []), ...config.mask],
    unmask: [...(options.unmask ?? []), ...config.unmask],
    command,
    tty,
    network: allowAws(
      await networkOf(config.network, () => presetPlace(context, bench, config.image)),
      config.aws.mode,
    ),
    isRecorded: config.record,
    takesSnapshots: config.snapshots.auto,
    trust: trustWish(options, config.tools),
    aws: await awsOf(context, options, config.aws),
    keys,
    agent: agent?.plan({ workspace: workspaceTarget(project), keys: placeholdersOf(keys) }) ?? null,
    hooks: options.hooks === true,
  };
  const env = new Map(Object.entries(config.env).map(([name, value]) => [name, new Secret(value)]));
  return { plan, env, onExit: config.onExit };
}
