import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fetchNodePackages } from "../../../src/image/node-packages.js";
import { PackageFixture } from "./package-fixture.js";

let fixture: PackageFixture;
let folder: string;
beforeEach(() => {
  fixture = new PackageFixture();
  folder = join(fixture.root, "downloads");
  mkdirSync(folder);
});
afterEach(() => fixture[Symbol.dispose]());

const fetch = (signal = new AbortController().signal) =>
  fetchNodePackages({ packageRoot: fixture.root, architecture: "amd64", folder, env: fixture.env, signal });

describe("fetching Node and npm", () => {
  it("asks the user's own npm for the pinned versions and names the files for the Dockerfile", async () => {
    fixture.program("npm", `echo "$@" > "${fixture.root}/asked"; printf node > n.tgz; printf npm > m.tgz`);
    const files = await fetch();
    expect(files.map(({ name }) => name)).toEqual(["node.tgz", "npm.tgz"]);
    expect(files[0]?.content).toEqual({ path: join(folder, "n.tgz"), size: 4 });
    expect(readFileSync(join(fixture.root, "asked"), "utf8")).toContain("node-x@1.0.0 npm@2.0.0");
  });

  it("refuses what the lock file does not name, whatever it is called", async () => {
    fixture.program("npm", "printf evil > node-x-1.0.0.tgz; printf npm > npm.tgz");
    await expect(fetch()).rejects.toMatchObject({
      code: "E_IMAGE_BUILD",
      message: expect.stringContaining("node-x@1.0.0"),
    });
  });

  it("says what npm said when it fails", async () => {
    fixture.program("npm", "echo 'npm error code E404' >&2; exit 1");
    await expect(fetch()).rejects.toMatchObject({ code: "E_IMAGE_BUILD", message: expect.stringContaining("E404") });
  });

  it("says what to do when there is no npm", async () => {
    const signal = new AbortController().signal;
    const env = { PATH: fixture.programs };
    await expect(
      fetchNodePackages({ packageRoot: fixture.root, architecture: "amd64", folder, env, signal }),
    ).rejects.toMatchObject({ code: "E_IMAGE_BUILD", hint: expect.stringContaining("npm") });
  });

  it("ends npm when it is interrupted", async () => {
    fixture.program("npm", "exec sleep 30");
    await expect(fetch(AbortSignal.timeout(100))).rejects.toMatchObject({ name: "TimeoutError" });
  });
});
