import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A dockerd of the test's own: beside the machine's, in its own mount and host name space, with no bridge. */
export interface OwnEngine extends AsyncDisposable {
  readonly folder: string;
  readonly socket: string;
  /** Set when asked for TLS. */
  readonly port: number;
  readonly certificates: string;
  readonly process: ChildProcess;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Ends it in good order and starts it again on the same data. */
  restart(): Promise<void>;
}

/** Why no second engine can be started here, or null. */
export function whyNoOwnEngine(): string | null {
  if (process.platform !== "linux") return "only Linux can run a second dockerd";
  if (process.getuid?.() !== 0) return "it takes root to run a second dockerd";
  return existsSync("/usr/sbin/dockerd") || existsSync("/usr/bin/dockerd") ? null : "there is no dockerd";
}

// The daemon's own state folders are hidden behind empty ones, so that two daemons do not see each other.
const script = `
for folder in /run/docker /etc/docker; do mkdir -p $folder && mount -t tmpfs -o mode=700 tmpfs $folder; done
hostname own-engine
exec setpriv --pdeathsig TERM dockerd "$@"
`;

/** Starts it and waits until it answers. */
export async function startOwnEngine({ tls = false }: { readonly tls?: boolean } = {}): Promise<OwnEngine> {
  const folder = await mkdtemp("/var/tmp/airlock-test-engine-");
  const socket = join(folder, "docker.sock");
  const certificates = join(folder, "certificates");
  const port = tls ? await freePort() : 0;
  if (tls) await makeCertificates(certificates);
  const launch = () =>
    spawnDaemon(folder, [...daemonFlags(folder, socket), ...(tls ? tlsFlags(certificates, port) : [])]);
  let child = await launch();
  const engine: OwnEngine = {
    folder,
    socket,
    port,
    certificates,
    get process() {
      return child;
    },
    kill: () => end(child, folder, "SIGKILL"),
    async restart() {
      await end(child, folder, "SIGTERM");
      child = await launch();
      await untilReady(engine);
    },
    async [Symbol.asyncDispose]() {
      await end(child, folder, "SIGTERM");
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
  try {
    await untilReady(engine);
    return engine;
  } catch (error) {
    await engine[Symbol.asyncDispose]();
    throw error;
  }
}

async function spawnDaemon(folder: string, flags: readonly string[]): Promise<ChildProcess> {
  await using log = await open(join(folder, "log"), "w");
  const command = ["--mount", "--uts", "--propagation", "private", "sh", "-c", script, "dockerd", ...flags];
  return spawn("unshare", command, { stdio: ["ignore", log.fd, log.fd] });
}

function daemonFlags(folder: string, socket: string): string[] {
  return [
    `--host=unix://${socket}`,
    `--data-root=${join(folder, "data")}`,
    `--exec-root=${join(folder, "exec")}`,
    `--pidfile=${join(folder, "pid")}`,
    "--bridge=none",
    "--iptables=false",
    "--ip-forward=false",
    "--ip-masq=false",
  ];
}

function tlsFlags(certificates: string, port: number): string[] {
  return [
    `--host=tcp://127.0.0.1:${port}`,
    "--tlsverify",
    `--tlscacert=${certificates}/ca.pem`,
    `--tlscert=${certificates}/server-cert.pem`,
    `--tlskey=${certificates}/server-key.pem`,
  ];
}

/** An authority, a server's and a client's certificate, as docker lays them out. */
export async function makeCertificates(folder: string): Promise<void> {
  const openssl = (...args: string[]) => run("openssl", args, { cwd: folder });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  await run("mkdir", ["-p", folder]);
  await openssl("req", "-x509", ...newKey, "-keyout", "ca-key.pem", "-out", "ca.pem", "-subj", "/CN=test authority");
  for (const [name, usage, names] of [
    ["server-", "serverAuth", "IP:127.0.0.1"],
    ["", "clientAuth", "DNS:client"],
  ]) {
    await openssl(
      ...["req", "-x509", ...newKey, "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-subj", `/CN=${usage}`],
      ...["-keyout", `${name}key.pem`, "-out", `${name}cert.pem`],
      ...["-addext", `subjectAltName=${names}`, "-addext", `extendedKeyUsage=${usage}`],
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
    );
  }
}

async function untilReady({ process: child, folder, socket }: OwnEngine): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (child.exitCode !== null)
      throw new Error(`dockerd ended: ${(await readFile(join(folder, "log"), "utf8")).slice(-2000)}`);
    const answers = await run("curl", ["-sf", "-m", "2", "--unix-socket", socket, "http://engine/_ping"]).then(
      ({ stdout }) => stdout === "OK",
      () => false,
    );
    if (answers) return;
    await sleep(100);
  }
  throw new Error("dockerd does not get ready");
}

// The daemon's containerd is its child; killed by force, it leaves that one, and shims, behind: found by the folder.
async function end(child: ChildProcess, folder: string, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill(signal);
    const force = setTimeout(() => child.kill("SIGKILL"), 20_000);
    await gone;
    clearTimeout(force);
  }
  await killAllNaming(folder);
}

/** Kills every process whose command line names the test's own folder. */
export async function killAllNaming(folder: string): Promise<void> {
  for (const pid of await pidsNaming(folder)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself meanwhile.
    }
  }
}

async function pidsNaming(folder: string): Promise<number[]> {
  const { stdout } = await run("ps", ["-eo", "pid=,args="], { maxBuffer: 1 << 24 });
  return stdout
    .split("\n")
    .filter((line) => line.includes(folder))
    .map((line) => Number.parseInt(line, 10))
    .filter((pid) => pid > 1 && pid !== process.pid);
}

/** A TCP port of the loopback that nobody uses right now. */
export async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
