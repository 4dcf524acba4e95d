import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { Agent, type ClientRequestArgs } from "node:http";
import { join } from "node:path";
import { Duplex, type Readable, type Writable } from "node:stream";
import { AirlockError } from "../base/errors.js";
import { escapeText } from "../base/escape.js";
import type { EngineEndpoint } from "../model/engine.js";
import type { OpenRoute, RouteOptions } from "./route.js";
import { keptConnections } from "./transport.js";

type SshProcess = ChildProcessByStdio<Writable, Readable, Readable>;

const complaintLimit = 4_000;
// Of the 108 bytes of a socket's path, ssh needs 58 for its own part.
const longestControlFolder = 48;

/**
 * The way to an engine over OpenSSH: each connection is the stdio of `docker system dial-stdio` on the other machine, so
 * `~/.ssh/config`, agents and known_hosts hold. A host whose key is unknown or changed is refused; nothing is asked.
 */
export function openSshRoute(endpoint: EngineEndpoint, options: RouteOptions): OpenRoute {
  const complaints: string[] = [];
  const command = sshCommand(endpoint, options);
  const open = new Set<SshConnection>();
  const agent = new SshAgent(() => {
    const connection = new SshConnection(command, (text) => complaints.push(text));
    open.add(connection);
    connection.once("close", () => open.delete(connection));
    return connection;
  });
  return {
    host: "docker",
    agent,
    async close() {
      agent.destroy();
      await Promise.all([...open].map((connection) => connection.quit()));
    },
    explain: (error) => explain(endpoint, complaints.join(""), error),
  };
}

class SshAgent extends Agent {
  readonly #connect: () => Duplex;

  constructor(connect: () => Duplex) {
    super({ keepAlive: true, maxFreeSockets: keptConnections });
    this.#connect = connect;
  }

  override createConnection(_options: ClientRequestArgs): Duplex {
    return this.#connect();
  }
}

function sshCommand({ address }: EngineEndpoint, { sshControlFolder, sshCommand: program }: RouteOptions): string[] {
  const url = new URL(address);
  const user = decodeURIComponent(url.username);
  const options = {
    BatchMode: "yes",
    StrictHostKeyChecking: "yes",
    ConnectTimeout: "15",
    ServerAliveInterval: "15",
    ServerAliveCountMax: "4",
    ForwardAgent: "no",
    ForwardX11: "no",
    ClearAllForwardings: "yes",
    PermitLocalCommand: "no",
    ...sharing(sshControlFolder),
  };
  const remoteSocket = url.pathname.length > 1 ? ["-H", `unix://${url.pathname}`] : [];
  return [
    ...(program ?? ["ssh"]),
    "-T",
    ...Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
    ...(url.port === "" ? [] : ["-p", url.port]),
    ...(user === "" ? [] : ["-l", user]),
    "--",
    url.hostname.replace(/^\[|\]$/g, ""),
    "docker",
    ...remoteSocket,
    "system",
    "dial-stdio",
  ];
}

// One login for all connections of a while.
function sharing(folder: string | undefined): Record<string, string> {
  if (folder === undefined || folder.length > longestControlFolder || /[%\s"']/.test(folder)) return {};
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch {
    return {};
  }
  return { ControlMaster: "auto", ControlPath: join(folder, "%C"), ControlPersist: "60" };
}

/** A connection over the stdio of a process. Ending it half-closes; destroying it ends the process. */
class SshConnection extends Duplex {
  readonly #process: SshProcess;
  readonly #gone: Promise<void>;

  constructor(command: readonly string[], onComplaint: (text: string) => void) {
    super({ allowHalfOpen: true });
    const [program = "ssh", ...args] = command;
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#process = child;
    this.#gone = new Promise((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", () => resolve());
    });
    let complained = 0;
    child.stderr.on("data", (text: Buffer) => {
      if (complained < complaintLimit) onComplaint(text.toString("utf8").slice(0, complaintLimit));
      complained += text.length;
    });
    child.once("error", (error) => this.destroy(error));
    child.stdin.on("error", (error) => this.destroy(error));
    child.stdout.on("data", (bytes: Buffer) => {
      if (!this.push(bytes)) child.stdout.pause();
    });
    child.stdout.once("end", () => this.push(null));
    child.stdout.once("error", (error) => this.destroy(error));
    // A shared login keeps stderr open: its end says nothing about this connection.
    child.once("exit", () => child.stderr.destroy());
  }

  /** Ends the process and waits until it is gone. */
  async quit(): Promise<void> {
    // http lets go of connections it keeps for later, and what nobody holds does not keep us alive until it is gone.
    this.ref();
    this.destroy();
    await this.#gone;
  }

  override _read(): void {
    this.#process.stdout.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#process.stdin.write(bytes)) done();
    else this.#process.stdin.once("drain", done);
  }

  override _final(done: () => void): void {
    this.#process.stdin.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#process.kill("SIGTERM");
    this.#process.stdin.destroy();
    this.#process.stdout.destroy();
    done(error);
  }

  // What http expects of a socket.
  setKeepAlive(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
  ref(): this {
    this.#process.ref();
    return this;
  }
  unref(): this {
    this.#process.unref();
    return this;
  }
}

const reasons: readonly (readonly [RegExp, string, string])[] = [
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed|No .* host key is known/i,
    "the host's key is unknown or not the one that is known",
    "check the key with the host's owner, then log in once by hand: `ssh HOST`",
  ],
  [/Permission denied/i, "the host does not let you in", "check your key and user: `ssh HOST docker version`"],
  [/Could not resolve hostname/i, "the host's name is unknown", "check the address"],
  [/command not found|not recognized/i, "there is no docker on the host", "install docker on the host"],
  [
    /permission denied while trying to connect|connect: permission denied/i,
    "your user may not use docker there",
    "add your user to the host's docker group",
  ],
  [
    /Cannot connect to the Docker daemon|connect: no such file/i,
    "no engine runs on the host",
    "start docker on the host",
  ],
];

function explain({ address, source }: EngineEndpoint, said: string, cause: unknown): AirlockError | undefined {
  if (said.trim() === "") return undefined;
  const [, reason, hint] = reasons.find(([pattern]) => pattern.test(said)) ?? [
    null,
    "ssh failed",
    "try it by hand: `ssh HOST docker version`",
  ];
  const last = said.trim().split("\n").at(-1) ?? "";
  return new AirlockError(
    "E_ENGINE_UNREACHABLE",
    `cannot reach ${address} (${source}): ${reason}: ${escapeText(last.trim())}`,
    {
      hint: hint.replace("HOST", new URL(address).hostname),
      cause,
    },
  );
}
