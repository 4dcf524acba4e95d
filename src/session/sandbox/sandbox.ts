import { AirlockError } from "../../base/errors.js";
import { newToken } from "../../base/ids.js";
import type { Secret } from "../../base/secret.js";
import type { ContainerRequest, ContainerState, Engine, EngineStreams, ImageState, Mount } from "../../model/engine.js";
import type { ApprovedPath, Layer, SessionRecord } from "../../model/session.js";
import { buildSandboxRequest } from "../../wall/container-spec.js";
import type { ApprovedBase, WallVerdict } from "../../wall/prove.js";
import { hasNetwork, hasWire, hatchProxy, hatchUid } from "../network/hatch.js";
import type { Workbench } from "../workbench.js";
import { holdBases, startHeld } from "./bases.js";
import { sandboxEnvironment } from "./environment.js";
import { readInitLine, releaseFrame } from "./release.js";

/** A sandbox whose wall is proved and whose first process waits for nothing any more. */
export interface OpenSandbox extends AsyncDisposable {
  readonly container: string;
  readonly streams: EngineStreams;
  readonly tty: boolean;
  /** Resolves when the container has stopped. */
  readonly exit: Promise<{ readonly exitCode: number }>;
  readonly verdict: WallVerdict;
}

/** The sandbox of a session as its record has it. */
export interface SandboxWish {
  readonly record: SessionRecord;
  readonly image: ImageState;
  readonly tty: boolean;
}

const startTimeoutMs = 60_000;

function layerMounts(layers: readonly Layer[]): Mount[] {
  return layers.map(({ volume, target }) => ({
    type: "volume",
    source: volume,
    target,
    readOnly: false,
    noCopy: true,
  }));
}

function pathMounts(paths: readonly ApprovedPath[]): Mount[] {
  return paths
    .filter(({ mode }) => mode !== "cow")
    .map(({ hostPath, target, mode }) => ({ type: "bind", source: hostPath, target, readOnly: mode === "ro" }));
}

/** The container that a session's record asks for. */
export async function sandboxRequest(bench: Workbench, { record, image, tty }: SandboxWish): Promise<ContainerRequest> {
  const { runtimeVolume } = await bench.keeperContainer();
  return buildSandboxRequest({
    name: `airlock-${record.id}-${record.generation}`,
    image: record.rootImage ?? record.image.id,
    imageVolumes: image.volumes,
    imageEnvironment: image.environment,
    hasNames: image.labels["airlock.names"] !== undefined,
    labels: { "airlock.home": bench.home.id, "airlock.session": record.id, "airlock.role": "sandbox" },
    hostname: record.id,
    uid: record.uid,
    gid: record.gid,
    user: record.user,
    tty,
    mounts: [...layerMounts(record.layers), ...pathMounts(record.paths)],
    runtimeVolume,
    limits: record.limits,
    runtime: record.runtime ?? undefined,
    ...(hasWire(record) ? { hatchUid: hatchUid(record) } : {}),
  });
}

function earlyEnd(state: ContainerState | null): AirlockError {
  const why =
    state === null ? "it vanished" : state.oomKilled ? "it ran out of memory" : `it ended with code ${state.exitCode}`;
  return new AirlockError("E_WALL_UNPROVED", `the sandbox ended before its wall was proved: ${why}`, {
    hint: "airlock doctor checks the engine and the runtime",
  });
}

interface Starting extends SandboxWish {
  readonly container: string;
  readonly request: ContainerRequest;
}

function approvedBases({ project, layers, paths }: SessionRecord): ApprovedBase[] {
  const cow = paths.filter(({ mode }) => mode === "cow");
  const overlaid = layers.some(({ base }) => base === "overlay");
  return overlaid ? [{ hostPath: project.path, device: project.device, inode: project.inode }, ...cow] : [];
}

interface Attached extends AsyncDisposable {
  readonly streams: EngineStreams;
  readonly exit: OpenSandbox["exit"];
}

async function attach(engine: Engine, container: string, tty: boolean): Promise<Attached> {
  // A wait that nobody needs any more holds its connection, and the process, open for ever.
  const waiting = new AbortController();
  const exit = engine.waitContainer(container, waiting.signal);
  exit.catch(() => undefined);
  const streams = await engine.attachContainer(container, { tty }).catch((error: unknown) => {
    waiting.abort();
    throw error;
  });
  return {
    streams,
    exit,
    async [Symbol.asyncDispose]() {
      waiting.abort();
      await streams[Symbol.asyncDispose]();
    },
  };
}

/**
 * Starts a created container and proves its wall while its first process waits: nothing of the agent's has run when this
 * returns. Whether the verdict is good is for the caller to look at.
 */
export async function startSandbox(bench: Workbench, starting: Starting): Promise<OpenSandbox> {
  const { container, request, record, image, tty } = starting;
  const engine = await bench.engine();
  let attached = await attach(engine, container, tty);
  try {
    // What reads the proof is loaded while the engine is busy.
    const proving = import("../../wall/prove.js");
    using held = await holdBases(bench, record);
    await startHeld(held, {
      first: () => engine.startContainer(container),
      // A start that failed has ended what was attached.
      async again() {
        await attached[Symbol.asyncDispose]();
        attached = await attach(engine, container, tty);
        await engine.startContainer(container);
      },
    });
    const state = await engine.inspectContainer(container);
    const ended = earlyEnd(state);
    const { streams, exit } = attached;
    const report = await readInitLine(streams.stdout, {
      timeoutMs: startTimeoutMs,
      signal: bench.signal,
      onEnd: () => ended,
    });
    if (state === null) throw ended;
    const { proveWall } = await proving;
    const verdict = await proveWall({
      request,
      state,
      report,
      approvals: record.paths,
      bases: approvedBases(record),
      imageVolumes: image.volumes,
      runtime: record.runtime ?? "",
      sameKernel: engine.endpoint.kind === "unix" && record.layers.every(({ base }) => base !== "upload"),
    });
    const close = attached;
    return { container, streams, tty, exit, verdict, [Symbol.asyncDispose]: () => close[Symbol.asyncDispose]() };
  } catch (error) {
    await attached[Symbol.asyncDispose]();
    throw error;
  }
}

interface Start {
  readonly mode: "run" | "hold";
  readonly record: SessionRecord;
  readonly image: ImageState;
  readonly command: readonly string[];
  readonly env: ReadonlyMap<string, Secret>;
  readonly term: string | undefined;
  readonly cwd: string;
  /** Variables about what the host provides: where AWS is, whom to trust. */
  readonly provided: ReadonlyMap<string, string>;
}

/** Lets the first process go: with the command, or to hold the sandbox open. */
export function releaseSandbox(
  sandbox: OpenSandbox,
  { mode, record, image, command, env, term, cwd, provided }: Start,
): void {
  const environment = sandboxEnvironment({
    image: image.environment,
    session: record.id,
    user: record.user,
    proxy: hasNetwork(record) ? hatchProxy : undefined,
    given: new Map<string, Secret | string>([...provided, ...env]),
    term,
    token: newToken(),
  });
  sandbox.streams.stdin.write(releaseFrame({ mode, cwd, env: environment, args: command }));
}
