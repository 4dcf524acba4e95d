import type { Limits } from "../model/session.js";
import { defaultLimits } from "./defaults.js";
import type { LoadedConfig } from "./load.js";
import type { FileConfig } from "./schema.js";

/** Where a value came from. */
export type Origin = "flag" | "environment" | "project" | "user" | "default";

type PathEntry = NonNullable<FileConfig["paths"]>[number];

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
  readonly env: Readonly<Record<string, string>>;
  readonly mask: readonly string[];
  readonly unmask: readonly string[];
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
}

interface Sources {
  readonly flags: FlagValues;
  readonly project: LoadedConfig | null;
  readonly user: LoadedConfig | null;
}

const textOf = (env: FileConfig["env"]): Record<string, string> =>
  Object.fromEntries(Object.entries(env ?? {}).map(([name, value]) => [name, String(value)]));

/** Lays flags over the project's file over the user's over the defaults. Lists add up; single values replace. */
export function mergeConfig({ flags, project, user }: Sources): Config {
  const origins: Record<string, Origin> = {};
  const [ofProject, ofUser] = [project?.config ?? {}, user?.config ?? {}];
  function pick<T>(name: string, flag: T | undefined, inProject: T | undefined, inUser: T | undefined): T | undefined {
    origins[name] =
      flag !== undefined ? "flag" : inProject !== undefined ? "project" : inUser !== undefined ? "user" : "default";
    return flag ?? inProject ?? inUser;
  }
  const limit = (
    name: "memory" | "cpus" | "pids" | "disk" | "timeout",
    flag: number | undefined,
    standard: number,
  ): number => pick(`limits.${name}`, flag, ofProject.limits?.[name], ofUser.limits?.[name]) ?? standard;
  return Object.freeze({
    image: pick("image", flags.image, ofProject.image, ofUser.image),
    runtime: pick("runtime", flags.runtime, ofProject.runtime, ofUser.runtime),
    user: pick("user", flags.user, ofProject.user, ofUser.user) ?? "agent",
    workspace: pick("workspace", flags.workspace, ofProject.workspace, ofUser.workspace),
    onExit: pick("onExit", flags.onExit, ofProject.onExit, ofUser.onExit),
    allowRw: pick("allowRw", flags.allowRw, undefined, ofUser.allowRw) ?? false,
    limits: {
      memoryBytes: limit("memory", flags.memoryBytes, defaultLimits.memoryBytes),
      cpus: limit("cpus", flags.cpus, defaultLimits.cpus),
      pids: limit("pids", flags.pids, defaultLimits.pids),
      diskBytes: limit("disk", flags.diskBytes, defaultLimits.diskBytes),
      timeoutSeconds: limit("timeout", flags.timeoutSeconds, defaultLimits.timeoutSeconds),
    },
    paths: [...(ofUser.paths ?? []), ...(ofProject.paths ?? [])],
    env: { ...textOf(ofUser.env), ...textOf(ofProject.env) },
    mask: [...(ofUser.mask ?? []), ...(ofProject.mask ?? [])],
    unmask: [...(ofUser.unmask ?? []), ...(ofProject.unmask ?? [])],
    origins,
  });
}
