import { posix } from "node:path";
import { AirlockError } from "../base/errors.js";
import { displayPath } from "../base/escape.js";
import type { ContainerRequest, Labels, Mount, Ulimit } from "../model/engine.js";
import type { Limits, SandboxUser } from "../model/session.js";
import { isLoadingVariable } from "./loading-variables.js";
import { seccompProfile } from "./seccomp.js";

/** The volume that holds our programs, and what every sandbox knows of names. */
export interface RuntimeVolume {
  readonly name: string;
  /** Where the engine has its files. */
  readonly folder: string;
}

/** What a session decides about its sandbox; everything else is the wall's. */
export interface SandboxSpec {
  readonly name: string;
  readonly image: string;
  /** Paths that the image declares as VOLUME. */
  readonly imageVolumes: readonly string[];
  /** `K=V` of the image. */
  readonly imageEnvironment: readonly string[];
  /** The image's lists of users can be added to: its label `airlock.names`. */
  readonly hasNames?: boolean;
  readonly labels: Labels;
  readonly hostname: string;
  readonly uid: number;
  readonly gid: number;
  readonly user: SandboxUser;
  readonly tty: boolean;
  readonly mounts: readonly Mount[];
  readonly runtimeVolume: RuntimeVolume;
  readonly limits: Limits;
  readonly runtime: string | undefined;
  /** The user id of the hatch, for a sandbox that gets a wire; it still has no interface. */
  readonly hatchUid?: number | undefined;
}

const mebibyte = 1024 * 1024;

/**
 * Masked: they tell of the host or let its kernel be steered. A list that is sent replaces the engine's own, so it is whole.
 * /proc/mtrr is not in Docker's, and uid 0 without any capability can write there.
 */
export const maskedPaths: readonly string[] = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/config.gz",
  "/proc/interrupts",
  "/proc/kallsyms",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/mtrr",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
  "/sys/kernel/debug",
  "/sys/kernel/security",
];

export const readOnlyPaths: readonly string[] = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

/** What `--user root` has: enough for a package manager to own files as it must, and nothing beyond files. */
export const rootCapabilities: readonly string[] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"];

/** An image may not put a volume of its own over these: it would replace what we mount, or make system folders writable. */
const noVolumes = /^\/($|(airlock|bin|boot|dev|etc|home|lib[^/]*|proc|run|sbin|sys|tmp|usr)(\/|$))/;

// No nproc: the kernel counts it for a user id on the whole host. The number of processes is the cgroup's to limit.
function ulimits({ diskBytes }: Limits): Ulimit[] {
  return [
    { name: "core", soft: 0, hard: 0 },
    { name: "fsize", soft: diskBytes, hard: diskBytes },
    { name: "memlock", soft: 64 * 1024, hard: 64 * 1024 },
    // No more than an engine itself may open on a modest machine: it cannot give what it does not have.
    { name: "nofile", soft: 4_096, hard: 16_384 },
  ];
}

// The image's variables would stand in the container's configuration whatever we send; those that decide which code is
// loaded are emptied there. What the command sees comes by the release frame.
function environment(imageEnvironment: readonly string[]): string[] {
  const names = imageEnvironment.map((entry) => entry.split("=", 1)[0] ?? "");
  return [...new Set(names.filter(isLoadingVariable))].map((name) => `${name}=`);
}

// Inside one of our mounts a volume of the image would take writes that no layer holds and no change set shows. The engine
// cleans the path before it mounts, so `/opt/../etc` is /etc.
function refuseVolumes({ imageVolumes, image, mounts }: SandboxSpec): void {
  const refused = imageVolumes.filter((path) => {
    const cleaned = posix.resolve("/", path);
    return noVolumes.test(cleaned) || mounts.some(({ target }) => cleaned.startsWith(`${target}/`));
  });
  if (refused.length === 0) return;
  throw new AirlockError(
    "E_MOUNT_REFUSED",
    `the image ${displayPath(image)} wants volumes of its own at ${refused.map(displayPath).join(", ")}`,
    {
      hint: "use an image without such a VOLUME line",
    },
  );
}

// Where the hatch writes what was denied, for the agent to read.
function hatchFolder(uid: number): Readonly<Record<string, string>> {
  return { "/run/airlock": `rw,nosuid,nodev,noexec,size=1m,mode=755,uid=${uid}` };
}

// Where init writes who the user is; what is there belongs to the agent, and decides nothing but names.
function namesFolder({ uid, gid }: SandboxSpec): Readonly<Record<string, string>> {
  return { "/var/lib/extrausers": `rw,nosuid,nodev,noexec,size=1m,mode=755,uid=${uid},gid=${gid}` };
}

// The hatch answers every name, and needs no capability for the ports of a namespace that leads nowhere.
const hatchNetwork = {
  sysctls: { "net.ipv4.ip_unprivileged_port_start": "0" },
} as const;

export const runtimeTarget = "/airlock";
/** What names mean is told by files of ours, the same for every sandbox: the engine's own would be the host's list of name servers. */
export const nameFileTargets: readonly string[] = ["/etc/hosts", "/etc/resolv.conf"];

function ownMounts({ runtimeVolume: { name, folder } }: SandboxSpec): Mount[] {
  const nameFiles = nameFileTargets.map((target) => ({ target, source: posix.join(folder, posix.basename(target)) }));
  return [
    { type: "volume", source: name, target: runtimeTarget, readOnly: true, noCopy: true },
    ...nameFiles.map((file) => ({ ...file, type: "bind", readOnly: true, propagation: "rslave" }) as const),
  ];
}

// The engine would give the image a volume of its own for each, on its disk and without any limit.
function imageFolders({ imageVolumes, mounts, uid, gid }: SandboxSpec, bytes: number): Record<string, string> {
  const cleaned = imageVolumes.map((path) => posix.resolve("/", path));
  const free = cleaned.filter((path) => !mounts.some(({ target }) => target === path));
  const options = `rw,nosuid,nodev,exec,size=${bytes},nr_inodes=200k,uid=${uid},gid=${gid},mode=755`;
  return Object.fromEntries(free.map((path) => [path, options]));
}

/** The container of a sandbox: every field that the wall is made of. */
export function buildSandboxRequest(spec: SandboxSpec): ContainerRequest {
  refuseVolumes(spec);
  const { limits, uid, gid, user } = spec;
  const temporary = Math.max(64 * mebibyte, Math.floor(limits.memoryBytes / 2));
  return {
    name: spec.name,
    image: spec.image,
    labels: spec.labels,
    entrypoint: ["/airlock/init"],
    command: ["sandbox"],
    workingDirectory: "/",
    user: user === "root" ? "0:0" : `${uid}:${gid}`,
    environment: environment(spec.imageEnvironment),
    hostname: spec.hostname,
    tty: spec.tty,
    openStdin: true,
    stopSignal: "SIGTERM",
    readOnlyRoot: user === "agent",
    capabilitiesAdded: user === "root" ? rootCapabilities : [],
    seccompProfile: seccompProfile(),
    mounts: [...ownMounts(spec), ...spec.mounts],
    tmpfs: {
      "/run": "rw,nosuid,nodev,noexec,size=16m,mode=755",
      ...imageFolders(spec, temporary),
      ...(spec.hasNames === true && user === "agent" ? namesFolder(spec) : {}),
      // exec: compilers, test runners and package managers run what they put there. Its size counts as memory.
      "/tmp": `rw,nosuid,nodev,exec,size=${temporary},nr_inodes=200k,mode=1777`,
      ...(spec.hatchUid === undefined ? {} : hatchFolder(spec.hatchUid)),
    },
    networkDisabled: true,
    ...(spec.hatchUid === undefined ? {} : hatchNetwork),
    maskedPaths,
    readOnlyPaths,
    ulimits: ulimits(limits),
    memoryBytes: limits.memoryBytes,
    nanoCpus: Math.round(limits.cpus * 1e9),
    pidsLimit: limits.pids,
    shmBytes: 256 * mebibyte,
    oomScoreAdjustment: 500,
    runtime: spec.runtime,
  };
}
