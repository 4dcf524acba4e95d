import { type ChildProcess, execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { openHome } from "../../src/session/home.js";
import { type CallOptions, type Result, TestBed } from "./cli.js";

export const run = promisify(execFile);
const maxCallMs = 90_000;

/** Asks the machine's engine as a person would: not with the code under test. */
export async function docker(...args: string[]): Promise<string> {
  const { stdout } = await run("docker", args, { timeout: 60_000, maxBuffer: 1 << 26 });
  return stdout.trim();
}

const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");

/** A test bed that knows what the engine holds for its state folder, and leaves nothing of it behind. */
export class Lab extends TestBed {
  override spawn(args: readonly string[], options?: CallOptions): ChildProcess {
    const child = super.spawn(args, options);
    const timer = setTimeout(() => child.kill("SIGKILL"), maxCallMs);
    child.once("exit", () => clearTimeout(timer));
    return child;
  }

  /** The label's value on all that belongs to this state folder. */
  async homeId(): Promise<string> {
    const uid = process.getuid?.() ?? 0;
    return (await openHome({ env: { AIRLOCK_HOME: this.home }, homedir: this.userHome, uid })).id;
  }

  /** What the engine holds of a session, or of all of them: by label, so whatever the state folder says. */
  async held(session = ""): Promise<string[]> {
    const wanted = session === "" ? "airlock.session" : `airlock.session=${session}`;
    const filters = ["--filter", `label=airlock.home=${await this.homeId()}`, "--filter", `label=${wanted}`];
    const [containers, volumes, images] = await Promise.all([
      docker("ps", "-a", "--format", "{{.Names}}", ...filters),
      docker("volume", "ls", "--format", "{{.Name}}", ...filters),
      docker("images", "--format", "{{.Repository}}:{{.Tag}}", ...filters),
    ]);
    return [containers, volumes, images].flatMap(lines).sort();
  }

  /** What lies in the store on the engine's side. */
  stored(): Promise<string[]> {
    return this.inStore("ls sessions 2>/dev/null || true");
  }

  /** What a script prints in the store, by line; nothing where there is no keeper. */
  async inStore(script: string): Promise<string[]> {
    const keeper = lines(
      await docker(
        "ps",
        "-q",
        "--filter",
        `label=airlock.home=${await this.homeId()}`,
        "--filter",
        "label=airlock.role=keeper",
      ),
    );
    if (keeper[0] === undefined) return [];
    return lines(await docker("exec", "-w", "/store", keeper[0], "sh", "-c", script));
  }

  /** Starts a session that holds and gives its id. */
  async start(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.airlock(["start", ...args]);
    if (code !== 0) throw new Error(`start ended with ${code}: ${stderr}`);
    return stdout.toString().trim();
  }

  exec(session: string, script: string): Promise<Result> {
    return this.airlock(["exec", session, "--", "sh", "-c", script]);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    const id = await this.homeId().catch(() => null);
    await super[Symbol.asyncDispose]();
    if (id === null) return;
    const label = ["--filter", `label=airlock.home=${id}`];
    for (const name of lines(await docker("ps", "-aq", ...label))) await docker("rm", "-f", name).catch(() => "");
    for (const name of lines(await docker("volume", "ls", "-q", ...label)))
      await docker("volume", "rm", name).catch(() => "");
    for (const name of lines(await docker("images", "-q", ...label))) await docker("rmi", "-f", name).catch(() => "");
  }
}

/** The most memory that a process ever had, in MiB, read until it ends. */
export async function peakMemory(child: ChildProcess): Promise<number> {
  let peak = 0;
  while (child.exitCode === null && child.signalCode === null) {
    try {
      const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8")) ?? [];
      peak = Math.max(peak, Number(kib ?? 0) / 1024);
    } catch {
      break;
    }
    await sleep(20);
  }
  return peak;
}

/** How a process ended, with what it wrote to stderr. */
export async function ended(child: ChildProcess): Promise<{ readonly code: number | null; readonly stderr: string }> {
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stderr };
}

/** Waits until something holds; fails by the caller's own time limit otherwise. */
export async function until(what: () => Promise<boolean> | boolean, everyMs = 50): Promise<void> {
  while (!(await what())) await sleep(everyMs);
}
