import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectEngine } from "../../src/engine/connect.js";
import { contentHash } from "../../src/image/context.js";
import { buildSandboxImage, ensureSandboxImage } from "../../src/image/sandbox-image.js";
import type { Engine } from "../../src/model/engine.js";
import { containerRequest } from "../support/container-request.js";

const packageRoot = fileURLToPath(new URL("../..", import.meta.url));
const silent = {
  step: () => undefined,
  detail: () => undefined,
  note: () => undefined,
  [Symbol.dispose]: () => undefined,
};
let engine: Engine;
let image: string;

const work = () => ({
  engine,
  packageRoot,
  hash: contentHash(packageRoot),
  env: process.env,
  signal: new AbortController().signal,
  progress: silent,
});

beforeAll(async () => {
  engine = await connectEngine({ kind: "unix", address: "unix:///var/run/docker.sock", source: "test" });
  image = (await ensureSandboxImage(work())).tag;
});
afterAll(() => engine[Symbol.asyncDispose]());

/** Runs a line in a shell of the image, as the image's own user. */
async function inImage(line: string, user = "1000:1000"): Promise<string> {
  const id = await engine.createContainer(
    containerRequest({
      image,
      user,
      entrypoint: ["/bin/bash", "-c"],
      command: [line],
      environment: ["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME=/tmp", "LANG=C.UTF-8"],
      tmpfs: { "/tmp": "rw,exec,size=256m,mode=1777" },
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
    if (exitCode !== 0) throw new Error(`${line} ended with ${exitCode}: ${stderr}`);
    return stdout.trim();
  } finally {
    await engine.removeContainer(id);
  }
}

describe("the sandbox image", () => {
  it("has what agents call", async () => {
    const programs = "git rg curl jq python3 node npm npx make gcc g++ tini less vi vim patch unzip xz ps htop file";
    expect(await inImage(`for each in ${programs}; do command -v $each >/dev/null || echo $each; done`)).toBe("");
  });

  it("runs Node and npm in the versions of the lock file", async () => {
    expect(await inImage("node --version; npm --version; npx --version")).toBe("v24.21.0\n11.21.2\n11.21.2");
  });

  it("compiles C++ and makes a Python environment", async () => {
    const source = "#include <iostream>\\nint main() { std::cout << 42; }\\n";
    expect(await inImage(`printf '${source}' > /tmp/a.cc && g++ -o /tmp/a /tmp/a.cc && /tmp/a`)).toBe("42");
    expect(await inImage("python3 -m venv /tmp/v && /tmp/v/bin/pip --version")).toContain("pip");
  });

  it("has the user agent, uid 1000, and no set-id program", async () => {
    expect(await inImage("id")).toBe("uid=1000(agent) gid=1000(agent) groups=1000(agent)");
    expect(await inImage("find / -xdev -type f -perm /6000 2>/dev/null || true", "0:0")).toBe("");
  });

  it("has the home of the agent for root, too", async () => {
    expect(await inImage("getent passwd 0; ssh -G host.example | grep -c /home/agent/.ssh/known_hosts", "0:0")).toBe(
      "root:x:0:0:root:/home/agent:/bin/bash\n1",
    );
  });

  it("has an init that needs no library and a keeper that is compiled", async () => {
    expect(await inImage("file -b /airlock/init")).toContain("statically linked");
    expect(await inImage("ls /usr/lib/airlock/keeper")).toContain("main.py");
    expect(await inImage("ls /usr/lib/airlock/keeper/__pycache__")).toContain(".pyc");
  });

  it("holds nothing of the machine that built it", async () => {
    const found = await inImage(
      "find / -xdev \\( -name '.npmrc' -o -name 'id_*' -o -name '.netrc' -o -name '.git-credentials' \\) -type f; ls -A /root /home/agent",
      "0:0",
    );
    expect(found).not.toMatch(/npmrc|id_|netrc|credentials/);
    const state = await engine.inspectImage(image);
    expect(state?.environment.map((entry) => entry.split("=")[0]).sort()).toEqual(["LANG", "PATH"]);
  });

  it("is built again from the engine's cache in seconds", async () => {
    const before = await engine.inspectImage(image);
    const started = Date.now();
    expect(await buildSandboxImage(work())).toBe(image);
    expect(Date.now() - started).toBeLessThan(30_000);
    expect((await engine.inspectImage(image))?.id).toBe(before?.id);
  });
});
