import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { urlsIn } from "../../../src/gate/client-urls.js";
import { presetNames, presetRules } from "../../../src/gate/presets.js";
import { parsePattern } from "../../../src/gate/rules.js";

const packageRoot = new URL("../../..", import.meta.url).pathname;
let homedir: string;
beforeEach(() => {
  homedir = mkdtempSync(join(tmpdir(), "airlock-presets-"));
});
afterEach(() => rmSync(homedir, { recursive: true, force: true }));

const place = (aptText = "", env: Readonly<Record<string, string>> = {}) => ({
  packageRoot,
  homedir,
  env: { PATH: "/nonexistent", ...env },
  aptSources: async () => aptText,
});

/** A client of the user that says this about itself. */
function client(name: string, says: string): Readonly<Record<string, string>> {
  const folder = join(homedir, "bin");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `#!/bin/sh\necho '${says}'\n`);
  chmodSync(join(folder, name), 0o755);
  return { PATH: `${folder}:/bin:/usr/bin` };
}

const patterns = async (...args: Parameters<typeof presetRules>) =>
  (await presetRules(...args)).map(({ action, pattern }) => `${action} ${pattern}`);

describe("a preset", () => {
  it("of hosts is understood as rules", async () => {
    for (const name of await presetNames(place())) {
      if (["npm", "pypi", "debian", "go", "crates"].includes(name)) continue;
      for (const { action, pattern } of await presetRules(name, place())) {
        expect(action).toBe("allow");
        expect(() => parsePattern(pattern)).not.toThrow();
      }
    }
  });

  it("of npm is the registry of the user's npm, also a private one on a port of its own", async () => {
    const env = client("npm", "https://mirror.corp.example:8443/npm/");
    expect(await patterns("npm", place("", env))).toEqual(["private mirror.corp.example:8443"]);
  });

  it("of Go is every proxy and the checksum database", async () => {
    const env = client("go", "https://one.example,https://two.example/go|direct https://sum.example");
    expect(await patterns("go", place("", env))).toEqual([
      "private one.example:443",
      "private two.example:443",
      "private sum.example:443",
    ]);
  });

  it("of Debian is what the image's apt asks, which may not lead to a private network by itself", async () => {
    const sources = [
      "# deb http://commented.example/debian bookworm main",
      "deb [signed-by=/k] http://mirror.image.example/debian bookworm main",
      "Types: deb",
      "URIs: https://second.image.example:8443/debian-security",
    ].join("\n");
    expect(await patterns("debian", place(sources))).toEqual([
      "allow mirror.image.example:80",
      "allow second.image.example:8443",
    ]);
  });

  it("of a client that says nothing is an error with what to do", async () => {
    const hint = expect.stringContaining("--allow-host");
    await expect(presetRules("npm", place())).rejects.toMatchObject({ code: "E_NETWORK_INVALID", hint });
    await expect(presetRules("debian", place("# nothing"))).rejects.toMatchObject({
      message: expect.stringContaining("in the image"),
    });
  });
});

describe("addresses in what a client says", () => {
  it.each([
    ["a comment is none", "#http://a.example\n  # https://b.example", []],
    ["what cannot be parsed is none", "http://[bad http://ok.example/x", ["ok.example"]],
    ["a login does not become the host", "https://user:secret@host.example/simple", ["host.example"]],
  ])("%s", (_, text, hosts) => {
    expect(urlsIn(text).map(({ hostname }) => hostname)).toEqual(hosts);
  });
});
