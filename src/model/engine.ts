import type { Readable, Writable } from "node:stream";

/** Where an engine is and how that was found out. */
export interface EngineEndpoint {
  readonly kind: "unix" | "tls" | "tcp" | "ssh";
  /** `unix:///path`, `tcp://host:port` or `ssh://user@host`. */
  readonly address: string;
  /** Folder with ca.pem, cert.pem, key.pem for `tls`. */
  readonly certificates?: string;
  /** Set by a context that says so; else the server's certificate is always verified. */
  readonly skipTlsVerify?: boolean;
  /** For people: `--engine`, `DOCKER_HOST`, `context "desktop-linux"`, `default socket`, … */
  readonly source: string;
}

/** What the engine can do, asked once for each connection. */
export interface EngineFacts {
  readonly product: "docker" | "podman";
  readonly version: string;
  readonly apiVersion: string;
  readonly operatingSystem: string;
  readonly architecture: "amd64" | "arm64";
  readonly runtimes: readonly string[];
  readonly defaultRuntime: string;
  readonly rootless: boolean;
  readonly userNamespaces: boolean;
  readonly appArmor: boolean;
  readonly seccomp: boolean;
  readonly cgroupVersion: "1" | "2";
  readonly memoryLimit: boolean;
  readonly pidsLimit: boolean;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly dataRoot: string;
  readonly runcVersion: string | null;
}

export type Labels = Readonly<Record<string, string>>;

export interface VolumeMount {
  readonly type: "volume";
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** True: never fill the volume from the image. */
  readonly noCopy: boolean;
}

/** A bind mount, never recursive. */
export interface BindMount {
  readonly type: "bind";
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Left out: private. Of its own data folder an engine gives nothing that way. */
  readonly propagation?: "rslave";
}

export type Mount = VolumeMount | BindMount;

export interface Ulimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** A container as asked for. Every field is always sent, so that nothing is inherited from the image or the engine's defaults. */
export interface ContainerRequest {
  readonly name: string;
  readonly image: string;
  readonly labels: Labels;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  /** Complete `K=V` list; never a secret. */
  readonly environment: readonly string[];
  readonly hostname: string;
  readonly tty: boolean;
  readonly openStdin: boolean;
  readonly stopSignal: string;
  readonly readOnlyRoot: boolean;
  readonly capabilitiesAdded: readonly string[];
  /** Inline JSON of the profile, or null for the engine's default (the keeper only). */
  readonly seccompProfile: string | null;
  readonly mounts: readonly Mount[];
  /** Target → options, e.g. `/tmp` → `rw,nosuid,nodev,exec,size=1g`. */
  readonly tmpfs: Readonly<Record<string, string>>;
  readonly maskedPaths: readonly string[];
  readonly readOnlyPaths: readonly string[];
  readonly ulimits: readonly Ulimit[];
  readonly memoryBytes: number;
  readonly nanoCpus: number;
  readonly pidsLimit: number;
  readonly shmBytes: number;
  readonly oomScoreAdjustment: number;
  /**
   * The engine prepares nothing for a network, and leaves /etc/hosts and /etc/resolv.conf empty. There is no interface but the
   * loopback in either case; without the preparation a start takes half the time.
   */
  readonly networkDisabled: boolean;
  /** Of the container's own network namespace. */
  readonly sysctls?: Readonly<Record<string, string>> | undefined;
  /** Name of a runtime of the engine; undefined: its default. */
  readonly runtime?: string | undefined;
  /** A container whose processes this one sees, and ends with; undefined: none but its own. */
  readonly joinsProcessesOf?: string | undefined;
}

export type ContainerStatus =
  | "created"
  | "running"
  | "paused"
  | "exited"
  | "dead"
  | "removing"
  | "restarting"
  | "unknown";

export interface ContainerSummary {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly labels: Labels;
  readonly status: ContainerStatus;
}

export interface MountPoint {
  readonly type: string;
  readonly name: string | null;
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly propagation: string;
}

/** What the engine says a container is. `raw` is the whole answer, for comparing every security field. */
export interface ContainerState extends ContainerSummary {
  readonly tty: boolean;
  readonly pid: number;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly mounts: readonly MountPoint[];
  readonly raw: unknown;
}

/** What a container uses. Null: the engine does not tell. */
export interface ContainerStats {
  /** Since its start. */
  readonly cpuNanoseconds: number;
  readonly memoryBytes: number | null;
  readonly processes: number | null;
}

export interface VolumeRequest {
  readonly name: string;
  readonly labels: Labels;
  /** Options of the engine's `local` driver: `{type, device, o}`; empty for a plain volume. */
  readonly driverOptions: Readonly<Record<string, string>>;
}

export interface VolumeState {
  readonly name: string;
  readonly driver: string;
  readonly labels: Labels;
  readonly mountpoint: string;
  readonly driverOptions: Readonly<Record<string, string>>;
}

export interface ImageState {
  readonly id: string;
  readonly tags: readonly string[];
  readonly labels: Labels;
  readonly sizeBytes: number;
  readonly createdAt: string;
  /** Paths the image declares as VOLUME. */
  readonly volumes: readonly string[];
  readonly environment: readonly string[];
  readonly architecture: string;
}

/** A running container's or exec's streams. With a TTY, `stderr` is null and everything comes by `stdout`. */
export interface EngineStreams extends AsyncDisposable {
  /** Ending it half-closes: the other side sees end of file on its stdin. */
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable | null;
}

export interface ExecRequest {
  readonly container: string;
  readonly command: readonly string[];
  readonly user?: string;
  readonly workingDirectory?: string;
  readonly tty: boolean;
}

export interface ExecStreams extends EngineStreams {
  readonly id: string;
  resize(size: TerminalSize): Promise<void>;
  /** Waits until the process ended; null when the engine no longer knows the exec. */
  exitCode(): Promise<number | null>;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface BuildRequest {
  /** Tar stream of the build context. */
  readonly context: Readable;
  readonly tag: string;
  readonly labels: Labels;
  readonly buildArguments: Readonly<Record<string, string>>;
  /** Called for each line of the build's output. */
  readonly onLine: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * The container engine as Airlock sees it. Shaped so that Kubernetes could be one: labels on everything, exec as the only
 * channel into a container, no archive calls. Everything not found is `null` or `false`, not an error; other failures are
 * AirlockErrors (`E_ENGINE_*`, `E_IMAGE_*`).
 */
export interface Engine extends AsyncDisposable {
  readonly endpoint: EngineEndpoint;
  facts(): Promise<EngineFacts>;
  /** The part of the facts that every start needs; engines run other programs to know their versions. */
  capacity(): Promise<Pick<EngineFacts, "cpus" | "runtimes">>;

  createContainer(request: ContainerRequest): Promise<string>;
  /** Attaches to the first process's streams; call it before `startContainer`, so that no byte is lost. */
  attachContainer(id: string, options: { readonly tty: boolean }): Promise<EngineStreams>;
  startContainer(id: string): Promise<void>;
  resizeContainer(id: string, size: TerminalSize): Promise<void>;
  inspectContainer(id: string): Promise<ContainerState | null>;
  /** Null when it is gone. */
  containerStats(id: string): Promise<ContainerStats | null>;
  /** Resolves when the container has stopped; call it before `startContainer`. */
  waitContainer(id: string, signal?: AbortSignal): Promise<{ readonly exitCode: number }>;
  killContainer(id: string, signal?: string): Promise<void>;
  pauseContainer(id: string): Promise<void>;
  unpauseContainer(id: string): Promise<void>;
  /** Kills and removes; true when it is gone, also when it was before. */
  removeContainer(id: string): Promise<boolean>;
  listContainers(labels: Labels): Promise<readonly ContainerSummary[]>;
  commitContainer(
    id: string,
    image: { readonly repository: string; readonly tag: string; readonly labels: Labels },
  ): Promise<string>;

  exec(request: ExecRequest): Promise<ExecStreams>;

  createVolume(request: VolumeRequest): Promise<VolumeState>;
  inspectVolume(name: string): Promise<VolumeState | null>;
  removeVolume(name: string): Promise<boolean>;
  listVolumes(labels: Labels): Promise<readonly VolumeState[]>;

  inspectImage(reference: string): Promise<ImageState | null>;
  listImages(labels: Labels): Promise<readonly ImageState[]>;
  removeImage(reference: string): Promise<boolean>;
  pullImage(reference: string, onLine: (line: string) => void, signal?: AbortSignal): Promise<void>;
  buildImage(request: BuildRequest): Promise<string>;
  /** Makes an image of one layer from a tar stream of a root file system. */
  importImage(root: Readable, tag: string, labels: Labels): Promise<string>;
}

/** A byte stream in both directions over an exec, as the keeper's client wants it. */
export type ByteChannel = Pick<EngineStreams, "stdin" | "stdout" | "stderr"> & AsyncDisposable;
