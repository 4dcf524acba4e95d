import { AirlockError } from "../base/errors.js";
import { newToken } from "../base/ids.js";
import type { Secret } from "../base/secret.js";
import type { ContainerState, EngineStreams, ImageState, Mount } from "../model/engine.js";
import type { ApprovedPath, Layer, SessionRecord } from "../model/session.js";
import { buildSandboxRequest } from "../wall/container-spec.js";
import { proveWall, type WallVerdict } from "../wall/prove.js";
import { sandboxEnvironment } from "./environment.js";
import { keeperNames } from "./keeper.js";
import { readInitLine, releaseFrame } from "./release.js";
import type { Workbench } from "./workbench.js";

/** A sandbox whose wall is proved and whose first process waits for nothing any more. */
export interface OpenSandbox extends AsyncDisposable {
  readonly container: string;
  readonly streams: EngineStreams;
  readonly tty: boolean;
  /** Resolves when the container has stopped. */
  readonly exit: Promise<{ readonly exitCode: number }>;
  readonly verdict: WallVerdict;
}

interface SandboxWish {
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
export function sandboxRequest(
  bench: Workbench,
  { record, image, tty }: SandboxWish,
): ReturnType<typeof buildSandboxRequest> {
  const runtime: Mount = {
    type: "volume",
    source: keeperNames(bench.home, bench.surroundings.imageHash).runtime,
    target: "/airlock",
    readOnly: true,
    noCopy: true,
  };
  return buildSandboxRequest({
    name: `airlock-${record.id}-${record.generation}`,
    image: record.rootImage ?? record.image.id,
    imageVolumes: image.volumes,
    imageEnvironment: image.environment,
    labels: { "airlock.home": bench.home.id, "airlock.session": record.id, "airlock.role": "sandbox" },
    hostname: record.id,
    workspace: record.workspace,
    uid: record.uid,
    gid: record.gid,
    user: record.user,
    tty,
    mounts: [runtime, ...layerMounts(record.layers), ...pathMounts(record.paths)],
    limits: record.limits,
    runtime: record.runtime ?? undefined,
  });
}

async function describeEarlyEnd(state: ContainerState | null): Promise<AirlockError> {
  const why =
    state === null ? "it vanished" : state.oomKilled ? "it ran out of memory" : `it ended with code ${state.exitCode}`;
  return new AirlockError("E_WALL_UNPROVED", `the sandbox ended before its wall was proved: ${why}`, {
    hint: "airlock doctor checks the engine and the runtime",
  });
}

/**
 * Starts a created container and proves its wall while its first process waits: nothing of the agent's has run when this
 * returns, and a verdict that is not good stops the sandbox (`E_WALL_UNPROVED`).
 */
export async function startSandbox(
  bench: Workbench,
  container: string,
  { record, image, tty }: SandboxWish,
  prove: (streams: EngineStreams) => Promise<void> = async () => undefined,
): Promise<OpenSandbox> {
  const engine = await bench.engine();
  const streams = await engine.attachContainer(container, { tty });
  try {
    const exit = engine.waitContainer(container);
    exit.catch(() => undefined);
    await engine.startContainer(container);
    await prove(streams);
    const state = await engine.inspectContainer(container);
    const early = await describeEarlyEnd(state);
    const report = await readInitLine(streams.stdout, {
      timeoutMs: startTimeoutMs,
      signal: bench.signal,
      onEnd: () => early,
    });
    if (state === null) throw early;
    const verdict = await proveWall({
      request: sandboxRequest(bench, { record, image, tty }),
      state,
      report,
      approvals: record.paths,
      localEngine: engine.endpoint.kind === "unix",
    });
    return { container, streams, tty, exit, verdict, [Symbol.asyncDispose]: () => streams[Symbol.asyncDispose]() };
  } catch (error) {
    await streams[Symbol.asyncDispose]();
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
}

/** Lets the first process go: with the command, or to hold the sandbox open. */
export function releaseSandbox(sandbox: OpenSandbox, { mode, record, image, command, env, term, cwd }: Start): void {
  const environment = sandboxEnvironment({
    image: image.environment,
    session: record.id,
    user: record.user,
    given: env,
    term,
    token: newToken(),
  });
  sandbox.streams.stdin.write(releaseFrame({ mode, cwd, env: environment, args: command }));
}
