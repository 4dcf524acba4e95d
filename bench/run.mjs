// Measures Airlock against named peers in alternating runs and writes bench/RESULTS.md. Absolute times of a busy machine mean
// little; the ratios of runs that took turns do.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measureApply, measureDiff } from "./apply.mjs";
import { circumstances, writeSection } from "./results.mjs";

const root = new URL("..", import.meta.url).pathname;
const airlock = join(root, "bin/airlock");
const bed = mkdtempSync(join(tmpdir(), "airlock-bench-"));
const env = { ...process.env, AIRLOCK_HOME: join(bed, "state") };
// Reading a certificate bundle at every start of Node would be measured too.
delete env.NODE_EXTRA_CA_CERTS;

function run(program, args, cwd = bed) {
  const started = process.hrtime.bigint();
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}: ${stderr}`);
  return { ms: Number(process.hrtime.bigint() - started) / 1e6, stdout };
}

const cli = (args, cwd) => run(process.execPath, [airlock, ...args], cwd);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

function makeProject(name, files) {
  const folder = join(bed, name);
  mkdirSync(join(folder, ".git"), { recursive: true });
  const perFolder = 100;
  for (let index = 0; index < files; index += 1) {
    const inside = join(folder, "src", `d${Math.floor(index / perFolder)}`);
    if (index % perFolder === 0) mkdirSync(inside, { recursive: true });
    writeFileSync(join(inside, `f${index % perFolder}.txt`), `file ${index}\n`);
  }
  return folder;
}

/** Runs two things in turns and returns the median of each and of the ratios pair by pair. */
function versus(rounds, ours, theirs) {
  const [a, b, ratios] = [[], [], []];
  for (let round = 0; round < rounds; round += 1) {
    const mine = ours();
    const peer = theirs();
    a.push(mine);
    b.push(peer);
    ratios.push(mine / peer);
  }
  return {
    ours: median(a),
    theirs: median(b),
    ratio: median(ratios),
    low: Math.min(...ratios),
    high: Math.max(...ratios),
  };
}

const rows = [];
function report(what, peer, limit, result) {
  const { ours, theirs, ratio, low, high } = result;
  rows.push(
    `| ${what} | ${peer} | ${ours.toFixed(0)} | ${theirs.toFixed(0)} | **${ratio.toFixed(2)}** (${low.toFixed(2)}-${high.toFixed(2)}) | ${limit} |`,
  );
  console.log(`${what} / ${peer}: ${ratio.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)}), wanted at most ${limit}`);
}

function sandboxImage() {
  const images = JSON.parse(cli(["image", "ls", "--json"]).stdout);
  return images.find(({ current }) => current).tags[0];
}

/** The verbs over a project, each timed alone: start, 100 changes, diff, snapshot, discard. */
function verbs(project) {
  const start = cli(["start"], project);
  const id = start.stdout.trim();
  cli(["exec", id, "--", "sh", "-c", "for i in $(seq 100); do echo changed > src/d0/f$i.txt; done"], project);
  const diff = cli(["diff", "--session", id, "--json"], project);
  const snapshot = cli(["snapshot", id], project);
  const discard = cli(["discard", id], project);
  return { start: start.ms, diff: diff.ms, snapshot: snapshot.ms, discard: discard.ms };
}

function scaling(rounds, small, large) {
  const pairs = Array.from({ length: rounds }, () => [verbs(large), verbs(small)]);
  for (const verb of ["start", "diff", "snapshot", "discard"]) {
    const big = pairs.map(([each]) => each[verb]);
    const little = pairs.map(([, each]) => each[verb]);
    const ratios = pairs.map(([one, two]) => one[verb] / two[verb]);
    report(`${verb}, 200,000 files`, "the same, 1,000 files", "1.3", {
      ours: median(big),
      theirs: median(little),
      ratio: median(ratios),
      low: Math.min(...ratios),
      high: Math.max(...ratios),
    });
  }
}

try {
  console.log("making projects of 1,000, 20,000 and 200,000 files");
  const [small, middle, large] = [1_000, 20_000, 200_000].map((files) => makeProject(`p${files}`, files));
  const image = sandboxImage();
  const docker = ["run", "--rm", "--network", "none", "--entrypoint", "true", image];
  for (const project of [small, middle, large]) cli(["run", "--on-exit", "discard", "--", "true"], project);

  report(
    "airlock --version",
    "node -e 0",
    "1.3",
    versus(
      21,
      () => cli(["--version"]).ms,
      () => run(process.execPath, ["-e", "0"]).ms,
    ),
  );
  report(
    "airlock run --on-exit discard -- true, 20,000 files",
    "docker run --rm --network none IMAGE true",
    "1.3 (goal 1.0)",
    versus(
      15,
      () => cli(["run", "--on-exit", "discard", "--", "true"], middle).ms,
      () => run("docker", docker).ms,
    ),
  );
  scaling(7, small, large);
  const tools = { bed, cli, run, versus, report };
  measureApply(tools);
  measureDiff({ ...tools, project: large });

  const engine = execFileSync("docker", ["version", "--format", "{{.Server.Version}}"], { encoding: "utf8" }).trim();
  const about = `\`make bench\`, ${circumstances()}, Docker ${engine}. Medians in milliseconds of alternating runs;\nthe ratio is the median of the pairs (lowest-highest). Read the ratios, not the times.`;
  const table = `| what | against | ms | ms | ratio | wanted |\n|---|---|---|---|---|---|\n${rows.join("\n")}`;
  writeSection(null, `# Results\n\n${about}\n\n${table}`);
} finally {
  spawnSync(process.execPath, [airlock, "discard", "--all"], { env });
  rmSync(bed, { recursive: true, force: true });
}
