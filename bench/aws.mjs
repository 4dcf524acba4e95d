// What the gateway costs: the same client against the same stub of AWS, which checks signatures, from within a sandbox through the
// gateway and directly from the host, in turns. Run `make bench` or `node bench/aws.mjs`, with the image built. Read the differences.
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { Printed } from "./results.mjs";

const printed = new Printed();
const root = new URL("..", import.meta.url).pathname;
const airlock = join(root, "bin/airlock");
const bed = mkdtempSync(join(tmpdir(), "airlock-bench-"));
const project = join(bed, "project");
const calls = process.env.BENCH_CALLS ?? "300";
const megabytes = "64";
const rounds = 3;
const startRounds = 11;

const at = (values, part) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))];
const ms = (value) => value.toFixed(2);

function run(program, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: project, env, stdio: ["ignore", "pipe", "pipe"] });
    const texts = ["", ""];
    for (const [index, stream] of [child.stdout, child.stderr].entries()) {
      stream.on("data", (piece) => {
        texts[index] += piece;
      });
    }
    child.on("close", (code) => (code === 0 ? resolve(texts[0]) : reject(new Error(`${args.join(" ")}: ${texts[1]}`))));
  });
}

async function loadStub() {
  const outfile = join(bed, "stub.mjs");
  const entry = join(root, "test/support/aws/stub.ts");
  await build({ entryPoints: [entry], bundle: true, platform: "node", format: "esm", target: "node20", outfile });
  return await import(pathToFileURL(outfile).href);
}

try {
  mkdirSync(join(project, ".git"), { recursive: true });
  copyFileSync(join(root, "bench/aws-client.cjs"), join(project, "client.cjs"));
  const { startAwsStub } = await loadStub();
  const stub = await startAwsStub({ eventMs: 100 });
  stub.buckets.set("bench", new Map());
  mkdirSync(join(bed, "config/airlock"), { recursive: true });
  const wish = { mode: "gateway", region: "eu-central-1", endpoint: stub.url, allow: ["s3:PutObject"] };
  writeFileSync(join(bed, "config/airlock/config.yaml"), JSON.stringify({ aws: wish }));
  const keys = { AWS_ACCESS_KEY_ID: stub.user.accessKeyId, AWS_SECRET_ACCESS_KEY: stub.user.secretAccessKey };
  const env = { ...process.env, ...keys, AIRLOCK_HOME: join(bed, "state"), XDG_CONFIG_HOME: join(bed, "config") };
  const client = ["client.cjs", calls, megabytes];
  const direct = { ...env, AWS_ENDPOINT_URL: stub.url };
  const inSandbox = (...args) => run(process.execPath, [airlock, ...args], env);
  const starts = { without: [], with: [] };
  const starting = { ...direct, AWS_REGION: wish.region, XDG_CONFIG_HOME: join(bed, "empty") };
  for (let round = 0; round <= startRounds; round += 1) {
    for (const [side, flags] of Object.entries({ without: [], with: ["--aws"] })) {
      const began = performance.now();
      await run(process.execPath, [airlock, "run", "-q", "--on-exit", "discard", ...flags, "--", "true"], starting);
      // The first of each fills caches.
      if (round > 0) starts[side].push(performance.now() - began);
    }
  }
  await inSandbox("start");
  const found = { gateway: [], direct: [] };
  for (let round = 0; round < rounds; round += 1) {
    found.direct.push(JSON.parse(await run(process.execPath, client, direct)));
    found.gateway.push(JSON.parse(await inSandbox("exec", "--", "node", ...client)));
  }
  const small = (side) => found[side].flatMap((each) => each.small);
  const best = (side, name) => Math.min(...found[side].map((each) => each[name]));
  const added = at(small("gateway"), 0.5) - at(small("direct"), 0.5);
  for (const side of ["direct", "gateway"])
    printed.say(`small call, ${side}: p50 ${ms(at(small(side), 0.5))} ms, p99 ${ms(at(small(side), 0.99))} ms`);
  printed.say(`added to a small call: p50 ${ms(added)} ms (wanted: under 1.5)`);
  printed.say(
    `first event of a stream, later by: ${ms(best("gateway", "first") - best("direct", "first"))} ms (wanted: under 5)`,
  );
  for (const name of ["up", "down"]) {
    const ratio = best("direct", name) / best("gateway", name);
    printed.say(`${megabytes} MB ${name}: ${ratio.toFixed(2)} of direct (wanted: at least 0.8)`);
  }
  const adds = starts.with.map((each, round) => each - starts.without[round]);
  printed.say(`a run with AWS takes longer by: ${ms(at(adds, 0.5))} ms (wanted: under 150)`);
  printed.write("AWS", "The same client against the same server, through the gateway and directly, in turns");
  await inSandbox("discard");
  await stub[Symbol.asyncDispose]();
} finally {
  rmSync(bed, { recursive: true, force: true });
}
