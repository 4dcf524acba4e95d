import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { contentHash, contextFiles } from "../../../src/image/context.js";
import { PackageFixture } from "./package-fixture.js";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
let fixture: PackageFixture;
beforeEach(() => {
  fixture = new PackageFixture();
});
afterEach(() => fixture[Symbol.dispose]());

describe("the content hash of the image", () => {
  it.each(["images/sandbox/Dockerfile", "init/main.c", "hatch/main.c", "toolserver/main.c", "keeper/deep/er.py"])(
    "changes with %s",
    (path) => {
      const before = contentHash(fixture.root);
      fixture.write(path, "other\n");
      expect(contentHash(fixture.root)).not.toBe(before);
    },
  );

  it("stays when something else of the package changes, or Python leaves its cache", () => {
    const before = contentHash(fixture.root);
    fixture.write("README.md", "x");
    fixture.write("images/base/make-rootfs", "x");
    fixture.write("keeper/__pycache__/main.pyc", "x");
    expect(contentHash(fixture.root)).toBe(before);
  });

  it("tells a file's end from the next file's beginning", () => {
    fixture.write("init/a.c", "one");
    fixture.write("init/b.c", "two");
    const before = contentHash(fixture.root);
    fixture.write("init/a.c", "onet");
    fixture.write("init/b.c", "wo");
    expect(contentHash(fixture.root)).not.toBe(before);
  });
});

describe("the build context", () => {
  it("has the Dockerfile at its root and hatch, init, keeper and toolserver as folders", () => {
    const names = contextFiles(fixture.root).map(({ name }) => name);
    expect(names.sort()).toEqual([
      "Dockerfile",
      "hatch/main.c",
      "init/main.c",
      "keeper/main.py",
      "node.lock.json",
      "packages.txt",
      "toolserver/main.c",
    ]);
  });

  it("leaves nothing of the image out of an npm package", () => {
    const packed = JSON.parse(
      execFileSync("npm", ["pack", "--dry-run", "--ignore-scripts", "--json", "--silent"], {
        cwd: repository,
        encoding: "utf8",
      }),
    ) as [{ files: { path: string }[] }];
    const shipped = new Set(packed[0].files.map(({ path }) => path));
    const needed = contextFiles(repository).map(({ name }) =>
      /^(hatch|init|keeper|toolserver)\//.test(name) ? name : `images/sandbox/${name}`,
    );
    expect(needed.filter((path) => !shipped.has(path))).toEqual([]);
    expect(shipped).toContain("images/base/make-rootfs");
  });
});
