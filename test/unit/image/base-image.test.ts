import { arch } from "node:os";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AirlockError } from "../../../src/base/errors.js";
import { ensureBaseImage, type ImageWork, localBaseTag } from "../../../src/image/base-image.js";
import type { BuildProgress } from "../../../src/image/progress.js";
import { buildSandboxImage } from "../../../src/image/sandbox-image.js";
import type { Engine } from "../../../src/model/engine.js";
import { PackageFixture, pinned } from "./package-fixture.js";

/** Images as an engine keeps them; `pulls` tells whether the registry is reachable. */
class ImageShelf {
  readonly images = new Map<string, string>();
  readonly calls: string[] = [];
  pulls = false;
  architecture = arch() === "x64" ? "amd64" : arch();

  facts = async () => ({ architecture: this.architecture });
  inspectImage = async (reference: string) => (this.images.has(reference) ? { id: reference } : null);
  removeImage = async (reference: string) => this.images.delete(reference) || true;
  pullImage = async (reference: string) => {
    this.calls.push("pull");
    if (!this.pulls) throw new AirlockError("E_IMAGE_MISSING", "no such host");
    this.images.set(reference, "pulled");
  };
  importImage = async (root: AsyncIterable<Uint8Array>, tag: string) => {
    this.calls.push("import");
    this.images.set(tag, await text(root as never));
    return tag;
  };
}

let fixture: PackageFixture;
let shelf: ImageShelf;
let notes: string[];
beforeEach(() => {
  fixture = new PackageFixture();
  fixture.makeRootfs("printf rootfs");
  shelf = new ImageShelf();
  notes = [];
});
afterEach(() => fixture[Symbol.dispose]());

function work(signal = new AbortController().signal): ImageWork {
  const progress: BuildProgress = {
    step: (line) => void notes.push(line),
    detail: () => undefined,
    note: (line) => void notes.push(line),
  };
  const engine = shelf as unknown as Engine;
  return { engine, packageRoot: fixture.root, hash: "0".repeat(12), env: fixture.env, signal, progress };
}

describe("the base image", () => {
  it("is the pinned one, pulled when it is not there", async () => {
    shelf.pulls = true;
    expect(await ensureBaseImage(work())).toBe(pinned);
    expect(await ensureBaseImage(work())).toBe(pinned);
    expect(shelf.calls).toEqual(["pull"]);
  });

  it("is made from Debian packages when it cannot be pulled, which is said", async () => {
    const tag = await ensureBaseImage(work());
    expect(tag).toBe(localBaseTag(fixture.root));
    expect(shelf.images.get(tag)).toBe("rootfs");
    expect(notes.join("\n")).toMatch(/cannot be pulled.*\n.*Debian packages/);
  });

  it("is not made or pulled a second time", async () => {
    const tag = await ensureBaseImage(work());
    shelf.calls.length = 0;
    expect(await ensureBaseImage(work())).toBe(tag);
    expect(shelf.calls).toEqual([]);
  });

  it("is another one when the list of packages changes", async () => {
    const tag = await ensureBaseImage(work());
    fixture.write("images/sandbox/packages.txt", "git\nhtop\n");
    expect(await ensureBaseImage(work())).not.toBe(tag);
  });

  it("does not stay half made: a script that fails leaves no image and its last words are told", async () => {
    fixture.makeRootfs("printf half; echo 'E: mirror gone' >&2; exit 7");
    await expect(ensureBaseImage(work())).rejects.toMatchObject({
      code: "E_IMAGE_MISSING",
      message: expect.stringContaining("E: mirror gone"),
    });
    expect(shelf.images.size).toBe(0);
  });

  it("does not stay half made when it is interrupted", async () => {
    fixture.makeRootfs("printf half; exec sleep 30");
    await expect(ensureBaseImage(work(AbortSignal.timeout(300)))).rejects.toMatchObject({ name: "TimeoutError" });
    expect(shelf.images.size).toBe(0);
  });

  it("is not made for another architecture", async () => {
    shelf.architecture = "riscv64";
    await expect(ensureBaseImage(work())).rejects.toMatchObject({ code: "E_IMAGE_MISSING" });
  });
});

describe("building the sandbox image", () => {
  it("refuses when the files changed since Airlock was built, so that no tag lies about its content", async () => {
    await expect(buildSandboxImage(work())).rejects.toMatchObject({
      code: "E_IMAGE_BUILD",
      hint: "run: npm run build",
    });
    expect(shelf.calls).toEqual([]);
  });
});
