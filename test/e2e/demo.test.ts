import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { TestBed } from "../support/cli.js";

const demo = fileURLToPath(new URL("../../demo/run", import.meta.url));
const run = promisify(execFile);

describe("the demo", () => {
  it("proves without a terminal, in plain lines, that the project was not touched", async () => {
    await using bed = new TestBed();
    const { stdout } = await run(demo, { env: bed.env(), timeout: 120_000, killSignal: "SIGKILL" });
    expect(stdout).not.toContain("\u001b");
    expect(stdout).not.toContain("GOT THROUGH");
    expect(stdout).toMatch(/src \(deleted\)/);
    expect(stdout).toMatch(/clean: nothing of the session is left/);
    expect(stdout.match(/✓/g)).toHaveLength(4);
    expect(stdout).toContain("bit-identical");
  });
});
