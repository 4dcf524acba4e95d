// What a tool call costs an agent's client: over MCP and the standard streams, decided, recorded and run in the sandbox, against one exec of the engine for
// each, in turns. Run `node bench/mcp.mjs`, with the image built. Read the ratios.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { build } from "esbuild";
import { Printed } from "./results.mjs";

const printed = new Printed();

const root = new URL("..", import.meta.url).pathname;
const airlock = join(root, "bin/airlock");
const bed = mkdtempSync(join(tmpdir(), "airlock-bench-"));
const env = { ...process.env, AIRLOCK_HOME: join(bed, "state"), XDG_CONFIG_HOME: join(bed, "config") };
const project = join(bed, "project");
const calls = Number(process.env.BENCH_CALLS ?? 400);
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

async function time(work) {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

const report = (name, values, wanted) =>
  printed.say(`${name}: p50 ${at(values, 0.5).toFixed(2)} ms, p99 ${at(values, 0.99).toFixed(2)} ms${wanted}`);

// One exec of the engine for each command, as a person would do it without a tool server: its API, not its program.
async function engineOf() {
  const outfile = join(root, "dist", `bench-mcp-${process.pid}.mjs`);
  const from = (path) => JSON.stringify(join(root, "src", path));
  const contents = `export { connectEngine } from ${from("engine/connect.ts")}; export { findEngine } from ${from("engine/endpoint.ts")};`;
  const stdin = { contents, resolveDir: root, loader: "ts" };
  const options = { bundle: true, platform: "node", format: "esm", target: "node20", packages: "external" };
  await build({ stdin, ...options, outfile, logLevel: "error" });
  try {
    const { connectEngine, findEngine } = await import(pathToFileURL(outfile).href);
    const { endpoint } = await findEngine({
      env,
      homedir: bed,
      platform: process.platform,
      uid: process.getuid(),
      airlockHome: join(bed, "state"),
      explicit: undefined,
    });
    return connectEngine(endpoint, {});
  } finally {
    rmSync(outfile, { force: true });
  }
}

async function measure(era, id) {
  const mode = era === "2026-07-28" ? { pin: era } : "legacy";
  const client = new Client({ name: "bench", version: "1" }, { versionNegotiation: { mode } });
  const args = [airlock, "mcp", "--session", id];
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args, cwd: project, env, stderr: "inherit" }),
  );
  const call = async (name, given) => {
    const { isError, content } = await client.callTool({ name, arguments: given });
    if (isError) throw new Error(`${name}: ${content[0].text}`);
  };
  const { container } = JSON.parse(cli("status", id, "--json"));
  const engine = await engineOf();
  const execOnce = async () => {
    const exec = await engine.exec({
      container,
      command: ["/bin/bash", "-c", "true"],
      user: `${process.getuid()}:${process.getgid()}`,
      tty: false,
    });
    exec.stdout.resume();
    exec.stderr?.resume();
    await exec.exitCode();
    await exec[Symbol.asyncDispose]();
  };
  const shell = () => call("shell", { command: "true" });
  const read = () => call("read", { operations: [{ mode: "Line", path: "ten-kilobytes.txt" }] });
  for (const each of [shell, read, execOnce, shell, read]) await each();
  const found = { shell: [], read: [], exec: [] };
  for (let round = 0; round < execs; round += 1) {
    found.exec.push(await time(execOnce));
    for (let turn = 0; turn < calls / execs; turn += 1) {
      found.shell.push(await time(shell));
      found.read.push(await time(read));
    }
  }
  const burst = await time(() => Promise.all(Array.from({ length: 50 }, shell)));
  await client.close();
  await engine[Symbol.asyncDispose]();
  printed.say(`MCP ${era}, over the standard streams:`);
  report("  shell: true", found.shell, " (wanted: p50 under 5, p99 under 25)");
  report("  read of 10 KB", found.read, " (wanted: p50 under 4)");
  report("  the engine's exec of the same", found.exec, "");
  printed.say(`  exec / shell: ${(at(found.exec, 0.5) / at(found.shell, 0.5)).toFixed(1)} (wanted: at least 15)`);
  printed.say(`  50 calls at once: ${burst.toFixed(2)} ms`);
}

try {
  mkdirSync(join(project, ".git"), { recursive: true });
  writeFileSync(join(project, "ten-kilobytes.txt"), "0123456789abcde\n".repeat(640));
  const id = cli("start", "--trust-tools=shell,read").trim();
  for (const era of ["2025-11-25", "2026-07-28"]) await measure(era, id);
  printed.write("Tool calls over MCP", "`node bench/mcp.mjs`: the same as an agent's client sees it");
} finally {
  spawnSync(process.execPath, [airlock, "discard", "--all"], { env });
  rmSync(bed, { recursive: true, force: true });
}
