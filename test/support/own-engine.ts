import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, open, readFile, readlink, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A dockerd of the test's own: beside the machine's, in its own mount, host name and network space. */
export interface OwnEngine extends AsyncDisposable {
  readonly folder: string;
  readonly socket: string;
  /** These three are there when it was asked for TLS. */
  readonly address: string;
  readonly addressNotInCertificate: string;
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

// The daemon's own state folders are hidden behind empty ones, and it has its own network: two daemons in one network are
// not strangers, as one that starts without a bridge deletes the other's `docker0`.
const script = `
for folder in /run/docker /etc/docker; do mkdir -p $folder && mount -t tmpfs -o mode=700 tmpfs $folder; done
hostname own-engine
until ip link show inside >/dev/null 2>&1; do sleep 0.02; done
ip link set lo up && ip link set inside up
ip addr add $HOST_NET.2/29 dev inside && ip addr add $HOST_NET.3/29 dev inside
exec setpriv --pdeathsig TERM dockerd "$@"
`;

/** Starts it and waits until it answers; `runtimes` are programs that it can run containers with, by name. */
export async function startOwnEngine({
  tls = false,
  runtimes = {},
}: {
  readonly tls?: boolean;
  readonly runtimes?: Readonly<Record<string, string>>;
} = {}): Promise<OwnEngine> {
  const folder = await mkdtemp("/var/tmp/airlock-test-engine-");
  const socket = join(folder, "docker.sock");
  const certificates = join(folder, "certificates");
  const network = `10.213.${randomInt(256)}`;
  const added = Object.entries(runtimes).map(([name, path]) => `--add-runtime=${name}=${path}`);
  const flags = [...daemonFlags(folder, socket), ...added, ...(tls ? tlsFlags(certificates) : [])];
  const launch = () => spawnDaemon(folder, network, flags);
  if (tls) await makeCertificates(certificates, `${network}.2`);
  let child = await launch();
  const engine: OwnEngine = {
    folder,
    socket,
    address: `tcp://${network}.2:2376`,
    addressNotInCertificate: `tcp://${network}.3:2376`,
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

async function spawnDaemon(folder: string, network: string, flags: readonly string[]): Promise<ChildProcess> {
  await using log = await open(join(folder, "log"), "w");
  const namespaces = ["--mount", "--uts", "--net", "--propagation", "private"];
  const child = spawn("unshare", [...namespaces, "sh", "-c", script, "dockerd", ...flags], {
    stdio: ["ignore", log.fd, log.fd],
    env: { ...process.env, HOST_NET: network },
  });
  await connectNetwork(child, network);
  return child;
}

// A cable into the daemon's network; the kernel takes it away when that network ends.
async function connectNetwork(child: ChildProcess, network: string): Promise<void> {
  const ours = await readlink("/proc/self/ns/net");
  const pid = String(child.pid);
  while ((await readlink(`/proc/${pid}/ns/net`)) === ours) await sleep(10);
  const cable = `al${randomInt(1 << 30).toString(36)}`;
  await run("ip", ["link", "add", cable, "type", "veth", "peer", "name", "inside", "netns", pid]);
  await run("ip", ["addr", "add", `${network}.1/29`, "dev", cable]);
  await run("ip", ["link", "set", cable, "up"]);
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

function tlsFlags(certificates: string): string[] {
  return [
    "--host=tcp://0.0.0.0:2376",
    "--tlsverify",
    `--tlscacert=${certificates}/ca.pem`,
    `--tlscert=${certificates}/server-cert.pem`,
    `--tlskey=${certificates}/server-key.pem`,
  ];
}

/** An authority, a server's and a client's certificate, as docker lays them out. */
export async function makeCertificates(folder: string, serverAddress: string): Promise<void> {
  const openssl = (...args: string[]) => run("openssl", args, { cwd: folder });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  await run("mkdir", ["-p", folder]);
  await openssl("req", "-x509", ...newKey, "-keyout", "ca-key.pem", "-out", "ca.pem", "-subj", "/CN=test authority");
  for (const [name, usage, names] of [
    ["server-", "serverAuth", `IP:${serverAddress}`],
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
