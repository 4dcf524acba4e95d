import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Result } from "../support/cli.js";
import { docker, ended, Lab, peakMemory, until } from "../support/lab.js";

let lab: Lab;
beforeAll(() => {
  lab = new Lab();
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

const maxCliMiB = 200;
const forkMany = "import os,time\nfor i in range(150):\n if os.fork()==0:\n  time.sleep(2); os._exit(0)\n";
const megabytes = (count: number): string => `x = bytearray(${count} * 10**6)`;

/** Runs a script in a session that is thrown away. */
const bash = (options: readonly string[], script: string): Promise<Result> =>
  lab.airlock(["run", "--on-exit", "discard", ...options, "--", "bash", "-c", script]);
const python = (options: readonly string[], script: string): Promise<Result> =>
  lab.airlock(["run", "--on-exit", "discard", ...options, "--", "python3", "-c", script]);

async function expectNothingLeft(): Promise<void> {
  expect(await lab.held()).toEqual([]);
  expect(await lab.stored()).toEqual([]);
}

describe("a sandbox that eats", () => {
  it("processes gets no more of them than its limit, and the same program runs within a larger one", async () => {
    const [few, many] = await Promise.all([python(["--pids", "64"], forkMany), python(["--pids", "512"], forkMany)]);
    expect(few.stderr).toContain("Resource temporarily unavailable");
    expect(few.code).toBe(1);
    expect(many).toMatchObject({ code: 0, stderr: "" });
    await expectNothingLeft();
  });

  it("the machine with a fork bomb leaves other commands answering, and is ended by its time limit", async () => {
    const bomb = lab.spawn([
      "run",
      "--name",
      "fork-bomb",
      "--pids",
      "64",
      "--timeout",
      "6s",
      "--",
      "bash",
      "-c",
      ":(){ :|:& };:; sleep 60",
    ]);
    let heard = "";
    bomb.stderr?.on("data", (chunk: Buffer) => (heard += chunk.toString()));
    bomb.stdout?.resume();
    const end = ended(bomb);
    await until(() => heard.includes("Resource temporarily unavailable") || bomb.exitCode !== null);
    const running = await docker("inspect", "--format", "{{.State.Pid}}", "airlock-fork-bomb-1");
    const before = Date.now();
    const { state } = await lab.json<{ state: string }>(["status", "fork-bomb", "--json"]);
    expect(state).toBe("running");
    expect(Date.now() - before).toBeLessThan(4_000);
    const { code, stderr } = await end;
    expect(code).toBeGreaterThanOrEqual(128);
    expect(stderr).toContain("the command was stopped: timeout: it ran for 6 s");
    await until(() => !isAlive(Number(running)));
    expect((await lab.airlock(["discard", "fork-bomb"])).code).toBe(0);
    await expectNothingLeft();
  });

  it("memory is killed with the reason named, and the same program runs within a larger limit", async () => {
    const [small, large] = await Promise.all([
      python(["--memory", "128m"], megabytes(400)),
      python(["--memory", "1g"], megabytes(400)),
    ]);
    expect(small.code).toBe(137);
    expect(small.stderr).toContain("the command was stopped: memory: it used more than its limit");
    expect(large).toMatchObject({ code: 0, stderr: "" });
    await expectNothingLeft();
  });

  it.each([
    ["written bit by bit", "head -c 60000000 /dev/zero > big"],
    ["made at one stroke", "fallocate -l 60M big"],
  ])("the disk with one file %s ends with the reason named, and runs within a larger limit", async (_, script) => {
    const [small, large] = await Promise.all([bash(["--disk", "20m"], script), bash(["--disk", "2g"], script)]);
    expect(small.stderr).toContain("the command was stopped: disk: it wrote a file as large as its whole limit");
    expect(small.code).toBe(153);
    expect(large).toMatchObject({ code: 0, stderr: "" });
    await expectNothingLeft();
  });

  const fill = (folder: string): string =>
    `for i in 1 2 3 4; do head -c 15000000 /dev/zero > ${folder}/$i; done; sleep 6`;
  const fills: Readonly<Record<string, readonly [string[], string]>> = {
    "the disk with large files": [[], fill(".")],
    "the disk through the home folder": [[], fill("~")],
    "the disk with many small files": [[], "mkdir d; for i in $(seq 12000); do echo > d/$i; done; sleep 6"],
  };
  it.each(Object.entries(fills))(
    "%s is stopped with the reason named, and runs within a larger limit",
    async (_, [options, script]) => {
      const [small, large] = await Promise.all([
        bash(["--disk", "20m", ...options], script),
        bash(["--disk", "2g", ...options], script),
      ]);
      expect(small.stderr).toMatch(/the command was stopped: disk: it wrote \d+ MiB, the limit is 20 MiB/);
      expect(small.code).toBe(137);
      expect(large.code, large.stderr).toBe(0);
      await expectNothingLeft();
    },
  );

  it("/tmp and /dev/shm fills those, not the host's memory", async () => {
    const script =
      "for f in /tmp /dev/shm; do df -B1 --output=size $f | tail -1; head -c 6G /dev/zero > $f/x && echo filled; rm -f $f/x; done";
    const { stdout, stderr } = await bash(["--memory", "256m", "--timeout", "30s"], script);
    expect(stdout.toString()).not.toContain("filled");
    expect(stderr).toMatch(/No space left on device|the command was stopped: memory/);
    await expectNothingLeft();
  });

  it("time is stopped with the reason named, also when it does not listen to SIGTERM", async () => {
    const [polite, deaf] = await Promise.all([
      bash(["--timeout", "2s"], "sleep 100"),
      bash(["--timeout", "2s"], "trap '' TERM; while :; do sleep 1; done"),
    ]);
    for (const { code, stderr } of [polite, deaf]) {
      expect(code).toBeGreaterThanOrEqual(128);
      expect(stderr).toContain("the command was stopped: timeout: it ran for 2 s");
    }
    await expectNothingLeft();
  });

  it("nothing, but leaves daemons behind, has them ended with its command", async () => {
    const marker = `${process.pid}${Date.now()}`.slice(-9);
    const { code } = await bash([], `(setsid sleep ${marker} >/dev/null 2>&1 &) ; exit 3`);
    expect(code).toBe(3);
    expect(await processesWith(marker)).toEqual([]);
  });
});

describe("a sandbox that floods its output", () => {
  it("hands on a line of 500 MB exactly, in the memory of a short one", async () => {
    const bytes = 500_000_000;
    const child = lab.spawn([
      "run",
      "--on-exit",
      "discard",
      "--",
      "bash",
      "-c",
      `head -c ${bytes} /dev/zero | tr '\\0' a`,
    ]);
    const hash = createHash("sha256");
    let size = 0;
    child.stdout?.on("data", (chunk: Buffer) => {
      size += chunk.length;
      hash.update(chunk);
    });
    const [peak, { code, stderr }] = await Promise.all([peakMemory(child), ended(child)]);
    expect({ code, stderr, size }).toEqual({ code: 0, stderr: "", size: bytes });
    const wanted = createHash("sha256");
    const block = Buffer.alloc(1_000_000, "a");
    for (let done = 0; done < bytes; done += block.length) wanted.update(block);
    expect(hash.digest("hex")).toBe(wanted.digest("hex"));
    expect(peak).toBeGreaterThan(20);
    expect(peak).toBeLessThan(maxCliMiB);
  });

  it("waits for a reader who does not read instead of collecting, and still ends by its time limit", async () => {
    const child = lab.spawn(["run", "--on-exit", "discard", "--timeout", "5s", "--", "yes"]);
    const outcome = ended(child);
    const peak = peakMemory(child);
    child.stdout?.pause();
    await sleep(4_000);
    const { code } = await lab.airlock(["ls"]);
    expect(code).toBe(0);
    await sleep(3_000);
    child.stdout?.resume();
    const { code: end, stderr } = await outcome;
    expect(stderr).toContain("timeout: it ran for 5 s");
    expect(end).toBeGreaterThanOrEqual(128);
    expect(await peak).toBeLessThan(maxCliMiB);
    await expectNothingLeft();
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function processesWith(marker: string): Promise<string[]> {
  const { readdir, readFile } = await import("node:fs/promises");
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found: string[] = [];
  for (const pid of pids) {
    const line = await readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "");
    if (line.startsWith(`sleep\0${marker}`)) found.push(line);
  }
  return found;
}
