import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { AirlockError, isAirlockError } from "../base/errors.js";
import { takeLock } from "../base/file-lock.js";
import { newToken } from "../base/ids.js";
import type { ContainerRequest, ContainerState, Engine, Labels, VolumeRequest } from "../model/engine.js";
import { type RuntimeVolume, runtimeTarget } from "../wall/container-spec.js";
import type { AirlockHome } from "./home.js";

/** The names of what a state folder shares among its sessions on one engine. */
export interface KeeperNames {
  readonly container: string;
  readonly store: string;
  readonly runtime: string;
}

/** A keeper that runs, and whether the engine sees this machine's files. */
export interface RunningKeeper {
  readonly container: string;
  readonly sharesFiles: boolean;
  /** Where its socket is, if it could make one; null when the engine does not see this machine's files. */
  readonly socketFolder: string | null;
  /** Where the engine has the store's files. */
  readonly store: string;
  readonly runtimeVolume: RuntimeVolume;
}

const storeTarget = "/store";
const socketTarget = "/run/keeper";
const serverCommand = ["/usr/bin/python3", "-I", "-S", "-B", "/usr/lib/airlock/keeper/server.py"];
const folderLabel = "airlock.socket";
const megabyte = 1024 * 1024;
const makingMs = 30_000;

// The walls of the keeper differ from a sandbox's: it must read what any owner made, make whiteouts and read the overlay's
// own attributes (CAP_SYS_ADMIN), and it runs nothing but our program on a read-only root without a network.
const keeperCapabilities = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "SYS_ADMIN"];

/** Names by state folder and by image, so that two versions of Airlock never share a keeper. */
export function keeperNames(home: AirlockHome, imageHash: string): KeeperNames {
  return {
    container: `airlock-keeper-${home.id}-${imageHash}`,
    store: `airlock-store-${home.id}`,
    runtime: `airlock-runtime-${home.id}-${imageHash}`,
  };
}

interface SocketFolder {
  readonly name: string;
  readonly path: string;
}

function keeperRequest(
  names: KeeperNames,
  image: string,
  labels: Labels,
  socket: SocketFolder | null,
): ContainerRequest {
  const volume = (source: string, target: string, noCopy: boolean) =>
    ({ type: "volume", source, target, readOnly: false, noCopy }) as const;
  return {
    name: names.container,
    image,
    labels: { ...labels, "airlock.role": "keeper", ...(socket === null ? {} : { [folderLabel]: socket.name }) },
    entrypoint: serverCommand,
    command: socket === null ? [] : [socketTarget],
    workingDirectory: "/",
    user: "0:0",
    environment: [],
    hostname: "keeper",
    tty: false,
    openStdin: false,
    stopSignal: "SIGTERM",
    readOnlyRoot: true,
    capabilitiesAdded: keeperCapabilities,
    seccompProfile: null,
    // The runtime volume is new and empty when the first keeper of an image is made: the engine fills it with the image's
    // /airlock, and sandboxes then mount it read-only over any image.
    mounts: [
      volume(names.store, storeTarget, true),
      volume(names.runtime, runtimeTarget, false),
      ...(socket === null
        ? []
        : [{ type: "bind", source: socket.path, target: socketTarget, readOnly: false } as const]),
    ],
    tmpfs: { "/tmp": "rw,nosuid,nodev,noexec,size=16m" },
    maskedPaths: [],
    readOnlyPaths: ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs"],
    ulimits: [{ name: "core", soft: 0, hard: 0 }],
    memoryBytes: 512 * megabyte,
    nanoCpus: 0,
    pidsLimit: 256,
    shmBytes: megabyte,
    oomScoreAdjustment: 0,
    networkDisabled: true,
  };
}

const folderPattern = /^[0-9a-f]{16}$/;

function socketFolderOf(home: AirlockHome, labels: Labels): string | null {
  const name = labels[folderLabel];
  return name !== undefined && folderPattern.test(name) ? join(home.path, "keeper", name) : null;
}

// Docker Desktop and remote engines answer on a local socket too. What proves that an engine sees our files is that it
// finds a folder which only this machine has. Its name is the keeper's alone: another engine's keeper has another one.
async function makeSocketFolder(home: AirlockHome): Promise<SocketFolder> {
  const name = newToken(8);
  const path = join(home.path, "keeper", name);
  await mkdir(path, { recursive: true, mode: 0o700 });
  return { name, path };
}

/** Removes what a keeper that is gone has left in the state folder. */
export async function removeSocketFolder(home: AirlockHome, labels: Labels): Promise<void> {
  const folder = socketFolderOf(home, labels);
  if (folder !== null) await rm(folder, { recursive: true, force: true });
}

/** Makes a volume of ours. Engines hand back any volume that has the name already: a stranger's is never taken over. */
export async function createOwnVolume(engine: Engine, request: VolumeRequest): Promise<void> {
  const { labels } = await engine.createVolume(request);
  if (Object.entries(request.labels).every(([key, value]) => labels[key] === value)) return;
  throw new AirlockError("E_ENGINE_FAILED", `a volume that is not ours has the name ${request.name}`, {
    hint: `see what it is: docker volume inspect ${request.name}; remove or rename it`,
  });
}

async function createKeeper(
  engine: Engine,
  names: KeeperNames,
  image: string,
  labels: Labels,
  home: AirlockHome,
): Promise<void> {
  const volumes = { [names.store]: "store", [names.runtime]: "runtime" };
  for (const [name, role] of Object.entries(volumes)) {
    await createOwnVolume(engine, { name, labels: { ...labels, "airlock.role": role }, driverOptions: {} });
  }
  const mayShare = engine.endpoint.kind === "unix";
  const socket = mayShare ? await makeSocketFolder(home) : null;
  try {
    await engine.createContainer(keeperRequest(names, image, labels, socket));
  } catch (error) {
    if (socket === null) throw error;
    await rm(socket.path, { recursive: true, force: true });
    if (isAirlockError(error, "E_IMAGE_MISSING")) throw error;
    await engine.createContainer(keeperRequest(names, image, labels, null));
  }
}

async function startKeeper(engine: Engine, state: ContainerState, socketFolder: string | null): Promise<void> {
  if (state.status === "paused") return await engine.unpauseContainer(state.id);
  // A state folder that was lost and made anew has none, and the engine would not start without.
  if (socketFolder !== null) await mkdir(socketFolder, { recursive: true, mode: 0o700 });
  await engine.startContainer(state.id);
}

function sourceOf({ mounts }: ContainerState, volume: string): string {
  const source = mounts.find(({ target }) => target === volume)?.source ?? "";
  if (source !== "") return source;
  throw new AirlockError("E_KEEPER_FAILED", `the keeper has nothing mounted at ${volume}`, { hint: "airlock setup" });
}

/** Makes sure that the keeper runs: creates it, or starts it again after the engine was restarted. */
export async function ensureKeeper(
  engine: Engine,
  home: AirlockHome,
  image: { readonly tag: string; readonly hash: string },
): Promise<RunningKeeper> {
  const names = keeperNames(home, image.hash);
  const labels = { "airlock.home": home.id };
  let state = await engine.inspectContainer(names.container);
  // Of several commands at once, one makes it and starts it.
  await using _lock =
    state?.status === "running" ? null : await takeLock(join(home.path, "keeper.lock"), { waitMs: makingMs });
  if (state?.status !== "running") state = await engine.inspectContainer(names.container);
  if (state === null) {
    await createKeeper(engine, names, image.tag, labels, home);
    state = await engine.inspectContainer(names.container);
  }
  if (state === null) throw new AirlockError("E_KEEPER_FAILED", "the keeper vanished right after it was made");
  if (state.labels["airlock.home"] !== home.id) {
    throw new AirlockError("E_KEEPER_FAILED", `a container that is not ours has the name ${names.container}`, {
      hint: `remove it: docker rm -f ${names.container}`,
    });
  }
  const socketFolder = socketFolderOf(home, state.labels);
  if (state.status !== "running") await startKeeper(engine, state, socketFolder);
  const store = sourceOf(state, storeTarget);
  const runtimeVolume = { name: names.runtime, folder: sourceOf(state, runtimeTarget) };
  return { container: state.id, sharesFiles: socketFolder !== null, socketFolder, store, runtimeVolume };
}
