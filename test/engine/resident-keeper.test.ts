import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { connectEngine } from "../../src/engine/connect.js";
import { contentHash } from "../../src/image/context.js";
import { ensureSandboxImage } from "../../src/image/sandbox-image.js";
import { openWorkbench, type Workbench } from "../../src/session/workbench.js";
import { docker } from "../support/lab.js";

const packageRoot = fileURLToPath(new URL("../..", import.meta.url));
const { signal } = new AbortController();
const hash = contentHash(packageRoot);
let home: string;
let bench: Workbench;

/** A workbench of its own, as each command has one. */
const open = (): Promise<Workbench> =>
  openWorkbench({
    env: { AIRLOCK_HOME: home },
    homedir: home,
    platform: process.platform,
    uid: process.getuid?.() ?? 0,
    gid: 0,
    imageHash: hash,
    packageRoot: new URL("../..", import.meta.url).pathname,
    signal,
    engineAddress: "unix:///var/run/docker.sock",
    onProgress: () => undefined,
  });

/** Uses the keeper as a new command does; tells whether it took an exec. */
async function usesExec(): Promise<boolean> {
  await using command = await open();
  const { container } = await command.keeperContainer();
  const keeper = await command.keeper();
  expect(await keeper.listSessions()).toEqual([]);
  return (await docker("inspect", "-f", "{{len .ExecIDs}}", container)) !== "0";
}

const socketFolder = (): string => join(home, "keeper", readdirSync(join(home, "keeper"))[0] ?? "");

async function socketIsThere(): Promise<void> {
  for (let tries = 0; tries < 200 && !readdirSync(socketFolder()).includes("keeper.sock"); tries += 1) await sleep(25);
}

beforeAll(async () => {
  await using engine = await connectEngine({ kind: "unix", address: "unix:///var/run/docker.sock", source: "test" });
  const progress = { step() {}, detail() {}, note() {}, [Symbol.dispose]() {} };
  await ensureSandboxImage({ engine, packageRoot, hash, env: process.env, signal, progress });
});

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "airlock-resident-"));
  bench = await open();
  await bench.keeperContainer();
  await socketIsThere();
});

afterEach(async () => {
  const engine = await bench.engine();
  const labels = { "airlock.home": bench.home.id };
  for (const { id } of await engine.listContainers(labels)) await engine.removeContainer(id);
  for (const { name } of await engine.listVolumes(labels)) await engine.removeVolume(name);
  await bench[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

describe("the keeper of a state folder whose files the engine sees", () => {
  it("answers on its socket, without an exec", async () => {
    expect(await usesExec()).toBe(false);
  });

  it("answers by an exec while its socket does not", async () => {
    rmSync(join(socketFolder(), "keeper.sock"));
    expect(await usesExec()).toBe(true);
  });

  it("answers by an exec where its folder is open to others", async () => {
    chmodSync(socketFolder(), 0o755);
    expect(await usesExec()).toBe(true);
  });

  it("answers by an exec when the state folder was lost, and starts again without it", async () => {
    rmSync(home, { recursive: true });
    expect(await usesExec()).toBe(true);
    await docker("kill", (await bench.keeperContainer()).container);
    await usesExec();
    await socketIsThere();
    expect(await usesExec()).toBe(false);
  });

  it("answers on its socket again after its container was killed, stopped or paused", async () => {
    const { container } = await bench.keeperContainer();
    for (const action of ["kill", "stop", "pause"]) {
      const began = Date.now();
      await docker(action, container);
      expect(Date.now() - began).toBeLessThan(8_000);
      await usesExec();
      // The first command may come before the new socket.
      for (let tries = 0; tries < 40 && (await usesExec()); tries += 1) await sleep(50);
      expect(await usesExec()).toBe(false);
    }
  });

  it("keeps no connection of commands that end before what they prepared is there", async () => {
    for (const afterMs of [0, 1, 2, 5, 10, 20, 40]) {
      const command = await open();
      command.prepare();
      await sleep(afterMs);
      await command[Symbol.asyncDispose]();
    }
    const { container } = await bench.keeperContainer();
    const processes = async (): Promise<number> =>
      (await docker("top", container, "-eo", "pid,args")).split("\n").length - 1;
    for (let tries = 0; tries < 40 && (await processes()) > 1; tries += 1) await sleep(50);
    expect(await processes()).toBe(1);
  });

  it("has its six capabilities and no other, and no network", async () => {
    const { container } = await bench.keeperContainer();
    const found = await docker("exec", container, "sh", "-c", "grep CapEff /proc/1/status; ls /sys/class/net");
    expect(found.split("\n")).toEqual(["CapEff:\t000000000820001b", "lo"]);
  });
});
