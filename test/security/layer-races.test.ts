import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { collect, mayTest, python, startKeeper, TestStore, workspace } from "../keeper/store-fixture.js";
import { describeTree } from "../keeper/tree.js";

const secret = "what the agent may not see";

// renameat2 with RENAME_EXCHANGE: the folder and the link change places without a moment in between.
const swapper = `import ctypes, os, sys
libc = ctypes.CDLL(None)
os.chdir(sys.argv[1])
names = [(a.encode(), b.encode()) for a, b in zip(sys.argv[2::2], sys.argv[3::2])]
while True:
    for a, b in names:
        libc.renameat2(-100, a, -100, b, 2)
`;

/** An agent that swaps folders and files with links, FIFOs and devices for as long as it lives. */
class Swapper implements AsyncDisposable {
  readonly #child: ChildProcess;

  constructor(folder: string, ...pairs: readonly string[]) {
    this.#child = spawn("python3", ["-c", swapper, folder, ...pairs], { stdio: "ignore" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await once(this.#child, "close");
  }
}

/** A layer with `dir/deep/file` and a twin outside of it, which links inside point to. */
async function prepare(): Promise<TestStore> {
  const store = await TestStore.with();
  for (const root of [join(store.path, "outside"), join(store.upper(), "dir")]) {
    mkdirSync(join(root, "deep"), { recursive: true });
    writeFileSync(join(root, "deep/file"), root.includes("outside") ? secret : "inside");
    for (let each = 0; each < 20; each += 1) writeFileSync(join(root, `deep/${each}`), secret.slice(0, each));
  }
  python(
    `os.chdir(sys.argv[1]); os.symlink(sys.argv[2], "link"); os.mkfifo("fifo"); open("plain", "w").write("inside")
os.symlink(sys.argv[2] + "/deep/file", "filelink")`,
    store.upper(),
    join(store.path, "outside"),
  );
  return store;
}

describe.skipIf(!mayTest)("an agent that swaps what is read, while it is read (as root: layers)", () => {
  it("never makes a read leave the layer", { timeout: 60_000 }, async () => {
    await using store = await prepare();
    await using _swapper = new Swapper(store.upper(), "dir", "link", "plain", "filelink", "plain", "fifo");
    const paths = ["dir/deep/file", "link/deep/file", "plain", "filelink", "fifo"];
    const listing = { ...workspace, contents: 65_536 };
    const found = new Set<string>();
    const hashes = new Set<string>();
    for (let round = 0; round < 300; round += 1) {
      for (const head of (await store.client.readHeads({ ...workspace, paths, bytes: 100 })).values())
        found.add(Buffer.from(head).toString());
      for (const hash of (await store.client.hashFiles({ ...workspace, paths })).values()) hashes.add(hash);
      for (const { path, content } of (await collect(store.client.listLayer(listing))).flat()) {
        if (content !== undefined && paths.includes(path)) found.add(Buffer.from(content).toString());
      }
    }
    expect([...found]).toEqual(["inside"]);
    expect([...hashes]).toEqual([createHash("sha256").update("inside").digest("hex")]);
  });

  it("never makes a file's content that of a link's target", { timeout: 60_000 }, async () => {
    await using store = await prepare();
    await using _swapper = new Swapper(store.upper(), "plain", "filelink");
    const paths = Array.from({ length: 64 }, () => "plain");
    const found = new Set<string>();
    for (let round = 0; round < 300; round += 1) {
      const raw = await store.client.readFile({ ...workspace, path: "plain", maxBytes: 100 });
      if (raw !== null) found.add(Buffer.from(raw).toString());
      for (const hash of (await store.client.hashFiles({ ...workspace, paths })).values()) found.add(hash);
    }
    const inside = createHash("sha256").update("inside").digest("hex");
    expect([...found].sort()).toEqual([inside, "inside"].sort());
  });

  it("never makes a list or a snapshot leave the layer", { timeout: 60_000 }, async () => {
    await using store = await prepare();
    writeFileSync(join(store.path, "outside/only-outside"), secret);
    const snapshots = join(store.path, "sessions/one/snapshots");
    await using _swapper = new Swapper(store.upper(), "dir", "link", "plain", "filelink", "plain", "fifo");
    for (let round = 0; round < 60; round += 1) {
      const listed = (await collect(store.client.listLayer(workspace))).flat();
      expect(listed.filter(({ path }) => path.includes("only-outside"))).toEqual([]);
      // A snapshot of a sandbox that is not held still may be refused; what is made is of the layer and whole.
      const snapshot = { session: "one", snapshot: "s1" };
      const made = await store.client.createSnapshot({ ...snapshot, layers: ["workspace"] }).catch(() => null);
      if (made === null) {
        expect(readdirSync(snapshots)).toEqual([]);
        continue;
      }
      await store.client.verifySnapshot(snapshot);
      expect(
        execFileSync("sh", ["-c", `grep -rl "${secret}" "$1" || true`, "sh", snapshots], { encoding: "utf8" }),
      ).toBe("");
      await store.client.deleteSnapshot(snapshot);
    }
  });

  it("never makes a delete leave the session", { timeout: 60_000 }, async () => {
    await using store = await prepare();
    const before = describeTree(join(store.path, "outside"));
    const moving = new Swapper(store.upper(), "dir", "link");
    await store.client.deleteSession("one").catch(() => undefined);
    await moving[Symbol.asyncDispose]();
    await store.client.deleteSession("one");
    expect(await store.client.sessionExists("one")).toBe(false);
    expect(describeTree(join(store.path, "outside"))).toEqual(before);
  });
});

describe.skipIf(!mayTest)("a store whose disk is full (as root: mounts one)", () => {
  it("keeps the work and what was saved, says so, and goes on when there is room", async () => {
    await using store = new TestStore();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m,mode=700", "tmpfs", store.path]);
    try {
      await using keeper = startKeeper(store.path);
      const { client } = keeper;
      const layers = [{ name: "workspace", mode: 0o755, uid: 0, gid: 0, mtimeNs: "0" }];
      await client.createSession({ session: "one", record: {}, layers, masks: {} });
      const name = { session: "one", layers: ["workspace"] };
      writeFileSync(join(store.upper(), "small"), "saved");
      await client.createSnapshot({ ...name, snapshot: "s1" });
      writeFileSync(join(store.upper(), "big"), Buffer.alloc(1_600_000, 1));
      const full = { code: "E_DISK_FULL" };
      await expect(client.createSnapshot({ ...name, snapshot: "s2" })).rejects.toMatchObject(full);
      expect(await client.listSnapshots("one")).toEqual(["s1"]);
      writeFileSync(join(store.upper(), "filler"), Buffer.alloc(1_200_000, 1));
      python(
        `fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
try:
    while os.write(fd, bytes(4096)): pass
except OSError: pass`,
        join(store.upper(), "rest"),
      );
      await expect(client.restoreSnapshot({ ...name, snapshot: "s1" })).rejects.toMatchObject(full);
      expect(readFileSync(join(store.upper(), "big")).length).toBe(1_600_000);
      await client.verifySnapshot({ session: "one", snapshot: "s1" });
      execFileSync("rm", [join(store.upper(), "filler"), join(store.upper(), "rest")]);
      await client.restoreSnapshot({ ...name, snapshot: "s1" });
      expect(readdirSync(store.upper())).toEqual(["small"]);
    } finally {
      execFileSync("umount", ["-l", store.path]);
    }
  });
});
