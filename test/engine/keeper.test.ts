import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newToken } from "../../src/base/ids.js";
import { connectEngine } from "../../src/engine/connect.js";
import { contentHash } from "../../src/image/context.js";
import { ensureSandboxImage } from "../../src/image/sandbox-image.js";
import type { Engine, Mount } from "../../src/model/engine.js";
import type { Layer } from "../../src/model/session.js";
import { KeeperClient } from "../../src/workspace/keeper-client.js";
import { layerVolumeRequest } from "../../src/workspace/layers.js";
import type { ListedEntry } from "../../src/workspace/listed-entries.js";
import { readBoth } from "../contract/engine-bench.js";
import { containerRequest } from "../support/container-request.js";

const packageRoot = fileURLToPath(new URL("../..", import.meta.url));
const token = newToken(4);
const labels = { "airlock.test": "1", "airlock.test.run": token };
const storeName = `airlock-test-${token}-store`;
const attributes = { mode: 0o755, uid: 1000, gid: 1000, mtimeNs: "1700000000000000000" };
const keeperCommand = ["/usr/bin/python3", "-I", "-S", "-B", "/usr/lib/airlock/keeper/main.py"];
const projects = mkdtempSync(join(tmpdir(), "airlock-projects-"));

let engine: Engine;
let image: string;
let keeper: string;
let mountpoint: string;

async function anyImage(): Promise<string> {
  const tags = (await engine.listImages({ "airlock.role": "image" })).flatMap((each) => each.tags);
  const built = tags.find((tag) => tag.startsWith("airlock/sandbox:"));
  if (built !== undefined) return built;
  const progress = { step() {}, detail() {}, note() {}, [Symbol.dispose]() {} };
  const hash = contentHash(packageRoot);
  const { signal } = new AbortController();
  return (await ensureSandboxImage({ engine, packageRoot, hash, env: process.env, signal, progress })).tag;
}

const bind = (source: string, target: string): Mount => ({ type: "bind", source, target, readOnly: true });
const volume = (source: string, target: string): Mount => ({
  type: "volume",
  source,
  target,
  readOnly: false,
  noCopy: true,
});

beforeAll(async () => {
  chmodSync(projects, 0o755);
  engine = await connectEngine({ kind: "unix", address: "unix:///var/run/docker.sock", source: "test" });
  image = await anyImage();
  ({ mountpoint } = await engine.createVolume({ name: storeName, labels, driverOptions: {} }));
  keeper = await engine.createContainer(
    containerRequest({
      image,
      labels,
      command: ["sleep 600"],
      // As in src/session/keeper.ts: what it has there must be enough here.
      capabilitiesAdded: ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "SYS_ADMIN"],
      mounts: [volume(storeName, "/store"), bind(join(packageRoot, "keeper"), "/usr/lib/airlock/keeper")],
      environment: [],
    }),
  );
  await engine.startContainer(keeper);
});

afterAll(async () => {
  for (const { id } of await engine.listContainers(labels)) await engine.removeContainer(id);
  for (const { name } of await engine.listVolumes(labels)) await engine.removeVolume(name);
  await engine[Symbol.asyncDispose]();
  execFileSync("rm", ["-rf", projects]);
});

async function connect(): Promise<KeeperClient> {
  return new KeeperClient(await engine.exec({ container: keeper, command: keeperCommand, user: "0:0", tty: false }));
}

async function inKeeper(line: string): Promise<string> {
  await using exec = await engine.exec({ container: keeper, command: ["/bin/sh", "-c", line], tty: false });
  const [stdout] = await readBoth(exec);
  return stdout.toString().trim();
}

let number = 0;

/** A session over a folder, its layers made and its volumes ready to be mounted. */
async function openSession(client: KeeperClient, hostPath: string, hidden: readonly string[] = []) {
  number += 1;
  const session = `test-${token}-${number}`;
  const layers: Layer[] = [
    { name: "workspace", hostPath, base: "overlay", target: "/w", volume: `airlock-${session}-workspace` },
    { name: "home", hostPath: null, base: "empty", target: "/h", volume: `airlock-${session}-home` },
  ];
  const folders = [{ path: "conf", ...attributes, mode: 0o750 }];
  await client.createSession({
    session,
    record: { version: 1 },
    layers: layers.map(({ name }) => ({ name, ...attributes })),
    masks: { workspace: hidden.length === 0 ? { folders: [], hidden: [] } : { folders, hidden } },
  });
  for (const layer of layers) await engine.createVolume(layerVolumeRequest({ mountpoint, session }, layer, labels));
  return { session, layers };
}

/** Runs a script as an agent would: uid 1000, no capability, over the session's mounts. */
async function runAgent(layers: readonly Layer[], script: string): Promise<string> {
  const id = await engine.createContainer(
    containerRequest({
      image,
      labels,
      user: "1000:1000",
      command: [script],
      mounts: layers.map(({ volume: source, target }) => volume(source, target)),
    }),
  );
  const streams = await engine.attachContainer(id, { tty: false });
  const ended = engine.waitContainer(id);
  await engine.startContainer(id);
  const [stdout, stderr] = await readBoth(streams);
  const { exitCode } = await ended;
  await streams[Symbol.asyncDispose]();
  await engine.removeContainer(id);
  expect([exitCode, stderr.toString()]).toEqual([0, ""]);
  return stdout.toString();
}

async function listed(client: KeeperClient, session: string, layer = "workspace"): Promise<string[]> {
  const lines: string[] = [];
  const entries: ListedEntry[] = [];
  for await (const group of client.listLayer({ session, layer })) entries.push(...group);
  for (const { kind, path, opaque, copiedUp } of entries) {
    lines.push(`${kind}${opaque ? " opaque" : ""}${copiedUp === true ? " copied" : ""} ${path}`);
  }
  return lines;
}

function makeProject(name: string): string {
  const folder = join(projects, name);
  mkdirSync(join(folder, "conf"), { recursive: true });
  mkdirSync(join(folder, "src/deep"), { recursive: true });
  for (const file of ["keep", "change", "remove", ".env", "conf/key.pem", "conf/open", "src/a", "src/deep/b"])
    writeFileSync(join(folder, file), `${file} of ${name.length}\n`);
  execFileSync("chown", ["-R", "1000:1000", folder]);
  chmodSync(join(folder, "conf"), 0o750);
  return folder;
}

const checksum = (folder: string): string =>
  execFileSync(
    "sh",
    ["-c", 'cd "$1" && find . -type f -exec sha256sum {} + | sort; find . -printf "%p %m %T@\\n" | sort', "sh", folder],
    {
      encoding: "utf8",
    },
  );

describe("the keeper in its container, over layers that the engine mounted", () => {
  it("has its six capabilities and no other, and no network", async () => {
    const [effective, devices] = (await inKeeper("grep CapEff /proc/self/status; ls /sys/class/net")).split("\n");
    // CHOWN 0, DAC_OVERRIDE 1, FOWNER 3, FSETID 4, SYS_ADMIN 21, MKNOD 27.
    expect(effective).toBe("CapEff:\t000000000820001b");
    expect(devices).toBe("lo");
  });

  it("lists exactly what an agent did, and the host's project stays as it was", async () => {
    const project = makeProject("plain");
    const before = checksum(project);
    await using client = await connect();
    const { session, layers } = await openSession(client, project, [".env", "conf/key.pem"]);
    const said = await runAgent(
      layers,
      `cd /w && ls -A && ls -A conf && stat -c '%a %u' conf && ! cat .env 2>/dev/null &&
       echo new >> change && rm remove && rm -r src && mkdir src && echo x > src/a && mkdir made && mkfifo made/pipe &&
       ln -s /etc/passwd way && mv keep kept && echo mine > .env && echo conf > /h/.profile && chmod 4755 kept &&
       ! mknod z c 0 0 2>/dev/null`,
    );
    expect(said).toBe("change\nconf\nkeep\nremove\nsrc\nopen\n750 1000\n");
    expect(await listed(client, session)).toEqual([
      "dir ",
      "file .env",
      "file copied change",
      "whiteout keep",
      "file copied kept",
      "dir made",
      "fifo made/pipe",
      "whiteout remove",
      "dir opaque src",
      "file src/a",
      "symlink way",
    ]);
    expect(await listed(client, session, "home")).toEqual(["dir ", "file .profile"]);
    expect(checksum(project)).toBe(before);
    await client.deleteSession(session);
  });

  it("takes snapshots that bring the work back, under a mount made anew", async () => {
    await using client = await connect();
    const { session, layers } = await openSession(client, makeProject("snapshots"));
    const names = layers.map(({ name }) => name);
    await runAgent(
      layers,
      "cd /w && rm -r src remove && mkdir src && echo one > src/one && chmod 2750 src && echo h > /h/h",
    );
    const seen = await runAgent(layers, "cd /w && find . /h -printf '%p %m %U %s %T@\\n' | sort");
    await client.createSnapshot({ session, snapshot: "s1", layers: names });
    await runAgent(layers, "cd /w && rm -r src change /h/h && echo later > later");
    await client.restoreSnapshot({ session, snapshot: "s1", layers: names });
    expect(await runAgent(layers, "cd /w && find . /h -printf '%p %m %U %s %T@\\n' | sort")).toBe(seen);
    await client.resetLayers({ session, layers: names });
    expect(await runAgent(layers, "cd /w && find . -type f | sort | xargs; ls -A /h")).toBe(
      "./.env ./change ./conf/key.pem ./conf/open ./keep ./remove ./src/a ./src/deep/b\n",
    );
    for (const { volume: name } of layers) expect(await engine.removeVolume(name)).toBe(true);
    await client.deleteSession(session);
    expect(await inKeeper(`ls -A /store/sessions /store/trash | grep -c ${session}`)).toBe("0");
  });

  it.each([
    "a:b",
    "x,upperdir=evil",
    "x,lowerdir=",
    "with space",
    "tab\there",
    "trailing\\",
    "a\\:b\\,c\\\\",
    "#{}[]$(id)*?~'",
    "naïve-名前-🙂",
  ])("mounts a project in a folder named %j", async (name) => {
    const project = makeProject(name);
    await using client = await connect();
    const { session, layers } = await openSession(client, project);
    expect(await runAgent(layers, "cat /w/keep; echo changed > /w/keep; cat /w/keep")).toBe(
      `keep of ${name.length}\nchanged\n`,
    );
    expect(await listed(client, session)).toEqual(["dir ", "file copied keep"]);
    await client.deleteSession(session);
  });

  it("takes an upload of a base, which the sandbox then works on", async () => {
    await using client = await connect();
    const session = `test-${token}-upload`;
    const name = { session, layer: "workspace" };
    const layer: Layer = {
      name: "workspace",
      hostPath: "/p",
      base: "upload",
      target: "/w",
      volume: `airlock-${session}`,
    };
    await client.createSession({ session, record: {}, layers: [{ name: "workspace", ...attributes }], masks: {} });
    async function* entries() {
      yield { path: "d", kind: "dir", ...attributes } as const;
      const content = (async function* () {
        yield Buffer.alloc(700_000, "x");
      })();
      yield { path: "d/big", kind: "file", ...attributes, mode: 0o640, size: 700_000, content } as const;
      yield { path: "link", kind: "symlink", target: "d/big", ...attributes } as const;
    }
    expect(await client.putBase(name, entries())).toEqual({ entries: 3, bytes: 700_000 });
    await engine.createVolume(layerVolumeRequest({ mountpoint, session }, layer, labels));
    const said = await runAgent(
      [layer],
      "cd /w && stat -c '%n %a %u %s %Y' d d/big && wc -c < link && echo y >> d/big",
    );
    expect(said).toMatch(/^d 755 1000 \d+ 1700000000\nd\/big 640 1000 700000 1700000000\n700000\n$/);
    expect(await listed(client, session)).toEqual(["dir ", "dir copied d", "file copied d/big"]);
    await client.deleteSession(session);
  });

  it("ends when its stream does, also in the middle of a watch", async () => {
    const count = (): Promise<string> => inKeeper("grep -lz keeper/[m]ain.py /proc/[0-9]*/cmdline 2>/dev/null | wc -l");
    const client = await connect();
    const { session } = await openSession(client, makeProject("watched"));
    for await (const { bytes, exceeded } of client.watch({ session, intervalMs: 50, limitBytes: 1 << 30 })) {
      expect([bytes, exceeded]).toEqual([0, null]);
      break;
    }
    const isReached = async (expected: string): Promise<void> => {
      for (let tries = 0; tries < 50 && (await count()) !== expected; tries += 1) await sleep(100);
      expect(await count()).toBe(expected);
    };
    await isReached("1");
    await client[Symbol.asyncDispose]();
    await isReached("0");
  });
});
