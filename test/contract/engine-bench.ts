import { newToken } from "../../src/base/ids.js";
import type { ContainerRequest, Engine, EngineStreams, ExecRequest, Ulimit } from "../../src/model/engine.js";
import { containerRequest } from "../support/container-request.js";
import { tinyRoot } from "../support/tiny-image.js";

/** What an engine is known not to do; the sentence is then skipped, with its reason in docs/engines.md. */
export type Gap = "masked-paths-shown" | "volume-no-copy" | "overlay-volume";

export interface EngineUnderTest {
  readonly open: () => Promise<Engine>;
  /** Bytes for the sentences on large streams. */
  readonly bulkBytes: number;
  readonly gaps?: readonly Gap[];
  /** Limits that this engine sets to what this machine may refuse, unless it is told others. */
  readonly ulimits?: readonly Ulimit[];
}

/** What every sentence of the suite works with; everything made carries the run's label and is removed at the end. */
export class Bench {
  readonly token = newToken(4);
  readonly image = `airlock-test/tiny:${this.token}`;
  readonly labels = { "airlock.test": "1", "airlock.test.run": this.token };
  readonly under: EngineUnderTest;
  #engine: Engine | undefined;

  constructor(under: EngineUnderTest) {
    this.under = under;
  }

  get engine(): Engine {
    if (this.#engine === undefined) throw new Error("the engine was not opened");
    return this.#engine;
  }

  has(gap: Gap): boolean {
    return this.under.gaps?.includes(gap) ?? false;
  }

  async open(): Promise<void> {
    this.#engine = await this.under.open();
    await this.#engine.importImage(await tinyRoot(), this.image, this.labels);
  }

  async close(): Promise<void> {
    if (this.#engine === undefined) return;
    const engine = this.#engine;
    for (const { id } of await engine.listContainers(this.labels)) await engine.removeContainer(id);
    for (const { name } of await engine.listVolumes(this.labels)) await engine.removeVolume(name);
    for (const { id } of await engine.listImages(this.labels)) await engine.removeImage(id);
    await engine.removeImage(this.image);
    await engine[Symbol.asyncDispose]();
  }

  /** Creates a container of the tiny image; `command` is a line for its shell. */
  async create(command: string, changes: Partial<ContainerRequest> = {}): Promise<string> {
    const { labels, image } = this;
    const request = containerRequest({ image, labels, command: [command], ...changes });
    const ulimits = [...request.ulimits, ...(this.under.ulimits ?? [])];
    return await this.engine.createContainer({ ...request, ulimits });
  }

  async start(command: string, changes: Partial<ContainerRequest> = {}): Promise<string> {
    const id = await this.create(command, changes);
    await this.engine.startContainer(id);
    return id;
  }

  /** Runs a shell line in the container and gives all it said. */
  async run(container: string, line: string, changes: Partial<ExecRequest> = {}) {
    await using exec = await this.engine.exec({ container, command: ["/bin/sh", "-c", line], tty: false, ...changes });
    exec.stdin.end();
    const [stdout, stderr] = await readBoth(exec);
    return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode: await exec.exitCode() };
  }
}

/** Reads both outputs to their end. */
export async function readBoth(streams: EngineStreams): Promise<[Buffer, Buffer]> {
  return await Promise.all([readAll(streams.stdout), readAll(streams.stderr)]);
}

/** Everything a stream gives. */
export async function readAll(stream: AsyncIterable<Buffer> | null): Promise<Buffer> {
  const chunks: Buffer[] = [];
  if (stream !== null) for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
