import type { AwsWish } from "../model/aws.js";
import type { NetworkMode } from "../model/network.js";
import type { Limits } from "../model/session.js";
import { defaultLimits } from "./defaults.js";
import type { LoadedConfig } from "./load.js";
import { type AwsFlags, mergeAws } from "./merge-aws.js";
import { mergeNetwork, type NetworkWish } from "./merge-network.js";
import { type Retention, retentionOf } from "./retention.js";
import type { FileConfig } from "./schema.js";

/** Where a value came from. */
export type Origin = "flag" | "environment" | "project" | "user" | "default";

type PathEntry = NonNullable<FileConfig["paths"]>[number];

/** A rule about a tool as a file has it. */
export interface ToolRuleText {
  readonly action: "allow" | "ask" | "deny";
  readonly text: string;
  readonly origin: string;
}

function toolRules({ tools = {} }: FileConfig, origin: string): ToolRuleText[] {
  const { trust = [], ask = [], deny = [] } = tools;
  const list = (action: ToolRuleText["action"], texts: readonly string[]): ToolRuleText[] =>
    texts.map((text) => ({ action, text, origin }));
  return [...list("allow", trust), ...list("ask", ask), ...list("deny", deny)];
}

/** Everything that decides how a session is made, with the origin of each value. */
export interface Config {
  readonly image: string | undefined;
  readonly runtime: string | undefined;
  readonly user: "agent" | "root";
  readonly workspace: "overlay" | "upload" | undefined;
  readonly onExit: "review" | "keep" | "discard" | undefined;
  readonly limits: Limits;
  readonly paths: readonly PathEntry[];
  readonly allowRw: boolean;
  readonly record: boolean;
  readonly snapshots: Retention & { readonly auto: boolean };
  readonly env: Readonly<Record<string, string>>;
  readonly mask: readonly string[];
  readonly unmask: readonly string[];
  readonly network: NetworkWish;
  readonly tools: readonly ToolRuleText[];
  readonly aws: AwsWish;
  readonly origins: Readonly<Record<string, Origin>>;
}

/** Values given by flags, already parsed. */
export interface FlagValues {
  readonly image?: string | undefined;
  readonly runtime?: string | undefined;
  readonly user?: "agent" | "root" | undefined;
  readonly workspace?: "overlay" | "upload" | undefined;
  readonly onExit?: "review" | "keep" | "discard" | undefined;
  readonly memoryBytes?: number | undefined;
  readonly cpus?: number | undefined;
  readonly pids?: number | undefined;
  readonly diskBytes?: number | undefined;
  readonly timeoutSeconds?: number | undefined;
  readonly allowRw?: boolean | undefined;
  readonly record?: boolean | undefined;
  readonly autoSnapshot?: boolean | undefined;
  readonly networkMode?: NetworkMode | undefined;
  readonly allowHost?: readonly string[] | undefined;
  readonly presets?: readonly string[] | undefined;
  readonly aws?: AwsFlags | undefined;
}

interface Sources {
  readonly flags: FlagValues;
  /** Values of `AIRLOCK_…` variables. */
  readonly environment?: FlagValues | undefined;
  readonly project: LoadedConfig | null;
  readonly user: LoadedConfig | null;
}

const textOf = (env: FileConfig["env"]): Record<string, string> =>
  Object.fromEntries(Object.entries(env ?? {}).map(([name, value]) => [name, String(value)]));

type LimitName = keyof NonNullable<FileConfig["limits"]>;

const limitFields = {
  memory: "memoryBytes",
  cpus: "cpus",
  pids: "pids",
  disk: "diskBytes",
  timeout: "timeoutSeconds",
} as const satisfies Record<LimitName, keyof Limits>;

// What is above the default was approved with the project's file. Everything else there only tightens: it never takes back a
// limit that the user set for all projects.
function limitOfProject(
  name: LimitName,
  ofProject: number | undefined,
  ofUser: number | undefined,
): number | undefined {
  if (ofProject === undefined || ofUser === undefined) return ofProject;
  if (name === "timeout") {
    const [tight, loose] = [Math.min(ofProject, ofUser), Math.max(ofProject, ofUser)];
    return (tight === 0 ? loose : tight) === ofProject ? ofProject : undefined;
  }
  return ofProject > defaultLimits[limitFields[name]] || ofProject < ofUser ? ofProject : undefined;
}

function freezeDeep<T extends object>(value: T): T {
  for (const each of Object.values(value)) if (typeof each === "object" && each !== null) freezeDeep(each);
  return Object.freeze(value);
}

class Picker {
  readonly origins: Record<string, Origin> = {};

  /** The first value that is there, by precedence; remembers whose it was. */
  pick<T>(name: string, values: Readonly<Partial<Record<Origin, T | undefined>>>): T | undefined {
    const order = ["flag", "environment", "project", "user"] as const;
    const origin = order.find((each) => values[each] !== undefined) ?? "default";
    this.origins[name] = origin;
    return values[origin];
  }
}

// The user's alone: no repository says what is saved of its agents' work, and for how long.
function mergeSnapshots(
  picker: Picker,
  flag: boolean | undefined,
  ofUser: NonNullable<FileConfig["snapshots"]>,
): Config["snapshots"] {
  for (const name of ["keep", "maxAge", "maxSize", "appliesTo"] as const) {
    picker.pick(`snapshots.${name}`, { user: ofUser[name] });
  }
  return { auto: picker.pick("snapshots.auto", { flag, user: ofUser.auto }) ?? false, ...retentionOf(ofUser) };
}

/** Lays flags over the environment over the project's file over the user's over the defaults. Lists add up; single values replace. */
export function mergeConfig({ flags, environment = {}, project, user }: Sources): Config {
  const picker = new Picker();
  const [ofProject, ofUser] = [project?.config ?? {}, user?.config ?? {}];
  const single = <K extends "image" | "runtime" | "user" | "workspace" | "onExit">(name: K): FlagValues[K] =>
    picker.pick<FlagValues[K]>(name, {
      flag: flags[name],
      environment: environment[name],
      project: ofProject[name],
      user: ofUser[name],
    });
  const limit = (name: LimitName): number =>
    picker.pick(`limits.${name}`, {
      flag: flags[limitFields[name]],
      environment: environment[limitFields[name]],
      project: limitOfProject(name, ofProject.limits?.[name], ofUser.limits?.[name]),
      user: ofUser.limits?.[name],
    }) ?? defaultLimits[limitFields[name]];
  return freezeDeep({
    image: single("image"),
    runtime: single("runtime"),
    user: single("user") ?? "agent",
    workspace: single("workspace"),
    onExit: single("onExit"),
    allowRw: picker.pick("allowRw", { flag: flags.allowRw, user: ofUser.allowRw }) ?? false,
    // The user's alone: no repository says whether its traces are kept.
    record: picker.pick("record", { flag: flags.record, user: ofUser.record }) ?? true,
    snapshots: mergeSnapshots(picker, flags.autoSnapshot, ofUser.snapshots ?? {}),
    limits: {
      memoryBytes: limit("memory"),
      cpus: limit("cpus"),
      pids: limit("pids"),
      diskBytes: limit("disk"),
      timeoutSeconds: limit("timeout"),
    },
    paths: [...(ofUser.paths ?? []), ...(ofProject.paths ?? [])],
    env: { ...textOf(ofUser.env), ...textOf(ofProject.env) },
    mask: [...(ofUser.mask ?? []), ...(ofProject.mask ?? [])],
    unmask: [...(ofUser.unmask ?? []), ...(ofProject.unmask ?? [])],
    network: mergeNetwork(flags, ofProject.network, ofUser.network, picker.origins),
    tools: [...toolRules(ofUser, "your configuration"), ...toolRules(ofProject, "airlock.yaml")],
    aws: mergeAws(flags.aws, ofProject.aws, ofUser.aws),
    origins: picker.origins,
  });
}
