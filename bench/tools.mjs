// What a tool call costs: through the resident tool server, decided and recorded, against one exec of the engine for each, in turns.
// Run `make bench` or `node bench/tools.mjs`, with the image built. Read the ratios.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { Printed } from "./results.mjs";

const printed = new Printed();

const root = new URL("..", import.meta.url).pathname;
const airlock = join(root, "bin/airlock");
const bed = mkdtempSync(join(tmpdir(), "airlock-bench-"));
const env = { ...process.env, AIRLOCK_HOME: join(bed, "state"), XDG_CONFIG_HOME: join(bed, "config") };
const project = join(bed, "project");
const calls = Number(process.env.BENCH_CALLS ?? 200);
const execs = Number(process.env.BENCH_EXECS ?? 25);

function cli(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [airlock, ...args], {
    cwd: project,
    env,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`airlock ${args.join(" ")} ended with ${status}: ${stderr}`);
  return stdout;
}

const at = (values, part) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))];
const ms = (value) => value.toFixed(2);

async function time(work) {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

// The parts of Airlock that are measured, from their sources.
async function load() {
  const outfile = join(root, "dist", `bench-tools-${process.pid}.mjs`);
  const from = (path) => JSON.stringify(join(root, "src", path));
  const contents = [
    `export { callTool } from ${from("session/tools/call-tool.ts")};`,
    `export { toolGuard } from ${from("session/tools/tool-guard.ts")};`,
    `export { Toolbox } from ${from("session/tools/toolbox.ts")};`,
    `export { openWorkbench } from ${from("session/workbench.ts")};`,
    `export { loadSession } from ${from("session/store.ts")};`,
    `export { contentHash } from ${from("image/context.ts")};`,
  ].join("\n");
  await build({
    stdin: { contents, resolveDir: root, loader: "ts" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    outfile,
    logLevel: "error",
  });
  try {
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(outfile, { force: true });
  }
}

function report(name, values, wanted) {
  printed.say(`${name}: p50 ${ms(at(values, 0.5))} ms, p99 ${ms(at(values, 0.99))} ms${wanted}`);
}

async function measure({ callTool, toolbox, guard, execOnce }) {
  const call = async (name, args) => {
    const outcome = await callTool(toolbox, guard, { name, arguments: args, caller: "bench" });
    if (outcome.kind !== "done") throw new Error(`${name}: ${outcome.text}`);
  };
  const shell = () => call("shell", { command: "true" });
  const kept = () => call("shell", { command: "true", persistent: true });
  const read = () => call("read", { operations: [{ mode: "Line", path: "ten-kilobytes.txt" }] });
  for (const each of [shell, kept, read, execOnce]) await each();
  const found = { shell: [], kept: [], read: [], exec: [] };
  for (let round = 0; round < execs; round += 1) {
    found.exec.push(await time(execOnce));
    for (let turn = 0; turn < calls / execs; turn += 1) {
      found.shell.push(await time(shell));
      found.kept.push(await time(kept));
      found.read.push(await time(read));
    }
  }
  const burst = await time(() => Promise.all(Array.from({ length: 50 }, shell)));
  return { ...found, burst };
}

try {
  mkdirSync(join(project, ".git"), { recursive: true });
  writeFileSync(join(project, "ten-kilobytes.txt"), "0123456789abcde\n".repeat(640));
  const id = cli("start").trim();
  const { callTool, toolGuard, Toolbox, openWorkbench, loadSession, contentHash } = await load();
  const surroundings = {
    env,
    homedir: bed,
    platform: process.platform,
    uid: process.getuid(),
    gid: process.getgid(),
    imageHash: contentHash(root),
    signal: new AbortController().signal,
    engineAddress: undefined,
    onProgress: () => undefined,
  };
  const bench = await openWorkbench(surroundings);
  const toolbox = new Toolbox(bench, { id, workspace: project }, { execPath: process.execPath, script: airlock, env });
  const { container, uid, gid } = await loadSession(bench.home, id);
  const engine = await bench.engine();
  const execOnce = async () => {
    const exec = await engine.exec({
      container,
      command: ["/bin/bash", "-c", "true"],
      user: `${uid}:${gid}`,
      tty: false,
    });
    exec.stdout.resume();
    exec.stderr?.resume();
    await exec.exitCode();
    await exec[Symbol.asyncDispose]();
  };
  cli("tools", "trust", "shell");
  const guard = toolGuard(bench, toolbox, { caller: "bench", asker: null });
  const silent = { ...guard, record: async () => undefined };
  const recorded = await measure({ callTool, toolbox, guard, execOnce });
  report("shell: true", recorded.shell, " (wanted: p50 under 5, p99 under 25)");
  report("shell: true in a kept shell", recorded.kept, "");
  report("read of 10 KB", recorded.read, " (wanted: p50 under 4)");
  report("the engine's exec of the same", recorded.exec, "");
  const ratio = at(recorded.exec, 0.5) / at(recorded.shell, 0.5);
  const keptRatio = at(recorded.exec, 0.5) / at(recorded.kept, 0.5);
  printed.say(`exec / shell: ${ratio.toFixed(1)}, exec / kept shell: ${keptRatio.toFixed(1)} (wanted: at least 15)`);
  printed.say(`50 calls at once: ${ms(recorded.burst)} ms`);
  const bare = await measure({ callTool, toolbox, guard: silent, execOnce });
  report("shell: true, not recorded", bare.shell, "");
  report("shell: true in a kept shell, not recorded", bare.kept, "");
  report("read of 10 KB, not recorded", bare.read, "");
  printed.say(`exec / shell, not recorded: ${(at(bare.exec, 0.5) / at(bare.shell, 0.5)).toFixed(1)}`);
  printed.write(
    "Tool calls",
    "`node bench/tools.mjs`: through the resident tool server, and by one exec of the engine for each, in turns",
  );
  await toolbox[Symbol.asyncDispose]();
  await bench[Symbol.asyncDispose]();
} finally {
  spawnSync(process.execPath, [airlock, "discard", "--all"], { env });
  rmSync(bed, { recursive: true, force: true });
}
