import { execFileSync } from "node:child_process";
import { chownSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectEngine } from "../../src/engine/connect.js";
import { contentHash } from "../../src/image/context.js";
import { sandboxImageTag } from "../../src/image/sandbox-image.js";
import { type ContextFile, tarStream } from "../../src/image/tar-stream.js";
import type { BindMount, Engine } from "../../src/model/engine.js";
import { TestBed } from "../support/cli.js";
import { containerRequest } from "../support/container-request.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const socket = "/var/run/docker.sock";
const image = "airlock-test/cli:1";
const labels = { "airlock.test": "1" };
let engine: Engine;

// What .dockerignore lets through; the engine's API takes the context as it is.
function context(): ContextFile[] {
  const under = ["bin", "dist", "hatch", "images", "init", "keeper", "presets", "toolserver"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes("__pycache__"))
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length)),
  );
  return ["Dockerfile", "package.json", "LICENSE", ...under].map((name) => {
    const path = join(root, name);
    return { name, executable: false, content: { path, size: statSync(path).size } };
  });
}

beforeAll(async () => {
  engine = await connectEngine({ kind: "unix", address: `unix://${socket}`, source: "test" });
  await engine.buildImage({
    context: tarStream(context()),
    tag: image,
    labels,
    buildArguments: { BASE: sandboxImageTag(contentHash(root)) },
    onLine: () => undefined,
  });
});

afterAll(async () => {
  await engine.removeImage(image);
  await engine[Symbol.asyncDispose]();
});

const bind = (path: string): BindMount => ({ type: "bind", source: path, target: path, readOnly: false });

async function runAirlock(bed: TestBed, args: readonly string[]) {
  const user = `${statSync(bed.project).uid}:${statSync(socket).gid}`;
  const id = await engine.createContainer(
    containerRequest({
      image,
      labels,
      entrypoint: ["/usr/local/bin/airlock"],
      command: args,
      workingDirectory: bed.project,
      user,
      environment: ["PATH=/usr/local/bin:/usr/bin:/bin", `HOME=${bed.userHome}`, `AIRLOCK_HOME=${bed.home}`],
      tmpfs: { "/tmp": "rw,size=16m" },
      mounts: [bind(socket), bind(bed.root)],
      hostname: "airlock-cli-test",
    }),
  );
  try {
    await using streams = await engine.attachContainer(id, { tty: false });
    const ended = engine.waitContainer(id);
    await engine.startContainer(id);
    const [stdout, stderr, { exitCode }] = await Promise.all([
      text(streams.stdout),
      streams.stderr === null ? "" : text(streams.stderr),
      ended,
    ]);
    return { exitCode, stdout, stderr };
  } finally {
    await engine.removeContainer(id);
  }
}

// The image's program is not root; what it works on must belong to it.
function ownedByUser(bed: TestBed): void {
  mkdirSync(bed.home, { mode: 0o700 });
  if (process.getuid?.() !== 0) return;
  execFileSync("chown", ["-R", "1000:1000", bed.root]);
  chownSync(bed.home, 1000, 1000);
}

describe("the image of the CLI", () => {
  it("runs as an ordinary user and says its version", async () => {
    const state = await engine.inspectImage(image);
    expect((state === null ? null : state.environment.join()) ?? "").toContain("AIRLOCK_HOME=/var/lib/airlock");
    await using bed = new TestBed();
    ownedByUser(bed);
    const { exitCode, stdout } = await runAirlock(bed, ["--version"]);
    expect([exitCode, stdout.trim()]).toEqual([0, "0.1.0"]);
  });

  it("drives the mounted socket: runs, keeps the project as it is, shows the change, discards", async () => {
    await using bed = new TestBed();
    ownedByUser(bed);
    const run = await runAirlock(bed, ["run", "--on-exit", "keep", "--", "sh", "-c", "echo inside > src/new.txt"]);
    expect(run, run.stderr).toMatchObject({ exitCode: 0 });
    expect(readdirSync(join(bed.project, "src")).sort()).toEqual(["a.txt", "b.txt"]);
    const diff = await runAirlock(bed, ["diff", "--name-only"]);
    expect(diff.stdout.trim()).toBe("src/new.txt");
    const discard = await runAirlock(bed, ["discard", "--json"]);
    expect(JSON.parse(discard.stdout)).toMatchObject({ clean: true });
  });
});
