import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { TestBed } from "../support/cli.js";

const bed = new TestBed();
afterAll(() => bed[Symbol.asyncDispose]());

/** A run whose command has said that it is ready, with what it says after. */
class Running {
  output = "";
  readonly child: ChildProcess;
  readonly #closed: Promise<unknown[]>;

  constructor(script: string, extra: readonly string[] = []) {
    this.child = bed.spawn(["run", "--quiet", ...extra, "--", "bash", "-c", script]);
    this.#closed = once(this.child, "close", { signal: AbortSignal.timeout(40_000) });
    this.child.stdout?.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
  }

  async says(text: string): Promise<void> {
    const signal = AbortSignal.timeout(20_000);
    while (!this.output.includes(text)) await once(this.child.stdout as NodeJS.ReadableStream, "data", { signal });
  }

  async end(): Promise<number | null> {
    const [code] = await this.#closed;
    return code as number | null;
  }
}

async function keptAndStopped(): Promise<void> {
  const sessions = await bed.json<{ id: string; state: string }[]>(["ls", "--json"]);
  expect(sessions).toMatchObject([{ state: "stopped" }]);
  expect((await bed.leftovers()).filter((name) => !/-(workspace|home)$/.test(name))).toEqual([]);
  expect((await bed.airlock(["diff", "--name-only"])).stdout.toString().trim()).toBe("work");
  await bed.json(["discard", "--json"]);
  expect(await bed.leftovers()).toEqual([]);
}

const wait = "echo x > work; echo ready; while :; do sleep 0.1; done";

describe("a signal to a run without a terminal", () => {
  it.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
    ["SIGHUP", 129],
  ] as const)(
    "%s reaches the command, whose end is the exit code: the work is kept, nothing runs on",
    async (name, code) => {
      const run = new Running(`trap 'echo caught; exit ${code}' ${name}; ${wait}`);
      await run.says("ready");
      run.child.kill(name);
      expect(await run.end()).toBe(code);
      expect(run.output).toContain("caught");
      await keptAndStopped();
    },
  );

  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("%s ends a command that does not handle it", async (name) => {
    const run = new Running(`echo x > work; echo ready; exec sleep 600`);
    await run.says("ready");
    run.child.kill(name);
    expect(await run.end()).toBe({ SIGTERM: 143, SIGINT: 130, SIGHUP: 129 }[name]);
    await keptAndStopped();
  });

  it("lets the command answer a signal and go on", async () => {
    const run = new Running(`trap 'echo caught' INT; trap 'exit 9' TERM; ${wait}`);
    await run.says("ready");
    run.child.kill("SIGINT");
    await run.says("caught");
    run.child.kill("SIGTERM");
    expect(await run.end()).toBe(9);
    await keptAndStopped();
  });

  it("kills a command that ignores SIGINT at the third", async () => {
    const run = new Running(`trap '' INT; ${wait}`);
    await run.says("ready");
    for (let count = 0; count < 3; count += 1) {
      run.child.kill("SIGINT");
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(await run.end()).toBe(137);
    await keptAndStopped();
  });

  it("ends a start-up in the middle and leaves nothing", async () => {
    for (const delayMs of [60, 150, 250, 350]) {
      const run = new Running("exec sleep 600", ["--on-exit", "discard"]);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      run.child.kill("SIGTERM");
      expect(await run.end()).not.toBe(0);
      expect(await bed.leftovers()).toEqual([]);
    }
    expect(await bed.json(["ls", "--json"])).toEqual([]);
  });
});

describe("a signal to a run at a terminal", () => {
  it("reaches the command, which may end as it wants", async () => {
    const session = bed.terminal([
      "run",
      "--on-exit",
      "discard",
      "--",
      "sh",
      "-c",
      `trap 'echo caught; exit 7' TERM; ${wait}`,
    ]);
    await session.waitFor(/ready/);
    session.kill("SIGTERM");
    await session.waitFor(/caught/);
    expect(await session.exit).toBe(7);
  });

  it("kills a command that goes on, after a while or at the second", async () => {
    const deaf = ["run", "--on-exit", "discard", "--", "sh", "-c", `trap '' TERM; ${wait}`];
    const [patient, pressed] = [bed.terminal(deaf), bed.terminal(deaf)];
    await Promise.all([patient.waitFor(/ready/), pressed.waitFor(/ready/)]);
    const began = Date.now();
    patient.kill("SIGTERM");
    pressed.kill("SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 300));
    pressed.kill("SIGTERM");
    expect(await pressed.exit).toBe(137);
    expect(Date.now() - began).toBeLessThan(8_000);
    expect(await patient.exit).toBe(137);
    expect(Date.now() - began).toBeGreaterThan(9_000);
  });
});

describe("an exec", () => {
  it("whose command ignores SIGINT is killed at the third", async () => {
    const id = (await bed.airlock(["start"])).stdout.toString().trim();
    const child = bed.spawn(["exec", id, "--", "bash", "-c", `trap '' INT; ${wait}`]);
    const ended = once(child, "close", { signal: AbortSignal.timeout(40_000) });
    await once(child.stdout as NodeJS.ReadableStream, "data", { signal: AbortSignal.timeout(20_000) });
    for (let count = 0; count < 3; count += 1) {
      child.kill("SIGINT");
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    expect((await ended)[0]).toBe(137);
    await bed.airlock(["discard", id]);
  });
});

describe("a value given by --env", () => {
  it.each([["-e", "TOKEN=hunter2-in-the-list"], ["--env=TOKEN=hunter2-in-the-list"], ["-eTOKEN=hunter2-in-the-list"]])(
    "is in nobody's list of processes (%s)",
    async (...env) => {
      const run = new Running("echo $TOKEN; sleep 20", ["--on-exit", "discard", ...env]);
      await run.says("hunter2-in-the-list");
      expect(readFileSync(`/proc/${run.child.pid}/cmdline`, "latin1").replace(/\0+$/, "")).toBe("airlock");
      run.child.kill("SIGTERM");
      await run.end();
    },
  );
});
