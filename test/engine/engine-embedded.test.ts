import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectEngine } from "../../src/engine/connect.js";
import { startEmbedded, whyNotEmbedded } from "../../src/engine/embedded.js";
import { findEngine } from "../../src/engine/endpoint.js";
import { containerRequest } from "../support/container-request.js";
import { killAllNaming, whyNoOwnEngine } from "../support/own-engine.js";
import { tinyRoot } from "../support/tiny-image.js";

const reason = whyNoOwnEngine();
if (reason !== null) console.warn(`skipped, Airlock's own engine: ${reason}`);

describe.skipIf(reason !== null)("Airlock's own engine", () => {
  let airlockHome = "";
  const options = () => ({
    env: { PATH: "/usr/bin:/bin", DOCKER_HOST: "" },
    platform: "linux",
    uid: 0,
    airlockHome,
  });
  const pid = async () => Number(await readFile(join(airlockHome, "engine", "dockerd.pid"), "utf8"));

  let networkBefore = "";
  const linksAndAddresses = async () => {
    // Other tests' containers come and go: their cables are not looked at.
    const { stdout } = await promisify(execFile)("ip", ["-o", "addr", "show"]);
    const lines = stdout.split("\n").filter((line) => !/veth|\bal\w+@/.test(line));
    return lines.map((line) => line.split(/\s+/).slice(1, 4).join(" ")).join("\n");
  };

  beforeAll(async () => {
    networkBefore = await linksAndAddresses();
    airlockHome = await mkdtemp("/var/tmp/airlock-test-home-");
  });
  afterAll(async () => {
    const daemon = await pid().catch(() => 0);
    if (daemon > 1) process.kill(daemon, "SIGTERM");
    for (let attempt = 0; attempt < 100 && (await pid().catch(() => 0)) > 0; attempt++) await sleep(100);
    await killAllNaming(airlockHome);
    const { stdout } = await promisify(execFile)("cat", ["/proc/mounts"]);
    for (const line of stdout.split("\n").filter((mount) => mount.includes(airlockHome))) {
      await promisify(execFile)("umount", ["-l", line.split(" ")[1] ?? ""]).catch(() => undefined);
    }
    await rm(airlockHome, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });

  test("starts with a private socket, runs a container without a network, and is found again", async () => {
    const [one, two] = await Promise.all([startEmbedded(options()), startEmbedded(options())]);
    expect(one).toEqual(two);
    const first = await pid();
    expect(await startEmbedded(options())).toEqual(one);
    expect(await pid()).toBe(first);
    expect((await stat(join(airlockHome, "engine"))).mode & 0o777).toBe(0o700);

    await using engine = await connectEngine(one);
    const { dataRoot } = await engine.facts();
    expect(dataRoot).toBe(join(airlockHome, "engine", "data"));
    await engine.importImage(await tinyRoot(), "airlock-test/tiny:own", { "airlock.test": "1" });
    const id = await engine.createContainer(containerRequest({ image: "airlock-test/tiny:own", command: ["exit 7"] }));
    const ended = engine.waitContainer(id);
    await engine.startContainer(id);
    expect(await ended).toEqual({ exitCode: 7 });
    expect(await engine.removeContainer(id)).toBe(true);
    expect(await engine.removeImage("airlock-test/tiny:own")).toBe(true);
  });

  test("leaves this machine's network as it was, and does not end with the command that started it", async () => {
    expect(await linksAndAddresses()).toEqual(networkBefore);
    const daemon = await pid();
    const { stdout: session } = await promisify(execFile)("ps", ["-o", "sid=", "-p", String(daemon)]);
    expect(Number(session)).toBe(daemon);
  });

  test("is the last place where an engine is looked for", async () => {
    const { looked } = await findEngine({ ...options(), explicit: undefined, homedir: airlockHome, start: false });
    expect(looked.at(-1)).toMatchObject({ source: "Airlock's own engine" });
  });

  test("is not tried where it cannot be, and says why", () => {
    expect(whyNotEmbedded({ ...options(), platform: "darwin" })).toMatch(/Linux/);
    expect(whyNotEmbedded({ ...options(), uid: 1000 })).toMatch(/root/);
    expect(whyNotEmbedded({ ...options(), airlockHome: `/${"x".repeat(100)}` })).toMatch(/too long/);
    expect(whyNotEmbedded(options())).toBeNull();
  });

  test("that does not start says what it said", async () => {
    const broken = await mkdtemp("/var/tmp/airlock-test-broken-");
    try {
      // The data folder is a file.
      await promisify(execFile)("sh", ["-c", `mkdir ${broken}/engine && touch ${broken}/engine/data`]);
      await expect(startEmbedded({ ...options(), airlockHome: broken })).rejects.toMatchObject({
        code: "E_ENGINE_UNREACHABLE",
        message: expect.stringContaining("does not start"),
        hint: expect.stringContaining("dockerd.log"),
      });
    } finally {
      await killAllNaming(broken);
      await rm(broken, { recursive: true, force: true });
    }
  });
});
