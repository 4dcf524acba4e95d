import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectEngine } from "../../src/engine/connect.js";
import { engineContract } from "../contract/engine.js";
import { type OwnPodman, startOwnPodman, whyNoPodman } from "../support/own-podman.js";

const reason = await whyNoPodman();
if (reason !== null) console.warn(`skipped, Podman: ${reason}`);

describe.skipIf(reason !== null)("Podman (beta)", () => {
  let own: OwnPodman;
  const open = () => connectEngine({ kind: "unix", address: `unix://${own.socket}`, source: "Podman's socket" });
  beforeAll(async () => {
    own = await startOwnPodman();
  });
  afterAll(() => own?.[Symbol.asyncDispose]());

  engineContract("Podman's socket", {
    open,
    bulkBytes: 32 << 20,
    gaps: ["masked-paths-shown", "volume-no-copy"],
    // Podman's own default is more than a root without CAP_SYS_RESOURCE may set.
    ulimits: [{ name: "nproc", soft: 4096, hard: 4096 }],
  });

  test("is told from Docker", async () => {
    await using engine = await open();
    const facts = await engine.facts();
    expect(facts.product).toBe("podman");
    expect(facts.runcVersion).toMatch(/^\d+\.\d+/);
  });
});
