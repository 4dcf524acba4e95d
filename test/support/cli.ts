import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pty from "@lydell/node-pty";
import { connectEngine } from "../../src/engine/connect.js";
import type { Engine } from "../../src/model/engine.js";
import { openHome } from "../../src/session/home.js";

export const airlockScript = new URL("../../bin/airlock", import.meta.url).pathname;

export interface Result {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface CallOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
}

/** A state folder, a project and a fake home of one test, all thrown away at the end. */
export class TestBed implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), "airlock-bed-"));
  readonly home = join(this.root, "state");
  readonly userHome = join(this.root, "home");
  readonly project: string;

  constructor(project = "project") {
    this.project = join(this.root, project);
    mkdirSync(this.userHome);
    mkdirSync(join(this.project, ".git"), { recursive: true });
    this.write("README.md", "# sample\n");
    this.write("src/a.txt", "one\ntwo\nthree\n");
    this.write("src/b.txt", "bee\n");
  }

  write(path: string, content: string | Uint8Array, mode = 0o644): void {
    const full = join(this.project, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content, { mode });
  }

  env(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
    const { PATH = "", DOCKER_HOST } = process.env;
    const engine = DOCKER_HOST === undefined ? {} : { DOCKER_HOST };
    return {
      PATH,
      HOME: this.userHome,
      AIRLOCK_HOME: this.home,
      TERM: "xterm-256color",
      LANG: "C.UTF-8",
      ...engine,
      ...extra,
    };
  }

  spawn(args: readonly string[], { cwd = this.project, env = {} }: CallOptions = {}): ChildProcess {
    return spawn(airlockScript, [...args], {
      cwd,
      env: this.env(env),
      stdio: ["pipe", "pipe", "pipe"],
    });
  }

  /** Runs the built CLI to its end. */
  airlock(args: readonly string[], options: CallOptions = {}): Promise<Result> {
    const child = this.spawn(args, options);
    const stdout: Buffer[] = [];
    let stderr = "";
    child.stdout?.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(options.input ?? "");
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve({ code, signal, stdout: Buffer.concat(stdout), stderr }));
    });
  }

  /** Runs it and parses what it printed as JSON; fails on any other exit code than 0. */
  async json<T>(args: readonly string[], options: CallOptions = {}): Promise<T> {
    const { code, stdout, stderr } = await this.airlock(args, options);
    if (code !== 0) throw new Error(`airlock ${args.join(" ")} ended with ${code}: ${stderr}`);
    return JSON.parse(stdout.toString()) as T;
  }

  /** Runs it in a pseudo-terminal. */
  terminal(
    args: readonly string[],
    { cwd = this.project, env = {} }: CallOptions = {},
    size = { cols: 80, rows: 24 },
  ): TerminalSession {
    return new TerminalSession(
      pty.spawn(airlockScript, [...args], {
        cwd,
        env: this.env(env),
        name: "xterm-256color",
        ...size,
      }),
    );
  }

  /** Looks past the CLI at what the engine has of this test's sessions. */
  async withEngine<T>(look: (engine: Engine, labels: Record<string, string>) => Promise<T>): Promise<T> {
    const { DOCKER_HOST = "unix:///var/run/docker.sock" } = process.env;
    await using engine = await connectEngine({ kind: "unix", address: DOCKER_HOST, source: "test" });
    const { id } = await openHome({ env: this.env(), homedir: this.userHome, uid: process.getuid?.() ?? 0 });
    return await look(engine, { "airlock.home": id });
  }

  /** Names of everything on the engine that belongs to a session: containers of sandboxes and volumes of layers. */
  leftovers(): Promise<string[]> {
    return this.withEngine(async (engine, labels) => {
      const containers = await engine.listContainers({ ...labels, "airlock.role": "sandbox" });
      const volumes = await engine.listVolumes({ ...labels, "airlock.role": "layer" });
      return [...containers, ...volumes].map(({ name }) => name);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.airlock(["discard", "--all"]).catch(() => undefined);
    await this.withEngine(async (engine, labels) => {
      for (const { id } of await engine.listContainers(labels)) await engine.removeContainer(id);
      for (const { name } of await engine.listVolumes(labels)) await engine.removeVolume(name);
    }).catch(() => undefined);
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** A program in a pseudo-terminal: type into it, wait for what it shows. */
export class TerminalSession {
  output = "";
  readonly exit: Promise<number>;
  readonly #pty: pty.IPty;

  constructor(terminal: pty.IPty) {
    this.#pty = terminal;
    terminal.onData((data) => {
      this.output += data;
    });
    this.exit = new Promise((resolve) =>
      terminal.onExit(({ exitCode, signal }) => resolve(signal ? 128 + signal : exitCode)),
    );
  }

  type(text: string): void {
    this.#pty.write(text);
  }

  resize(cols: number, rows: number): void {
    this.#pty.resize(cols, rows);
  }

  kill(signal: string): void {
    this.#pty.kill(signal);
  }

  /** Waits until the output after `from` matches; fails with what was shown instead. */
  async waitFor(pattern: RegExp, { from = 0, timeoutMs = 30_000 } = {}): Promise<string> {
    const deadline = Date.now() + timeoutMs;
    while (Date.now() < deadline) {
      const seen = this.output.slice(from);
      if (pattern.test(seen)) return seen;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`never showed ${pattern}; it showed:\n${JSON.stringify(this.output.slice(from).slice(-2_000))}`);
  }
}

/** A checksum over everything of a tree that apply could change: names, kinds, modes, times, targets, contents. */
export function treeChecksum(root: string): string {
  const hash = createHash("sha256");
  const visit = (path: string): void => {
    const stat = lstatSync(path);
    hash.update(
      `${path}\0${stat.mode}\0${stat.uid}\0${stat.gid}\0${stat.isDirectory() ? "" : stat.size}\0${stat.mtimeMs}\0`,
    );
    if (stat.isSymbolicLink()) hash.update(readlinkSync(path));
    else if (stat.isFile()) hash.update(readFileSync(path));
    else if (stat.isDirectory()) for (const name of readdirSync(path).sort()) visit(join(path, name));
  };
  visit(root);
  return hash.digest("hex");
}
