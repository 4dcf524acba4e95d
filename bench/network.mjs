// What the wire costs: the start with a network by policy against without, and one download through the gate against the same
// by a bridge network of the engine. Runs take turns; read the ratios.
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";

const root = new URL("..", import.meta.url).pathname;
const airlock = join(root, "bin/airlock");
const bed = mkdtempSync(join(tmpdir(), "airlock-bench-"));
const env = { ...process.env, AIRLOCK_HOME: join(bed, "state"), XDG_CONFIG_HOME: join(bed, "config") };
delete env.NODE_EXTRA_CA_CERTS;
const project = join(bed, "project");
const bytes = 1_000_000_000;

function run(program, args) {
  const started = process.hrtime.bigint();
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: project, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}: ${stderr}`);
  return { ms: Number(process.hrtime.bigint() - started) / 1e6, stdout };
}

const cli = (...args) => run(process.execPath, [airlock, ...args]);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const megabytes = (text) => Number(text.trim()) / 1e6;

// In a thread of its own: this one waits for the programs it measures.
const origin = `
  const { createServer } = require("node:net");
  const { parentPort } = require("node:worker_threads");
  const block = Buffer.alloc(1 << 20);
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      let left = ${bytes};
      socket.write("HTTP/1.1 200 OK\\r\\nContent-Length: ${bytes}\\r\\n\\r\\n");
      const more = () => {
        while (left > 0) {
          const piece = block.subarray(0, Math.min(left, block.length));
          left -= piece.length;
          if (!socket.write(piece)) return;
        }
      };
      socket.on("drain", more);
      more();
    });
  }).listen(0, "0.0.0.0", () => parentPort.postMessage(server.address().port));`;

/** The address of this machine on the engine's bridge, if there is one. */
function bridgeAddress() {
  const args = ["network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"];
  const { stdout } = spawnSync("docker", args, { encoding: "utf8" });
  return stdout.trim();
}

async function canBind(address) {
  const server = createServer();
  const bound = once(server, "listening").then(
    () => true,
    () => false,
  );
  server.listen(0, address);
  const result = await Promise.race([bound, once(server, "error").then(() => false)]);
  server.close();
  return result;
}

const worker = new Worker(origin, { eval: true });
try {
  const [port] = await once(worker, "message");
  mkdirSync(join(project, ".git"), { recursive: true });
  mkdirSync(join(bed, "config/airlock"), { recursive: true });
  const network = { hosts: { "bench.test.example": "127.0.0.1" }, allowPrivate: [`bench.test.example:${port}`] };
  writeFileSync(join(bed, "config/airlock/config.yaml"), JSON.stringify({ network }));
  const start = (mode) => cli("run", "--network", mode, "--on-exit", "discard", "--", "true").ms;
  start("policy");
  const starts = Array.from({ length: 11 }, () => [start("policy"), start("none")]);
  const added = median(starts.map(([one, other]) => one - other));
  console.log(`start with a policy: ${added.toFixed(0)} ms more than without (wanted at most 80)`);

  const curl = ["curl", "-s", "-o", "/dev/null", "-w", "%{speed_download}"];
  const gate = () =>
    megabytes(cli("run", "--on-exit", "discard", "--", ...curl, `http://bench.test.example:${port}/`).stdout);
  const bridge = bridgeAddress();
  const image = JSON.parse(cli("image", "ls", "--json").stdout).find(({ current }) => current).tags[0];
  const plain = () =>
    megabytes(
      run("docker", ["run", "--rm", "--entrypoint", "curl", image, ...curl.slice(1), `http://${bridge}:${port}/`])
        .stdout,
    );
  const hasBridge = bridge !== "" && (await canBind(bridge));
  const downloads = Array.from({ length: 5 }, () => [gate(), hasBridge ? plain() : Number.NaN]);
  console.log(
    `download through the gate: ${median(downloads.map(([one]) => one)).toFixed(0)} MB/s (wanted at least 200)`,
  );
  if (hasBridge)
    console.log(`the same over the engine's bridge: ${median(downloads.map(([, one]) => one)).toFixed(0)} MB/s`);
} finally {
  await worker.terminate();
  spawnSync(process.execPath, [airlock, "discard", "--all"], { env });
  rmSync(bed, { recursive: true, force: true });
}
