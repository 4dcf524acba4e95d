import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { KeeperClient } from "../../src/workspace/keeper-client.js";
import { mayTest, python, startKeeper, TestStore } from "./store-fixture.js";
import { describeTree } from "./tree.js";

const s1 = { session: "one", snapshot: "s1" };
const both = ["workspace", "home"];

/** Starts an operation in a keeper of its own and kills it after so long; tells whether it had finished by then. */
async function killDuring(
  store: TestStore,
  afterMs: number,
  operation: (client: KeeperClient) => Promise<unknown>,
): Promise<boolean> {
  const keeper = startKeeper(store.path);
  await keeper.client.hello();
  const finished = operation(keeper.client).then(
    () => true,
    () => false,
  );
  await sleep(afterMs);
  keeper.kill();
  await keeper.ended;
  return finished;
}

function fill(folder: string, word: string, files = 150): void {
  python(
    `os.chdir(sys.argv[1])
for d in range(6):
    os.makedirs(f"d{d}/e", exist_ok=True); os.chmod(f"d{d}", 0o000)
    for f in range(int(sys.argv[3])):
        open(f"d{d}/e/{f}", "w").write(sys.argv[2] * 500)
    if d % 2: os.setxattr(f"d{d}", "trusted.overlay.opaque", b"y")
os.mknod("gone", stat.S_IFCHR, 0)`,
    folder,
    word,
    String(files),
  );
}

// Until the operation is too quick for the kill: each round dies a little later.
async function inRounds(stepMs: number, round: (afterMs: number) => Promise<boolean>): Promise<number> {
  let killed = 0;
  for (let afterMs = 0; afterMs < 1_500; afterMs += stepMs) {
    if (await round(afterMs)) break;
    killed += 1;
  }
  return killed;
}

describe.skipIf(!mayTest)("a keeper killed with SIGKILL in the middle (as root)", { timeout: 120_000 }, () => {
  it("of a snapshot leaves none that looks whole, and the next one works", async () => {
    await using store = await TestStore.with(...both);
    fill(store.upper(), "before");
    const killed = await inRounds(12, async (afterMs) => {
      const finished = await killDuring(store, afterMs, (client) => client.createSnapshot({ ...s1, layers: both }));
      for (const snapshot of await store.client.listSnapshots("one")) {
        await store.client.verifySnapshot({ session: "one", snapshot });
        await store.client.deleteSnapshot(s1);
      }
      return finished;
    });
    expect(killed).toBeGreaterThan(0);
    await store.client.createSnapshot({ ...s1, layers: both });
    await store.client.verifySnapshot(s1);
    expect(readdirSync(join(store.path, "sessions/one/snapshots"))).toEqual(["s1"]);
    expect(readdirSync(join(store.path, "trash"))).toEqual([]);
  });

  it("of a restore leaves all layers old or all of them new, and the next one works", async () => {
    await using store = await TestStore.with(...both);
    for (const layer of both) fill(store.upper(layer), `saved ${layer}`, 40);
    await store.client.createSnapshot({ ...s1, layers: both });
    const saved = both.map((layer) => describeTree(store.upper(layer)));
    await store.client.resetLayers({ session: "one", layers: both });
    for (const layer of both) fill(store.upper(layer), `work in ${layer}`, 20);
    await store.client.createSnapshot({ session: "one", snapshot: "s2", layers: both });
    const work = both.map((layer) => describeTree(store.upper(layer)));
    const outcomes = new Set<string>();
    const killed = await inRounds(35, async (afterMs) => {
      const finished = await killDuring(store, afterMs, (client) => client.restoreSnapshot({ ...s1, layers: both }));
      // Any request about the session finishes what was decided.
      await store.client.usage("one");
      const now = both.map((layer) => describeTree(store.upper(layer)));
      const isNew = JSON.stringify(now) === JSON.stringify(saved);
      expect(isNew ? saved : work).toEqual(now);
      outcomes.add(isNew ? "new" : "old");
      if (isNew) await store.client.restoreSnapshot({ session: "one", snapshot: "s2", layers: both });
      return finished;
    });
    expect(killed).toBeGreaterThan(0);
    expect([...outcomes].sort()).toEqual(["new", "old"]);
    await store.client.restoreSnapshot({ ...s1, layers: both });
    expect(both.map((layer) => describeTree(store.upper(layer)))).toEqual(saved);
    expect(readdirSync(join(store.path, "trash"))).toEqual([]);
  });

  it("of a restore between the renames is finished by whoever comes next", async () => {
    await using store = await TestStore.with(...both);
    for (const layer of both) fill(store.upper(layer), "x", 2);
    const folder = (layer: string): string => join(store.path, "sessions/one/layers", layer);
    // As it is after the intent is written and the first of four renames was made.
    python(
      `import shutil
for layer in ("workspace", "home"):
    for name in ("upper", "work"):
        os.mkdir(f"{sys.argv[1]}/layers/{layer}/{name}.new")
    open(f"{sys.argv[1]}/layers/{layer}/upper.new/restored", "w").close()
open(sys.argv[1] + "/restore.json", "w").write('["workspace", "home"]')
shutil.rmtree(sys.argv[1] + "/layers/workspace/upper")`,
      join(store.path, "sessions/one"),
    );
    await store.client.usage("one");
    for (const layer of both) {
      expect(readdirSync(folder(layer)).sort()).toEqual(["mask", "upper", "work"]);
      expect(readdirSync(store.upper(layer))).toEqual(["restored"]);
    }
    expect(existsSync(join(store.path, "sessions/one/restore.json"))).toBe(false);
  });

  it("of a delete leaves nothing that the next one does not remove, and is never told as gone", async () => {
    await using store = await TestStore.with();
    const killed = await inRounds(4, async (afterMs) => {
      if ((await store.client.listSessions()).length > 0) fill(store.upper(), "deleted", 300);
      const finished = await killDuring(store, afterMs, (client) => client.deleteSession("one"));
      const left = existsSync(join(store.path, "sessions/one")) || readdirSync(join(store.path, "trash")).length > 0;
      expect(await store.client.sessionExists("one")).toBe(left);
      await store.client.deleteSession("one");
      expect(await store.client.sessionExists("one")).toBe(false);
      expect(readdirSync(join(store.path, "trash"))).toEqual([]);
      const attributes = { mode: 0o755, uid: 0, gid: 0, mtimeNs: "0" };
      const layers = [{ name: "workspace", ...attributes }];
      await store.client.createSession({ session: "one", record: {}, layers, masks: {} });
      return finished;
    });
    expect(killed).toBeGreaterThan(0);
  });

  it("of a creation leaves no session", async () => {
    await using store = new TestStore();
    const attributes = { mode: 0o755, uid: 0, gid: 0, mtimeNs: "0" };
    const hidden = Array.from({ length: 3_000 }, (_, index) => `secret-${index}`);
    const wish = {
      session: "two",
      record: {},
      layers: [{ name: "workspace", ...attributes }],
      masks: { workspace: { folders: [], hidden } },
    };
    await killDuring(store, 25, (client) => client.createSession(wish));
    if ((await store.client.listSessions()).length > 0) {
      expect(readdirSync(join(store.path, "sessions/two/layers/workspace/mask")).length).toBe(hidden.length);
    }
    await store.client.deleteSession("two");
    expect(readdirSync(join(store.path, "trash"))).toEqual([]);
    await store.client.createSession(wish);
  });

  it("or whose stdin is closed ends at once, whatever it does", async () => {
    await using store = await TestStore.with();
    fill(store.upper(), "x", 2_000);
    const keeper = startKeeper(store.path);
    keeper.client.createSnapshot({ ...s1, layers: ["workspace"] }).catch(() => undefined);
    await sleep(120);
    const began = performance.now();
    keeper.stdin.end();
    keeper.stdout.resume();
    expect(await keeper.ended).toBe(0);
    expect(performance.now() - began).toBeLessThan(500);
    await expect(store.client.verifySnapshot(s1)).rejects.toThrow("no snapshot");
  });
});

describe.skipIf(!mayTest)("session.delete (as root)", () => {
  it("removes trees of any depth, folders without permissions, and everything that can lie in them", async () => {
    await using store = await TestStore.with();
    python(
      `fd = os.open(sys.argv[1], os.O_RDONLY)
for level in range(3000):
    os.mkdir("x" * 200, dir_fd=fd); child = os.open("x" * 200, os.O_RDONLY, dir_fd=fd)
    os.mkfifo("f", dir_fd=child); os.symlink("/etc", "l", dir_fd=child); os.chmod("x" * 200, 0, dir_fd=fd); os.close(fd); fd = child`,
      store.upper(),
    );
    await store.client.deleteSession("one");
    expect(await store.client.sessionExists("one")).toBe(false);
    await store.client.deleteSession("one");
    expect(readdirSync(join(store.path, "trash"))).toEqual([]);
  });

  it("follows no link out of the session", async () => {
    await using store = await TestStore.with();
    python(
      `os.makedirs(sys.argv[2] + "/outside/inner"); open(sys.argv[2] + "/outside/file", "w").close()
os.symlink(sys.argv[2] + "/outside", sys.argv[1] + "/way")`,
      store.upper(),
      store.path,
    );
    await store.client.deleteSession("one");
    expect(readdirSync(join(store.path, "outside")).sort()).toEqual(["file", "inner"]);
  });
});
