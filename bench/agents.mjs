// What a sandbox adds to an agent's own start: the same agent, asked for one call of its shell by a model on this machine, run by its name
// inside and directly outside, in turns. Run `make bench` or `node bench/agents.mjs`, as root, with the image built. Read the difference.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { Printed } from "./results.mjs";

const printed = new Printed();
const root = new URL("..", import.meta.url).pathname;
const airlock = join(root, "bin/airlock");
const bed = mkdtempSync(join(tmpdir(), "airlock-bench-"));
const [project, home] = [join(bed, "project"), join(bed, "home")];
const rounds = 7;
const address = `127.31.${(process.pid >> 8) & 255}.${process.pid & 255}`;
// A name of its own on both sides: at the usual one the agent waits for what only the real service says.
const service = "model.bench.example";

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

function time(program, args, env) {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: project, env, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (piece) => {
        text += piece;
      });
    }
    child.on("close", (code) => {
      const ms = performance.now() - began;
      code === 0 ? resolve(ms) : reject(new Error(`${program} ended with ${code}: ${text.slice(-2000)}`));
    });
  });
}

async function loadModel() {
  const outfile = join(bed, "model.mjs");
  const entry = join(root, "test/support/scripted-model.ts");
  await build({ entryPoints: [entry], bundle: true, platform: "node", format: "esm", target: "node20", outfile });
  return (await import(pathToFileURL(outfile).href)).ScriptedModel;
}

function makeCertificate() {
  const [key, cert] = [join(bed, "key.pem"), join(bed, "cert.pem")];
  const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=bench -addext subjectAltName=DNS:${service}`;
  execFileSync("openssl", [...words.split(" "), "-keyout", key, "-out", cert], { stdio: "ignore" });
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8"), path: cert };
}

try {
  mkdirSync(join(project, ".git"), { recursive: true });
  mkdirSync(join(bed, "config/airlock"), { recursive: true });
  mkdirSync(home);
  const network = { hosts: { [service]: address }, allowPrivate: [service] };
  writeFileSync(join(bed, "config/airlock/config.yaml"), JSON.stringify({ network }));
  const ScriptedModel = await loadModel();
  const { path, ...identity } = makeCertificate();
  const model = await ScriptedModel.start([{ tool: /^Bash$/, arguments: { command: "true", description: "bench" } }], {
    ...identity,
    ...{ address, port: 443 },
  });
  const steps = [{ tool: /^Bash$/, arguments: { command: "true", description: "bench" } }];
  const outer = await ScriptedModel.start(steps);
  const common = { ...process.env, HOME: home, ANTHROPIC_API_KEY: "sk-bench-0123456789abcdef" };
  const inside = {
    ...common,
    ANTHROPIC_BASE_URL: `https://${service}`,
    ...{ NODE_EXTRA_CA_CERTS: path, AIRLOCK_HOME: join(bed, "state"), XDG_CONFIG_HOME: join(bed, "config") },
  };
  const outside = {
    ...common,
    ...{ ANTHROPIC_BASE_URL: outer.url, IS_SANDBOX: "1", DISABLE_AUTOUPDATER: "1" },
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  };
  const image = execFileSync(airlock, ["agents", "build", "claude"], { env: inside, encoding: "utf8" }).trim();
  // The very program of the image, on this machine.
  const container = execFileSync("docker", ["create", image], { encoding: "utf8" }).trim();
  execFileSync("docker", ["cp", "-L", `${container}:/usr/local/bin/claude`, join(bed, "claude")]);
  execFileSync("docker", ["rm", container]);
  const run = ["run", "-q", "--on-exit", "discard", "--agent", "claude", "--trust-all", "go"];
  const found = { inside: [], outside: [] };
  for (let round = 0; round <= rounds; round += 1) {
    const times = {
      inside: await time(airlock, run, inside),
      outside: await time(join(bed, "claude"), ["--dangerously-skip-permissions", "-p", "go"], outside),
    };
    // The first of each fills caches.
    if (round > 0) for (const side of ["inside", "outside"]) found[side].push(times[side]);
  }
  const [ours, theirs] = [median(found.inside), median(found.outside)];
  const adds = median(found.inside.map((each, round) => each - found.outside[round]));
  printed.say(
    `claude -p, one call of its shell: ${ours.toFixed(0)} ms by airlock run --agent, ${theirs.toFixed(0)} ms outside`,
  );
  printed.say(
    `added, with its start, its hooks and its discard: ${adds.toFixed(0)} ms (wanted: under 1000); ratio ${(ours / theirs).toFixed(2)}`,
  );
  printed.write("Agents", "The same agent against the same model, in a sandbox and outside, in turns");
  await model[Symbol.asyncDispose]();
  await outer[Symbol.asyncDispose]();
} finally {
  rmSync(bed, { recursive: true, force: true });
}
