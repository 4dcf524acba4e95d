import type { ContainerRequest, EngineFacts, Mount } from "../model/engine.js";

/**
 * The body of a create call. Every field is sent, also where it says what the engine would do anyway: what is not sent
 * is taken from the image or the daemon's configuration, and both are not ours.
 */
export function containerBody(
  request: ContainerRequest,
  product: EngineFacts["product"],
): Readonly<Record<string, unknown>> {
  return {
    Image: request.image,
    Labels: request.labels,
    Entrypoint: request.entrypoint,
    Cmd: request.command,
    WorkingDir: request.workingDirectory,
    User: request.user,
    Env: request.environment,
    Hostname: request.hostname,
    Domainname: "",
    Tty: request.tty,
    AttachStdin: request.openStdin,
    AttachStdout: true,
    AttachStderr: !request.tty,
    OpenStdin: request.openStdin,
    StdinOnce: request.openStdin,
    StopSignal: request.stopSignal,
    StopTimeout: 10,
    Healthcheck: { Test: ["NONE"] },
    ExposedPorts: {},
    Volumes: {},
    NetworkDisabled: request.networkDisabled,
    OnBuild: [],
    HostConfig: { ...confinement(request, product), ...resources(request), ...nothingElse },
    NetworkingConfig: { EndpointsConfig: {} },
  };
}

function confinement(request: ContainerRequest, product: EngineFacts["product"]): Readonly<Record<string, unknown>> {
  return {
    Privileged: false,
    ReadonlyRootfs: request.readOnlyRoot,
    CapDrop: ["ALL"],
    CapAdd: request.capabilitiesAdded,
    SecurityOpt: [
      "no-new-privileges:true",
      ...(request.seccompProfile === null ? [] : [`seccomp=${request.seccompProfile}`]),
      // Podman ignores MaskedPaths.
      ...(product === "podman" && request.maskedPaths.length > 0 ? [`mask=${request.maskedPaths.join(":")}`] : []),
    ],
    MaskedPaths: request.maskedPaths,
    ReadonlyPaths: request.readOnlyPaths,
    Mounts: request.mounts.map(mountBody),
    Tmpfs: request.tmpfs,
    NetworkMode: "none",
    IpcMode: "private",
    PidMode: request.joinsProcessesOf === undefined ? "" : `container:${request.joinsProcessesOf}`,
    UTSMode: "",
    UsernsMode: "",
    CgroupnsMode: "private",
    Sysctls: request.sysctls ?? {},
    ...(request.runtime === undefined ? {} : { Runtime: request.runtime }),
  };
}

function resources(request: ContainerRequest): Readonly<Record<string, unknown>> {
  return {
    Memory: request.memoryBytes,
    // The same number: no swap on top of it.
    MemorySwap: request.memoryBytes,
    MemoryReservation: 0,
    NanoCpus: request.nanoCpus,
    CpuShares: 0,
    CpusetCpus: "",
    CpusetMems: "",
    PidsLimit: request.pidsLimit,
    ShmSize: request.shmBytes,
    OomScoreAdj: request.oomScoreAdjustment,
    OomKillDisable: false,
    Ulimits: request.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    BlkioWeight: 0,
    StorageOpt: {},
  };
}

// The log driver stays off: a sandbox that floods its output would fill the engine's disk.
const nothingElse = {
  LogConfig: { Type: "none", Config: {} },
  RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
  AutoRemove: false,
  Init: false,
  Binds: [],
  VolumesFrom: [],
  VolumeDriver: "",
  Devices: [],
  DeviceRequests: [],
  DeviceCgroupRules: [],
  GroupAdd: [],
  Links: [],
  Dns: [],
  DnsSearch: [],
  DnsOptions: [],
  ExtraHosts: [],
  PortBindings: {},
  PublishAllPorts: false,
  Cgroup: "",
  CgroupParent: "",
  ContainerIDFile: "",
  Isolation: "",
};

function mountBody(mount: Mount): Readonly<Record<string, unknown>> {
  const common = { Type: mount.type, Source: mount.source, Target: mount.target, ReadOnly: mount.readOnly };
  return mount.type === "volume"
    ? { ...common, VolumeOptions: { NoCopy: mount.noCopy, Labels: {}, DriverConfig: {} } }
    : { ...common, BindOptions: { Propagation: mount.propagation ?? "rprivate", NonRecursive: true } };
}
