import { containerBody } from "../../../src/engine/container-spec.js";
import type { ContainerRequest, ContainerState } from "../../../src/model/engine.js";
import type { ApprovedPath } from "../../../src/model/session.js";
import { buildSandboxRequest, type SandboxSpec } from "../../../src/wall/container-spec.js";
import { refusedCalls } from "../../../src/wall/probe-checks.js";
import { type Proof, proveWall } from "../../../src/wall/prove.js";

/** A spec with a runtime volume, a layer and a read-only path. */
export function specimenSpec(changes: Partial<SandboxSpec> = {}): SandboxSpec {
  return {
    name: "airlock-specimen",
    image: "sha256:feed",
    imageVolumes: [],
    imageEnvironment: ["PATH=/bin"],
    labels: { "airlock.session": "specimen" },
    hostname: "specimen",
    uid: 1000,
    gid: 1001,
    user: "agent",
    tty: false,
    runtimeVolume: { name: "runtime", folder: "/var/lib/docker/volumes/runtime/_data" },
    mounts: [
      { type: "volume", source: "layer", target: "/srv/prøject", readOnly: false, noCopy: true },
      { type: "bind", source: "/data/set", target: "/mnt/set", readOnly: true },
    ],
    limits: { memoryBytes: 1 << 29, cpus: 1.5, pids: 100, diskBytes: 1 << 30, timeoutSeconds: 0 },
    runtime: undefined,
    ...changes,
  };
}

type Fields = Record<string, unknown>;

/** A container as the engine describes it when it did all that was asked for. */
export function specimenState(request: ContainerRequest): ContainerState {
  const { HostConfig, ...Config } = containerBody(request, "docker") as { HostConfig: Fields } & Fields;
  return {
    id: "1",
    name: request.name,
    image: request.image,
    labels: request.labels,
    status: "running",
    tty: false,
    pid: 4242,
    exitCode: 0,
    oomKilled: false,
    startedAt: "",
    finishedAt: "",
    mounts: request.mounts.map(({ type, source, target, readOnly }) => ({
      type,
      name: type === "volume" ? source : null,
      source: type === "volume" ? `/var/lib/docker/volumes/${source}/_data` : source,
      target,
      readOnly,
      propagation: "",
    })),
    raw: structuredClone({ Config, HostConfig, NetworkSettings: { Networks: { none: {} } } }),
  };
}

const mount = (target: string, type: string, options: string, identity = ["1", "1"], root = "/"): Fields => ({
  device: identity[0],
  inode: identity[1],
  root,
  target,
  options,
  type,
  source: type,
  superOptions: "rw",
});

/** What init says when all is as it must be. Fresh at each call, so that a test may spoil it. */
export function specimenReport(): Fields & { mounts: Fields[]; syscalls: Fields; status: Fields; limits: Fields } {
  const none = "0000000000000000";
  return {
    version: 1,
    descriptors: [0, 1, 2],
    pid: 1,
    processes: 1,
    uid: 1000,
    gid: 1001,
    groups: [1001],
    status: { CapInh: none, CapPrm: none, CapEff: none, CapBnd: none, CapAmb: none, NoNewPrivs: "1", Seccomp: "2" },
    limits: { memory: String(1 << 29), pids: "100", core: "0" },
    interfaces: ["lo"],
    mounts: [
      mount("/", "overlay", "ro,relatime"),
      mount("/proc", "proc", "rw,nosuid,nodev,noexec"),
      mount("/dev", "tmpfs", "rw,nosuid"),
      mount("/sys", "sysfs", "ro,nosuid,nodev,noexec"),
      mount("/sys/fs/cgroup", "cgroup2", "ro,nosuid,nodev,noexec"),
      mount("/proc/sys", "proc", "ro,nosuid,nodev,noexec"),
      mount("/proc/kcore", "tmpfs", "rw,nosuid"),
      mount("/sys/firmware", "tmpfs", "ro,relatime"),
      mount("/run", "tmpfs", "rw,nosuid,nodev,noexec"),
      mount("/tmp", "tmpfs", "rw,nosuid,nodev"),
      mount("/airlock", "ext4", "ro,relatime", ["1", "1"], "/volumes/runtime/_data"),
      mount("/etc/hosts", "ext4", "ro,relatime", ["1", "1"], "/volumes/runtime/_data/hosts"),
      mount("/etc/resolv.conf", "ext4", "ro,relatime", ["1", "1"], "/volumes/runtime/_data/resolv.conf"),
      mount("/srv/pr\udcc3\udcb8ject", "overlay", "rw,nosuid,nodev"),
      mount("/mnt/set", "ext4", "ro,relatime", ["66", "77"]),
    ],
    writable: [],
    exposed: [],
    devices: ["null", "zero"],
    sockets: [],
    syscalls: Object.fromEntries(refusedCalls.map((name) => [name, "EPERM"])),
  };
}

export const specimenApproval: ApprovedPath = {
  hostPath: "/data/set",
  target: "/mnt/set",
  mode: "ro",
  kind: "folder",
  device: "66",
  inode: "77",
};

interface Spoil {
  readonly spec?: Partial<SandboxSpec>;
  readonly report?: unknown;
  readonly state?: (state: ContainerState) => ContainerState;
  readonly proof?: Partial<Proof>;
}

/** Names of the checks that fail when something of a sound specimen is spoiled. */
export async function failures({
  spec,
  report = specimenReport(),
  state = (same) => same,
  proof = {},
}: Spoil): Promise<string[]> {
  const request = buildSandboxRequest(specimenSpec(spec));
  const { ok, checks } = await proveWall({
    request,
    state: state(specimenState(request)),
    report: JSON.stringify(report),
    approvals: [specimenApproval],
    bases: [],
    imageVolumes: [],
    runtime: "",
    sameKernel: true,
    ...proof,
  });
  const failed = checks.filter((check) => !check.ok).map(({ name }) => name);
  if (ok !== (failed.length === 0)) throw new Error("the verdict disagrees with its checks");
  return failed;
}
