import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Edge } from "./cli/edge.js";

declare const AIRLOCK_VERSION: string;
declare const AIRLOCK_IMAGE_HASH: string;

const forwardedSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const exitCodeOfSignal: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

function makeEdge(): Edge {
  const controller = new AbortController();
  let intercept: ((name: NodeJS.Signals) => void) | null = null;
  for (const name of forwardedSignals) {
    process.on(name, () => (intercept === null ? controller.abort(name) : intercept(name)));
  }
  return {
    argv: process.argv.slice(2),
    env: process.env,
    cwd: process.cwd(),
    homedir: homedir(),
    platform: process.platform,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    version: AIRLOCK_VERSION,
    imageHash: AIRLOCK_IMAGE_HASH,
    packageRoot: join(dirname(fileURLToPath(import.meta.url)), ".."),
    execPath: process.execPath,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    signal: controller.signal,
    interceptSignals(onSignal) {
      const before = intercept;
      intercept = onSignal;
      return {
        [Symbol.dispose]: () => {
          intercept = before;
        },
      };
    },
    onResize(listener) {
      const report = (): void => listener({ columns: process.stdout.columns, rows: process.stdout.rows });
      process.stdout.on("resize", report);
      return { [Symbol.dispose]: () => void process.stdout.off("resize", report) };
    },
  };
}

// Everybody on the machine can read the arguments of a process. Linux has the title in their place.
function hideValues(): void {
  if (process.argv.some((argument) => /^(-e|--env(=|$))/.test(argument))) process.title = "airlock";
}

// Node ends with 0 when nothing is left that could wake it, also in the middle of a command: that must not look like a success.
function failUnfinished(): void {
  process.stderr.write(
    "airlock: it stopped before its work was done\nhint: this is a defect in Airlock; please report it\n",
  );
  process.exitCode = 125;
}

async function main(): Promise<void> {
  hideValues();
  // A reader that closes early (`airlock ls | head -1`) is no error of ours; nothing more can be said to it.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
  const edge = makeEdge();
  process.once("beforeExit", failUnfinished);
  const { runProgram } = await import("./cli/program.js");
  const code = await runProgram(edge);
  process.off("beforeExit", failUnfinished);
  const { aborted, reason } = edge.signal;
  process.exitCode = aborted ? (exitCodeOfSignal[String(reason)] ?? code) : code;
  // What is still to be written may never be read: from here on a signal ends the process.
  for (const name of forwardedSignals) process.removeAllListeners(name);
  // Anything that still waits (a terminal's stdin) must not keep a finished command alive.
  process.stdin.unref?.();
}

void main();
