import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { allowHostAlways } from "../../../src/config/allow-host.js";
import { parseConfig } from "../../../src/config/parse.js";

describe("a host that is always allowed", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "airlock-allow-"));
    path = join(folder, "airlock", "config.yaml");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const text = (): string => readFileSync(path, "utf8");

  it("makes the user's file where there is none, once for each host", async () => {
    await allowHostAlways(path, "a.example:443");
    await allowHostAlways(path, "a.example:443");
    await allowHostAlways(path, "[2001:db8::1]:443");
    expect(parseConfig(text(), path, "user").network?.allow).toEqual(["a.example:443", "[2001:db8::1]:443"]);
  });

  it("leaves comments and everything else as they were", async () => {
    await allowHostAlways(path, "a.example:443");
    const before =
      "# mine\nlimits:\n  memory: 2g # enough\nnetwork:\n  # hosts\n  allow:\n    - b.example # for work\n";
    writeFileSync(path, before);
    await allowHostAlways(path, "c.example:8443");
    expect(text()).toBe(`${before}    - c.example:8443\n`);
  });

  it("touches no file with a mistake in it", async () => {
    await allowHostAlways(path, "a.example:443");
    writeFileSync(path, "network: [\n");
    await expect(allowHostAlways(path, "b.example:443")).rejects.toThrow(/has a mistake/);
    expect(text()).toBe("network: [\n");
  });
});
