import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectEngine } from "../../src/engine/connect.js";
import type { EngineEndpoint } from "../../src/model/engine.js";
import { engineContract } from "../contract/engine.js";
import { makeCertificates, type OwnEngine, startOwnEngine, whyNoOwnEngine } from "../support/own-engine.js";

const reason = whyNoOwnEngine();
if (reason !== null) console.warn(`skipped, the engine over TLS: ${reason}`);

describe.skipIf(reason !== null)("an engine over mutual TLS", () => {
  let own: OwnEngine | undefined;
  const endpoint = (changes: Partial<EngineEndpoint> = {}): EngineEndpoint => ({
    kind: "tls",
    address: own?.address ?? "",
    certificates: own?.certificates ?? "",
    source: "DOCKER_HOST",
    ...changes,
  });
  beforeAll(async () => {
    own = await startOwnEngine({ tls: true });
  });
  afterAll(() => own?.[Symbol.asyncDispose]());

  engineContract("mutual TLS", { open: () => connectEngine(endpoint()), bulkBytes: 64 << 20 });

  test("is refused when its certificate is signed by somebody else", async () => {
    const folder = join(own?.folder ?? "", "stranger");
    await makeCertificates(folder, "127.0.0.1");
    await expect(connectEngine(endpoint({ certificates: folder }))).rejects.toMatchObject({
      code: "E_ENGINE_UNREACHABLE",
      message: expect.stringContaining("TLS"),
    });
  });

  test("is refused when its certificate is for another host", async () => {
    const address = own?.addressNotInCertificate ?? "";
    await expect(connectEngine(endpoint({ address }))).rejects.toMatchObject({ code: "E_ENGINE_UNREACHABLE" });
  });

  test("is not reached without a client certificate", async () => {
    const folder = join(own?.folder ?? "", "anonymous");
    await cp(own?.certificates ?? "", folder, { recursive: true });
    await Promise.all(["cert.pem", "key.pem"].map((name) => rm(join(folder, name))));
    await expect(connectEngine(endpoint({ certificates: folder }))).rejects.toMatchObject({
      code: "E_ENGINE_UNREACHABLE",
    });
  });

  test("does not answer to one who speaks no TLS", async () => {
    await expect(connectEngine(endpoint({ kind: "tcp" }))).rejects.toMatchObject({
      code: "E_ENGINE_ANSWER",
      hint: expect.stringContaining("DOCKER_TLS_VERIFY"),
    });
  });
});
