import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { KeeperClient } from "../../src/workspace/keeper-client.js";
import type { ListedEntry } from "../../src/workspace/listed-entries.js";

const program = new URL("../../keeper/main.py", import.meta.url).pathname;

/** Layers hold whiteouts, owners and trusted attributes: only root can make and read them. */
export const mayTest = process.getuid?.() === 0;

/** A running keeper: a client over it, its process, and its streams for those who speak frames themselves. */
export interface TestKeeper extends AsyncDisposable {
  readonly client: KeeperClient;
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly ended: Promise<number | null>;
  kill(): void;
}

/** Starts the program as its container does. `before` is a command that runs it, for instance with fewer capabilities. */
export function startKeeper(store: string, before: readonly string[] = []): TestKeeper {
  const [command, ...args] = [...before, "python3", "-I", "-S", "-B", program, store];
  const child = spawn(command ?? "python3", args, { stdio: ["pipe", "pipe", "pipe"] });
  const ended = new Promise<number | null>((resolve) => {
    child.once("exit", resolve);
  });
  const { stdin, stdout, stderr } = child;
  let client: KeeperClient | null = null;
  const dispose = async (): Promise<void> => {
    stdin.end();
    stdout.resume();
    await ended;
  };
  return {
    get client() {
      client ??= new KeeperClient({ stdin, stdout, stderr, [Symbol.asyncDispose]: dispose });
      return client;
    },
    pid: child.pid ?? 0,
    stdin,
    stdout,
    ended,
    kill: () => child.kill("SIGKILL"),
    [Symbol.asyncDispose]: dispose,
  };
}

/** A store of its own with one session, and a keeper on it. */
export class TestStore implements AsyncDisposable {
  readonly path = mkdtempSync(join(tmpdir(), "airlock-store-"));
  readonly keeper = startKeeper(this.path);
  readonly client = this.keeper.client;

  static async with(...layers: readonly string[]): Promise<TestStore> {
    const store = new TestStore();
    await store.client.createSession({
      session: "one",
      record: { version: 1 },
      layers: (layers.length === 0 ? ["workspace"] : layers).map((name) => ({ name, ...attributes })),
      masks: {},
    });
    return store;
  }

  upper(layer = "workspace"): string {
    return join(this.path, "sessions/one/layers", layer, "upper");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.keeper[Symbol.asyncDispose]();
    execFileSync("rm", ["-rf", this.path]);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Looks for folders and layers that do not matter to a test. */
export const attributes = { mode: 0o755, uid: 1000, gid: 1001, mtimeNs: "1700000000123456789" } as const;

export const workspace = { session: "one", layer: "workspace" } as const;

/** Runs a few lines of Python, for what Node cannot do to files: devices, attributes, bytes in names. */
export function python(lines: string, ...args: readonly string[]): string {
  const prelude = "import os, sys, socket, stat, json\n";
  return execFileSync("python3", ["-c", prelude + lines, ...args], { encoding: "utf8", maxBuffer: 1 << 28 });
}

/** Everything that a stream of values gives. */
export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

/** Every entry of a layer. */
export async function listed(
  client: KeeperClient,
  wish: Parameters<KeeperClient["listLayer"]>[0],
): Promise<ListedEntry[]> {
  return (await collect(client.listLayer(wish))).flat();
}
