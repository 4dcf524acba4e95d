// What the wire costs: the start with a network by policy against without; downloads, connections and an npm ci through the gate
// against the same by a bridge network of the engine; and the memory of the process that holds the wire. Runs take turns.
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { circumstances, writeSection } from "./results.mjs";

const root = new URL("..", import.meta.url).pathname;
const airlock = join(root, "bin/airlock");
const bed = mkdtempSync(join(tmpdir(), "airlock-bench-"));
const env = { ...process.env, AIRLOCK_HOME: join(bed, "state"), XDG_CONFIG_HOME: join(bed, "config") };
delete env.NODE_EXTRA_CA_CERTS;
const [project, tarballs] = ["project", "tarballs"].map((name) => join(bed, name));
const host = "bench.test.example";
const bytes = 1_000_000_000;
/** Direct dependencies of a project of more than 400 packages. */
const dependencies = { express: "4.21.2", eslint: "9.17.0", jest: "29.7.0", webpack: "5.97.1" };

function run(program, args) {
  const started = process.hrtime.bigint();
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: project, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}: ${stderr}`);
  return { ms: Number(process.hrtime.bigint() - started) / 1e6, stdout };
}

const cli = (...args) => run(process.execPath, [airlock, ...args]);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const medianOf = (pairs, value) => median(pairs.map(value));

const rows = [];
function report(what, ours, theirs, compared, wanted) {
  rows.push(`| ${what} | ${ours} | ${theirs} | **${compared}** | ${wanted} |`);
  console.log(`${what}: ${ours} against ${theirs}, ${compared} (wanted: ${wanted})`);
}

/** The address of this machine on the engine's bridge, if there is one that can be bound. */
async function bridgeAddress() {
  const args = ["network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"];
  const address = spawnSync("docker", args, { encoding: "utf8" }).stdout.trim();
  const server = createServer();
  const bound = once(server, "listening").then(() => true);
  server.listen(0, address || "256.0.0.0");
  const result = await bound.catch(() => false);
  server.close();
  return address !== "" && result ? address : null;
}

// As the user's own npm gets them, once; what is measured then comes from this machine.
function fetchPackages(port) {
  mkdirSync(tarballs);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "real", version: "1.0.0", dependencies }));
  const npm = (...args) =>
    execFileSync("npm", args, { cwd: project, stdio: ["ignore", "pipe", "ignore"], maxBuffer: 1 << 26 });
  npm("install", "--package-lock-only", "--no-audit", "--silent");
  const lock = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8"));
  const packages = Object.entries(lock.packages).filter(([path]) => path !== "");
  const named = packages.map(([path, each]) => ({
    each,
    id: `${path.slice(path.lastIndexOf("node_modules/") + 13)}@${each.version}`,
  }));
  const ids = [...new Set(named.map(({ id }) => id))];
  const packed = JSON.parse(npm("pack", "--json", "--pack-destination", tarballs, ...ids).toString());
  const fileOf = new Map(
    packed.map(({ name, version, filename }) => [`${name}@${version}`, filename.replace(/^@/, "").replace("/", "-")]),
  );
  for (const { each, id } of named) each.resolved = `http://${host}:${port}/tarballs/${fileOf.get(id)}`;
  writeFileSync(join(project, "package-lock.json"), JSON.stringify(lock));
  return packages.length;
}

const npmScript = (from) =>
  [
    `mkdir /tmp/p && cp ${from}/package*.json /tmp/p && cd /tmp/p`,
    "start=$(date +%s%N)",
    "HOME=/tmp npm_config_replace_registry_host=never npm ci --ignore-scripts --no-audit --silent",
    "echo $(( ($(date +%s%N) - start) / 1000000 ))",
  ].join(" && ");

const latencyScript = (port) => `
import socket, time
def once():
    start = time.perf_counter()
    s = socket.create_connection(("${host}", ${port}))
    s.sendall(b"GET / HTTP/1.1\\r\\nHost: ${host}:${port}\\r\\nConnection: close\\r\\n\\r\\n")
    while s.recv(65536): pass
    s.close()
    return (time.perf_counter() - start) * 1000
for _ in range(50): once()
times = sorted(once() for _ in range(1000))
print(times[500], times[990])`;

const burstScript = (port) => `
import concurrent.futures as f, urllib.request as u
with f.ThreadPoolExecutor(100) as pool:
    print(sum(pool.map(lambda _: len(u.urlopen("http://${host}:${port}/").read()), range(9900))))`;

/** Runs a command in the sandbox's image on the engine's bridge network. */
function bridged(image, address, ...command) {
  const [program, ...args] = command;
  const where = ["--network", "bridge", "--add-host", `${host}:${address}`, "--tmpfs", "/tmp:exec,size=1g"];
  return run("docker", ["run", "--rm", ...where, "-v", `${project}:/src:ro`, "--entrypoint", program, image, ...args]);
}

const gated = (...command) => cli("run", "--on-exit", "discard", "--", ...command);

function measureStart() {
  const start = (mode) => cli("run", "--network", mode, "--on-exit", "discard", "--", "true").ms;
  start("policy");
  const pairs = Array.from({ length: 15 }, () => [start("policy"), start("none")]);
  const [policy, none] = [medianOf(pairs, ([one]) => one), medianOf(pairs, ([, other]) => other)];
  const added = medianOf(pairs, ([one, other]) => one - other);
  report(
    "start with a policy / without",
    `${policy.toFixed(0)} ms`,
    `${none.toFixed(0)} ms`,
    `+${added.toFixed(0)} ms`,
    "+80 ms",
  );
}

function measureDownload(through, port) {
  const curl = ["curl", "-s", "-o", "/dev/null", "-w", "%{speed_download}", `http://${host}:${port}/bytes`];
  const speed = ({ stdout }) => Number(stdout.trim()) / 1e6;
  const pairs = Array.from({ length: 5 }, () => [speed(gated(...curl)), speed(through(...curl))]);
  const [ours, theirs] = [medianOf(pairs, ([one]) => one), medianOf(pairs, ([, other]) => other)];
  const ratio = medianOf(pairs, ([one, other]) => one / other);
  report(
    "one download of 1 GB",
    `${ours.toFixed(0)} MB/s`,
    `${theirs.toFixed(0)} MB/s`,
    ratio.toFixed(2),
    "200 MB/s (goal 400)",
  );
}

function measureLatency(through, port) {
  const python = ["python3", "-c", latencyScript(port)];
  const times = ({ stdout }) => stdout.trim().split(" ").map(Number);
  const pairs = Array.from({ length: 5 }, () => [times(gated(...python)), times(through(...python))]);
  for (const [index, name, limit] of [
    [0, "p50", 5],
    [1, "p99", 30],
  ]) {
    const [ours, theirs] = [medianOf(pairs, ([one]) => one[index]), medianOf(pairs, ([, other]) => other[index])];
    const added = medianOf(pairs, ([one, other]) => one[index] - other[index]);
    report(
      `a connection with one request, ${name}`,
      `${ours.toFixed(2)} ms`,
      `${theirs.toFixed(2)} ms`,
      `+${added.toFixed(2)} ms`,
      `+${limit} ms`,
    );
  }
}

function measureInstall(through, count) {
  const milliseconds = ({ stdout }) => Number(stdout.trim().split("\n").at(-1));
  const ours = () => milliseconds(gated("sh", "-c", npmScript(project)));
  const theirs = () => milliseconds(through("sh", "-c", npmScript("/src")));
  const pairs = Array.from({ length: 5 }, () => [ours(), theirs()]);
  const ratio = medianOf(pairs, ([one, other]) => one / other);
  report(
    `npm ci of ${count} packages`,
    `${medianOf(pairs, ([one]) => one).toFixed(0)} ms`,
    `${medianOf(pairs, ([, other]) => other).toFixed(0)} ms`,
    ratio.toFixed(2),
    "1.15",
  );
}

function supervisorOf(session) {
  const isSupervisor = (pid) => {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      return args.includes("supervise") && args.includes(session);
    } catch {
      return false;
    }
  };
  return readdirSync("/proc").find((name) => /^\d+$/.test(name) && isSupervisor(name));
}

/** Memory of a process that no other shares in full, and its descriptors. */
function held(pid) {
  const of = (key, text) => Math.round(Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]) / 1024);
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return { rss: of("Rss", text), pss: of("Pss", text), files: readdirSync(`/proc/${pid}/fd`).length };
}

async function measureMemory(port) {
  if (process.platform !== "linux") return;
  const session = cli("start").stdout.trim();
  const pid = supervisorOf(session);
  await sleep(1_000);
  const before = held(pid);
  for (let round = 0; round < 2; round += 1) cli("exec", session, "--", "python3", "-c", burstScript(port));
  cli("exec", session, "--", "curl", "-s", "-o", "/dev/null", `http://${host}:${port}/bytes`);
  await sleep(8_000);
  const after = held(pid);
  const say = ({ rss, pss, files }) => `${rss} MiB (${pss} its own), ${files} files`;
  report(
    "memory of a session, after 19,800 connections and 1 GB / before",
    say(after),
    say(before),
    `+${after.rss - before.rss} MiB`,
    "70 MiB",
  );
}

function write() {
  const about = `\`node bench/network.mjs\`, ${circumstances()}. Medians of alternating runs, through the gate against the engine's bridge network.`;
  const table = `| what | ours | theirs | compared | wanted |\n|---|---|---|---|---|\n${rows.join("\n")}`;
  writeSection("Network", `${about}\n\n${table}`);
}

let worker;
try {
  mkdirSync(join(project, ".git"), { recursive: true });
  mkdirSync(join(bed, "config/airlock"), { recursive: true });
  worker = new Worker(new URL("network-origin.mjs", import.meta.url), { workerData: { bytes, folder: tarballs } });
  const [port] = await once(worker, "message");
  const network = { hosts: { [host]: "127.0.0.1" }, allowPrivate: [`${host}:${port}`] };
  writeFileSync(join(bed, "config/airlock/config.yaml"), JSON.stringify({ network }));
  measureStart();
  const address = await bridgeAddress();
  if (address === null)
    console.log("the engine has no bridge network that this machine can serve: nothing to compare with");
  else {
    const image = JSON.parse(cli("image", "ls", "--json").stdout).find(({ current }) => current).tags[0];
    const through = (...command) => bridged(image, address, ...command);
    measureDownload(through, port);
    measureLatency(through, port);
    measureInstall(through, fetchPackages(port));
  }
  await measureMemory(port);
  write();
} finally {
  await worker?.terminate();
  spawnSync(process.execPath, [airlock, "discard", "--all"], { env });
  rmSync(bed, { recursive: true, force: true });
}
