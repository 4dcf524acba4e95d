import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import Docker from "dockerode";
import { newToken } from "../../src/base/ids.js";
import { connectEngine } from "../../src/engine/connect.js";
import { containerBody } from "../../src/engine/container-spec.js";
import { contentHash } from "../../src/image/context.js";
import { ensureSandboxImage } from "../../src/image/sandbox-image.js";
import type { ContainerRequest, ContainerState, Engine, EngineStreams } from "../../src/model/engine.js";
import { type Release, readInitLine, releaseFrame } from "../../src/session/sandbox/release.js";
import { buildSandboxRequest, type SandboxSpec } from "../../src/wall/container-spec.js";

const labels = { "airlock.test": "1", "airlock.test.wall": newToken(6) };
const silent = {
  step: () => undefined,
  detail: () => undefined,
  note: () => undefined,
  [Symbol.dispose]: () => undefined,
};

/** The body of a create call, as a test weakens it. */
export interface Body {
  [field: string]: unknown;
  HostConfig: Record<string, unknown>;
}

/** A sandbox that has reported on its wall and waits for its release. */
export interface Walled {
  readonly id: string;
  readonly request: ContainerRequest;
  readonly state: ContainerState;
  readonly report: string;
  readonly streams: EngineStreams;
  readonly exit: Promise<{ readonly exitCode: number }>;
  release(changes: Partial<Release>): void;
  /** Runs a program in it without init, and gives its exit code and output. */
  run(command: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }>;
}

interface Wish {
  readonly spec?: Partial<SandboxSpec>;
  /** Takes a defence out of what the engine is asked for; the request that is proved stays the strict one. */
  readonly weaken?: (body: Body) => void;
}

const never = new AbortController().signal;

/** Real sandboxes on the local engine, from the real image, all removed at the end. */
export class WallLab implements AsyncDisposable {
  readonly engine: Engine;
  readonly image: string;
  readonly #docker = new Docker();
  readonly #runtime = `airlock-test-runtime-${newToken(6)}`;
  #runtimeFolder = "";

  private constructor(engine: Engine, image: string) {
    this.engine = engine;
    this.image = image;
  }

  static async open(): Promise<WallLab> {
    const engine = await connectEngine({ kind: "unix", address: "unix:///var/run/docker.sock", source: "test" });
    const packageRoot = fileURLToPath(new URL("../..", import.meta.url));
    const hash = contentHash(packageRoot);
    const { tag } = await ensureSandboxImage({
      engine,
      packageRoot,
      hash,
      env: process.env,
      signal: never,
      progress: silent,
    });
    const lab = new WallLab(engine, tag);
    await lab.#fillRuntime();
    return lab;
  }

  // An empty volume takes the image's content when it is mounted.
  async #fillRuntime(): Promise<void> {
    await this.volume(this.#runtime, {});
    const request = this.request({});
    const volumes = request.mounts.filter(({ type }) => type === "volume");
    const filling = volumes.map((mount) => ({ ...mount, noCopy: false }));
    const container = await this.engine.createContainer({ ...request, mounts: filling });
    const state = await this.engine.inspectContainer(container);
    this.#runtimeFolder = state?.mounts[0]?.source ?? "";
    await this.engine.removeContainer(container);
  }

  async volume(name: string, driverOptions: Readonly<Record<string, string>>): Promise<string> {
    await this.engine.createVolume({ name, labels, driverOptions });
    return name;
  }

  request(spec: Partial<SandboxSpec>): ContainerRequest {
    return buildSandboxRequest({
      name: `airlock-test-wall-${newToken(8)}`,
      image: this.image,
      imageVolumes: [],
      imageEnvironment: [],
      labels,
      hostname: "wall",
      uid: 1000,
      gid: 1000,
      user: "agent",
      tty: false,
      limits: { memoryBytes: 512 * 1024 * 1024, cpus: 1, pids: 128, diskBytes: 1024 ** 3, timeoutSeconds: 0 },
      runtime: undefined,
      mounts: [],
      runtimeVolume: { name: this.#runtime, folder: this.#runtimeFolder },
      ...spec,
    });
  }

  async open({ spec = {}, weaken = () => undefined }: Wish = {}): Promise<Walled> {
    const request = this.request(spec);
    const body = { name: request.name, ...containerBody(request, "docker") } as unknown as Body;
    weaken(body);
    const { id } = await this.#docker.createContainer(body as Docker.ContainerCreateOptions);
    const streams = await this.engine.attachContainer(id, { tty: request.tty });
    const exit = this.engine.waitContainer(id);
    await this.engine.startContainer(id);
    const [state, report] = await Promise.all([
      this.engine.inspectContainer(id),
      readInitLine(streams.stdout, { timeoutMs: 20_000, signal: never, onEnd: () => new Error("no report") as never }),
    ]);
    if (state === null) throw new Error("the sandbox vanished");
    return {
      id,
      request,
      state,
      report,
      streams,
      exit,
      release: (changes) =>
        void streams.stdin.write(
          releaseFrame({
            mode: "run",
            cwd: "/",
            env: new Map([["PATH", "/usr/local/bin:/usr/bin:/bin"]]),
            args: [],
            ...changes,
          }),
        ),
      run: (command) => this.run(id, command),
    };
  }

  async run(container: string, command: readonly string[]): Promise<{ code: number | null; output: string }> {
    await using exec = await this.engine.exec({ container, command, tty: false });
    exec.stdin.end();
    const [out, err] = await Promise.all([text(exec.stdout), exec.stderr === null ? "" : text(exec.stderr)]);
    return { code: await exec.exitCode(), output: `${out}${err}` };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { id } of await this.engine.listContainers(labels)) await this.engine.removeContainer(id);
    for (const { name } of await this.engine.listVolumes(labels)) await this.engine.removeVolume(name);
    await this.engine[Symbol.asyncDispose]();
  }
}
