import { setTimeout as sleep } from "node:timers/promises";
import type {
  ContainerRequest,
  ContainerState,
  ContainerStatus,
  ContainerSummary,
  Labels,
  TerminalSize,
} from "../model/engine.js";
import { type EngineCaller, longOperationTimeoutMs } from "./caller.js";
import { containerBody } from "./container-spec.js";
import { hasLabels, labelFilters } from "./labels.js";
import { objectName } from "./object-name.js";
import { readAnswer } from "./read-answer.js";
import { EngineRefusal } from "./transport.js";

const statuses = new Set<string>(["created", "running", "paused", "exited", "dead", "removing", "restarting"]);
const podmanStatuses: Readonly<Record<string, ContainerStatus>> = {
  configured: "created",
  initialized: "created",
  stopped: "exited",
  stopping: "running",
};

function statusOf(status: string): ContainerStatus {
  return statuses.has(status) ? (status as ContainerStatus) : (podmanStatuses[status] ?? "unknown");
}

/** Makes the container and gives its id; an image that is not on the engine is an error, never pulled. */
export async function createContainer(caller: EngineCaller, request: ContainerRequest): Promise<string> {
  const created = await caller.call(`create container ${request.name}`, (signal) =>
    caller.transport.json({
      method: "POST",
      path: "/containers/create",
      query: { name: request.name },
      body: containerBody(request, caller.product),
      signal,
    }),
  );
  return (await readAnswer("created", created, `container ${request.name}`)).Id;
}

export async function startContainer(caller: EngineCaller, id: string): Promise<void> {
  await caller.call(`start container ${id}`, (signal) => tell(caller, id, { verb: "start", signal }));
}

/** Tells the container's terminal its size; a container that runs no longer needs none. */
export async function resizeContainer(caller: EngineCaller, id: string, size: TerminalSize): Promise<void> {
  const query = { h: size.rows, w: size.columns };
  await caller.callUnless(`resize container ${id}`, (signal) => tell(caller, id, { verb: "resize", query, signal }), {
    404: null,
    409: null,
  });
}

/** What the engine says of the container, or null when there is none. */
export async function inspectContainer(caller: EngineCaller, id: string): Promise<ContainerState | null> {
  const raw = await caller.callUnless(
    `inspect container ${id}`,
    (signal) => caller.transport.json({ method: "GET", path: `/containers/${objectName(id)}/json`, signal }),
    { 404: null },
  );
  if (raw === null) return null;
  const answer = await readAnswer("container", raw, `container ${id}`);
  return {
    id: answer.Id,
    name: answer.Name.replace(/^\//, ""),
    image: answer.Config.Image,
    labels: answer.Config.Labels,
    status: statusOf(answer.State.Status),
    tty: answer.Config.Tty,
    pid: answer.State.Pid,
    exitCode: answer.State.ExitCode,
    oomKilled: answer.State.OOMKilled,
    startedAt: answer.State.StartedAt,
    finishedAt: answer.State.FinishedAt,
    mounts: answer.Mounts.map((mount) => ({
      type: mount.Type,
      name: mount.Name ?? null,
      source: mount.Source,
      target: mount.Destination,
      readOnly: !mount.RW,
      propagation: mount.Propagation,
    })),
    raw,
  };
}

/** Sends a signal to the first process; nothing happens when it does not run. */
export async function killContainer(caller: EngineCaller, id: string, signal = "SIGKILL"): Promise<void> {
  await caller.call(`kill container ${id}`, async (ending) => {
    try {
      await tell(caller, id, { verb: "kill", query: { signal }, signal: ending });
    } catch (error) {
      if (!(error instanceof EngineRefusal) || !isNotRunning(error)) throw error;
    }
  });
}

function isNotRunning({ status, message }: EngineRefusal): boolean {
  return status === 404 || status === 409 || /can only kill running containers/.test(message);
}

export async function pauseContainer(caller: EngineCaller, id: string): Promise<void> {
  await caller.call(`pause container ${id}`, (signal) => tell(caller, id, { verb: "pause", signal }));
}

export async function unpauseContainer(caller: EngineCaller, id: string): Promise<void> {
  await caller.call(`unpause container ${id}`, (signal) => tell(caller, id, { verb: "unpause", signal }));
}

/** Kills and removes the container with its anonymous volumes, and looks whether it is gone; another remover is waited for. */
export async function removeContainer(caller: EngineCaller, id: string): Promise<boolean> {
  // Podman asks the process to end first, and waits.
  if (caller.product === "podman") await killContainer(caller, id);
  const query = { force: true, v: true };
  await caller.call(`remove container ${id}`, async (signal) => {
    try {
      await caller.transport.json({ method: "DELETE", path: `/containers/${objectName(id)}`, query, signal });
    } catch (error) {
      if (!(error instanceof EngineRefusal) || (error.status !== 404 && !isUnderWay(error))) throw error;
    }
  });
  for (let waitMs = 5; waitMs < 10_000; waitMs *= 2) {
    if ((await inspectContainer(caller, id)) === null) return true;
    await sleep(waitMs);
  }
  return false;
}

function isUnderWay(error: EngineRefusal): boolean {
  return error.status === 409 && /already in progress/.test(error.message);
}

/** Every container, stopped ones too, that carries all the labels. */
export async function listContainers(caller: EngineCaller, labels: Labels): Promise<readonly ContainerSummary[]> {
  const query = { all: true, filters: { label: labelFilters(caller.product, labels) } };
  const answer = await caller.call("list containers", (signal) =>
    caller.transport.json({ method: "GET", path: "/containers/json", query, signal }),
  );
  return (await readAnswer("containerList", answer, "containers"))
    .filter(({ Labels: found }) => hasLabels(found, labels))
    .map((found) => ({
      id: found.Id,
      name: (found.Names[0] ?? "").replace(/^\//, ""),
      image: found.Image,
      labels: found.Labels,
      status: statusOf(found.State),
    }));
}

interface ImageToMake {
  readonly repository: string;
  readonly tag: string;
  readonly labels: Labels;
}

/** Makes an image of the container's own file system; gives its id. The container is not paused: who commits has done it. */
export async function commitContainer(caller: EngineCaller, id: string, image: ImageToMake): Promise<string> {
  const query = { container: id, repo: image.repository, tag: image.tag, pause: false };
  const body = { Labels: image.labels };
  const answer = await caller.call(
    `commit container ${id}`,
    (signal) => caller.transport.json({ method: "POST", path: "/commit", query, body, signal }),
    { timeoutMs: longOperationTimeoutMs },
  );
  return (await readAnswer("created", answer, `commit of ${id}`)).Id;
}

interface Order {
  readonly verb: "start" | "resize" | "kill" | "pause" | "unpause";
  readonly query?: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
}

async function tell({ transport }: EngineCaller, id: string, { verb, ...order }: Order): Promise<void> {
  await transport.json({ method: "POST", path: `/containers/${objectName(id)}/${verb}`, ...order });
}
