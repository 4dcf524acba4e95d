import * as z from "zod/mini";
import { AirlockError } from "../base/errors.js";
import type { ContainerRequest, ContainerState } from "../model/engine.js";
import { checkEqual, checkWithin, type WallCheck } from "./check.js";
import { isLoadingVariable } from "./loading-variables.js";

const inspectSchema = z.object({
  Config: z.record(z.string(), z.unknown()),
  HostConfig: z.record(z.string(), z.unknown()),
  NetworkSettings: z.object({ Networks: z.nullish(z.record(z.string(), z.unknown())) }),
});

type Fields = Readonly<Record<string, unknown>>;

// Engines write capabilities with and without CAP_.
function plainCapabilities(value: unknown): unknown {
  return Array.isArray(value) ? value.map((name) => String(name).replace(/^CAP_/, "")) : value;
}

function expectedHostConfig(request: ContainerRequest): Fields {
  return {
    Privileged: false,
    ReadonlyRootfs: request.readOnlyRoot,
    CapAdd: request.capabilitiesAdded,
    CapDrop: ["ALL"],
    SecurityOpt: [
      "no-new-privileges:true",
      ...(request.seccompProfile === null ? [] : [`seccomp=${request.seccompProfile}`]),
    ],
    MaskedPaths: request.maskedPaths,
    ReadonlyPaths: request.readOnlyPaths,
    Tmpfs: request.tmpfs,
    NetworkMode: "none",
    IpcMode: "private",
    PidMode: "",
    UTSMode: "",
    UsernsMode: "",
    CgroupnsMode: "private",
    CgroupParent: "",
    Memory: request.memoryBytes,
    MemorySwap: request.memoryBytes,
    NanoCpus: request.nanoCpus,
    PidsLimit: request.pidsLimit,
    ShmSize: request.shmBytes,
    OomKillDisable: false,
    Ulimits: request.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    Binds: [],
    VolumesFrom: [],
    Devices: [],
    DeviceRequests: [],
    DeviceCgroupRules: [],
    GroupAdd: [],
    ExtraHosts: [],
    Links: [],
    PortBindings: {},
    PublishAllPorts: false,
    AutoRemove: false,
    Init: false,
    Sysctls: request.sysctls ?? {},
    Dns: [],
    VolumeDriver: "",
    OomScoreAdj: request.oomScoreAdjustment,
    ...(request.runtime === undefined ? {} : { Runtime: request.runtime }),
  };
}

function expectedConfig(request: ContainerRequest): Fields {
  return {
    User: request.user,
    Entrypoint: request.entrypoint,
    Cmd: request.command,
    WorkingDir: request.workingDirectory,
    Tty: request.tty,
    StopSignal: request.stopSignal,
  };
}

// A limit that the engine drops in silence (rootless on cgroup v1) is as absent as one that was never asked for; the same
// holds for "false" that comes back as null.
function found(fields: Fields, name: string, expected: unknown): unknown {
  const value = fields[name];
  if (name === "CapAdd" || name === "CapDrop") return plainCapabilities(value);
  if ((value === null || value === undefined) && expected === false) return false;
  return value ?? (typeof expected === "string" ? "" : value);
}

function compare(part: string, expected: Fields, fields: Fields): WallCheck[] {
  return Object.entries(expected).map(([name, value]) =>
    checkEqual(`${part}.${name}`, value, found(fields, name, value)),
  );
}

// Names only, and only those that still have a value: an environment is never copied into a record.
function loadingVariables(environment: unknown): string[] {
  const entries = z.safeParse(z.nullish(z.array(z.string())), environment);
  if (!entries.success) return ["unreadable"];
  return (entries.data ?? [])
    .map((entry) => entry.split("=", 2))
    .filter(([name, value]) => isLoadingVariable(name ?? "") && value !== undefined && value !== "")
    .map(([name]) => name ?? "");
}

/** Mounts as the engine has them against those asked for, and the volumes that the image declares. */
function compareMounts(request: ContainerRequest, state: ContainerState, imageVolumes: readonly string[]): WallCheck {
  const expected = request.mounts.map(
    ({ type, source, target, readOnly }) => `${type} ${source} ${target} ${readOnly ? "ro" : "rw"}`,
  );
  const anonymous = imageVolumes.filter((path) => !request.mounts.some(({ target }) => target === path));
  const seen = state.mounts.filter(
    ({ type, target }) => type !== "tmpfs" && !(type === "volume" && anonymous.includes(target)),
  );
  const list = seen.map(
    ({ type, name, source, target, readOnly }) =>
      `${type} ${type === "volume" ? name : source} ${target} ${readOnly ? "ro" : "rw"}`,
  );
  return checkEqual("mounts", expected, list);
}

/** What the engine says it made, field by field, against what was asked for: an engine that ignores a field is found here. */
export function inspectChecks(
  request: ContainerRequest,
  state: ContainerState,
  imageVolumes: readonly string[],
): WallCheck[] {
  const parsed = z.safeParse(inspectSchema, state.raw);
  if (!parsed.success)
    throw new AirlockError("E_ENGINE_ANSWER", "the engine's description of the sandbox cannot be read");
  const { Config, HostConfig, NetworkSettings } = parsed.data;
  const log = checkEqual("HostConfig.LogConfig", "none", (HostConfig["LogConfig"] as Fields | undefined)?.["Type"]);
  return [
    ...compare("HostConfig", expectedHostConfig(request), HostConfig),
    ...compare("Config", expectedConfig(request), Config),
    log,
    // Docker takes the interval from the image all the same: without a test it means nothing.
    checkEqual("Config.Healthcheck", ["NONE"], (Config["Healthcheck"] as Fields | undefined)?.["Test"]),
    checkWithin("networks", ["none"], Object.keys(NetworkSettings.Networks ?? {})),
    checkWithin("environment of the image", [], loadingVariables(Config["Env"])),
    compareMounts(request, state, imageVolumes),
  ];
}
