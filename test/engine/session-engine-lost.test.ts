import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestBed } from "../support/cli.js";
import { ended } from "../support/lab.js";
import { type OwnEngine, startOwnEngine, whyNoOwnEngine } from "../support/own-engine.js";

const run = promisify(execFile);

describe.skipIf(whyNoOwnEngine() !== null)("a session whose engine is killed and comes back", () => {
  let engine: OwnEngine;
  let bed: TestBed;
  beforeAll(async () => {
    bed = new TestBed();
    const { stdout, stderr } = await bed.airlock(["image", "build", "--missing"]);
    const [image = ""] = /airlock\/sandbox:[0-9a-f]+/.exec(stdout.toString() + stderr) ?? [];
    engine = await startOwnEngine();
    await run("sh", ["-c", `docker save ${image} | docker -H unix://${engine.socket} load`], { timeout: 120_000 });
  });
  afterAll(async () => {
    await engine?.[Symbol.asyncDispose]();
  });

  it("ends the run with 125, keeps its work, and can be gone on with", async () => {
    const env = { DOCKER_HOST: `unix://${engine.socket}` };
    const child = bed.spawn(
      ["run", "--name", "cut-off", "--", "sh", "-c", "echo work > made; sync; echo ready; sleep 300"],
      { env },
    );
    const end = ended(child);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    await engine.kill();
    const { code, stderr } = await end;
    expect(stderr).toMatch(/the engine went away while the command ran/);
    expect(stderr).toMatch(/hint: the work is kept/);
    expect(code).toBe(125);
    // A daemon that crashed would else take its dead containerd for a living one.
    for (const left of ["exec", "pid"]) rmSync(join(engine.folder, left), { recursive: true, force: true });
    await engine.restart();
    const { state } = await bed.json<{ state: string }>(["status", "cut-off", "--json"], { env });
    expect(state).toBe("interrupted");
    const made = await bed.airlock(["exec", "cut-off", "--", "cat", "made"], { env });
    expect([made.stdout.toString(), made.stderr]).toEqual(["work\n", ""]);
    expect((await bed.airlock(["discard", "cut-off"], { env })).code).toBe(0);
    await bed[Symbol.asyncDispose]();
  });
});
