import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectEngine } from "../../src/engine/connect.js";
import type { EngineEndpoint } from "../../src/model/engine.js";
import { engineContract } from "../contract/engine.js";
import { type OwnEngine, startOwnEngine, whyNoOwnEngine } from "../support/own-engine.js";
import { type OwnSshd, startOwnSshd, whyNoSshd } from "../support/own-sshd.js";

const reason = whyNoOwnEngine() ?? (await whyNoSshd());
if (reason !== null) console.warn(`skipped, the engine over ssh: ${reason}`);

describe.skipIf(reason !== null)("an engine over OpenSSH", () => {
  let own: OwnEngine;
  let sshd: OwnSshd;
  const endpoint = (): EngineEndpoint => ({
    kind: "ssh",
    address: `ssh://root@127.0.0.1:${sshd.port}${own.socket}`,
    source: "DOCKER_HOST",
  });
  beforeAll(async () => {
    own = await startOwnEngine();
    sshd = await startOwnSshd(join(own.folder, "sshd"));
  });
  afterAll(async () => {
    await sshd?.[Symbol.asyncDispose]();
    await own?.[Symbol.asyncDispose]();
  });

  engineContract("OpenSSH", {
    open: () => connectEngine(endpoint(), { sshCommand: sshd.command, sshControlFolder: join(own.folder, "share") }),
    bulkBytes: 32 << 20,
  });

  test("works without a shared login, and leaves no ssh behind", async () => {
    const engine = await connectEngine(endpoint(), { sshCommand: sshd.command });
    expect(await engine.listContainers({ "airlock.test": "none" })).toEqual([]);
    await engine[Symbol.asyncDispose]();
    const { stdout } = await promisify(execFile)("ps", ["-eo", "args="]);
    expect(stdout.split("\n").filter((line) => line.includes(`config_right`) && line.includes("dial-stdio"))).toEqual(
      [],
    );
  });

  test.each([
    ["another host key than the known one", () => sshd.commandWithWrongHostKey],
    ["a host key that nobody knows", () => sshd.commandWithNoHostKey],
  ])("is refused with %s", async (_what, command) => {
    await expect(connectEngine(endpoint(), { sshCommand: command() })).rejects.toMatchObject({
      code: "E_ENGINE_UNREACHABLE",
      message: expect.stringContaining("host's key"),
    });
  });

  test("says so when the host lets nobody in, has no engine, or does not exist", async () => {
    const failing = async (address: string, sshCommand: readonly string[]) => {
      const attempt = connectEngine({ ...endpoint(), address }, { sshCommand });
      return await attempt.then(
        () => "connected",
        (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
      );
    };
    const { address } = endpoint();
    expect(await failing(address, sshd.commandWithWrongUserKey)).toMatch(/E_ENGINE_UNREACHABLE.*does not let you in/);
    expect(await failing(`${address}.none`, sshd.command)).toMatch(/E_ENGINE_UNREACHABLE.*no engine runs/);
    expect(await failing("ssh://root@airlock.invalid", sshd.command)).toMatch(/E_ENGINE_UNREACHABLE.*name is unknown/);
    expect(await failing(address, ["/no/such/ssh"])).toMatch(/E_ENGINE_UNREACHABLE/);
  });
});
