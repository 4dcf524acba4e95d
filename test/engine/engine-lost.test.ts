import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connectEngine } from "../../src/engine/connect.js";
import { findEngine } from "../../src/engine/endpoint.js";
import type { Engine } from "../../src/model/engine.js";
import { Bench, readAll } from "../contract/engine-bench.js";
import { type OwnEngine, startOwnEngine, whyNoOwnEngine } from "../support/own-engine.js";

const reason = whyNoOwnEngine();
if (reason !== null) console.warn(`skipped, an engine that goes away: ${reason}`);

describe.skipIf(reason !== null)("an engine that", () => {
  let own: OwnEngine;
  let bench: Bench;
  let engine: Engine;
  beforeEach(async () => {
    own = await startOwnEngine({ tls: true });
    const open = () =>
      connectEngine({ kind: "unix", address: `unix://${own.socket}`, source: "a test" }, { timeoutMs: 2_000 });
    bench = new Bench({ open, bulkBytes: 0 });
    await bench.open();
    engine = bench.engine;
  });
  afterEach(() => own?.[Symbol.asyncDispose]());

  test("is killed in the middle of an exec, an attach and a wait ends all of them with an error", async () => {
    const id = await bench.create("cat; sleep 100", { openStdin: true });
    const streams = await engine.attachContainer(id, { tty: false });
    const ended = engine.waitContainer(id);
    await engine.startContainer(id);
    const exec = await engine.exec({ container: id, command: ["/bin/sh", "-c", "echo up; sleep 100"], tty: false });
    const exitCode = exec.exitCode();
    await new Promise((resolve) => exec.stdout.once("data", resolve));
    const outcomes = Promise.allSettled([ended, exitCode, readAll(streams.stdout), readAll(exec.stdout)]);
    await own.kill();
    const [waited, code] = await outcomes;
    expect(waited).toMatchObject({ status: "rejected", reason: { code: "E_ENGINE_LOST" } });
    expect(code).toMatchObject({
      status: "rejected",
      reason: { code: expect.stringMatching(/^E_ENGINE_(LOST|UNREACHABLE)$/) },
    });
    await expect(engine.inspectContainer(id)).rejects.toMatchObject({ code: "E_ENGINE_UNREACHABLE" });
    await streams[Symbol.asyncDispose]();
    await exec[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
  });

  test("is stopped and does not answer any more ends every call in time", async () => {
    const id = await bench.create("true");
    own.process.kill("SIGSTOP");
    try {
      await expect(engine.inspectContainer(id)).rejects.toMatchObject({ code: "E_ENGINE_LOST" });
      await expect(connectEngine(engine.endpoint)).rejects.toMatchObject({ code: "E_ENGINE_UNREACHABLE" });
    } finally {
      own.process.kill("SIGCONT");
    }
    expect(await engine.removeContainer(id)).toBe(true);
    await bench.close();
  });

  test("was restarted is used again by the same connection, also over connections that it kept", async () => {
    await using secured = await connectEngine({
      kind: "tls",
      address: own.address,
      certificates: own.certificates,
      source: "a test",
    });
    const id = await bench.create("true");
    const volume = { name: "airlock-test-kept", labels: { "airlock.home": "test" }, driverOptions: {} };
    await engine.createVolume(volume);
    await Promise.all([1, 2, 3].map(() => secured.inspectContainer(id)));
    await own.restart();
    expect((await secured.inspectContainer(id))?.status).toBe("created");
    expect((await engine.inspectContainer(id))?.status).toBe("created");
    // Right after its restart Docker hands the volume back without its labels.
    expect((await engine.createVolume(volume)).labels).toEqual(volume.labels);
    expect(await engine.removeVolume(volume.name)).toBe(true);
    expect(await secured.removeContainer(id)).toBe(true);
    await bench.close();
  });

  test("is found by its socket, after places where nobody answers", async () => {
    const { endpoint, looked } = await findEngine({
      explicit: undefined,
      env: { DOCKER_CONFIG: `${own.folder}/none`, AIRLOCK_ENGINE: own.socket },
      homedir: own.folder,
      platform: "linux",
      uid: 0,
      airlockHome: own.folder,
    });
    expect(endpoint.address).toBe(`unix://${own.socket}`);
    expect(looked).toMatchObject([{ source: "AIRLOCK_ENGINE", verdict: "used" }]);
    await bench.close();
  });
});
