import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { attributes, mayTest, python, startKeeper, TestStore } from "./store-fixture.js";

const layers = ["workspace"];

describe.skipIf(!mayTest)("several keepers on one store (as root)", { timeout: 60_000 }, () => {
  it("finish an interrupted restore once, whoever comes first", async () => {
    await using store = await TestStore.with();
    const keepers = Array.from({ length: 6 }, () => startKeeper(store.path));
    for (const { client } of keepers) await client.hello();
    for (let round = 0; round < 25; round += 1) {
      python(
        `folder = sys.argv[1] + "/layers/workspace"
for name in ("upper", "work"): os.mkdir(f"{folder}/{name}.new")
open(f"{folder}/upper.new/restored-{sys.argv[2]}", "w").close()
open(sys.argv[1] + "/draft", "w").write('["workspace"]'); os.rename(sys.argv[1] + "/draft", sys.argv[1] + "/restore.json")`,
        join(store.path, "sessions/one"),
        String(round),
      );
      await Promise.all(keepers.map(({ client }) => client.listSnapshots("one")));
      expect(readdirSync(store.upper())).toEqual([`restored-${round}`]);
      expect(readdirSync(join(store.path, "sessions/one/layers/workspace")).sort()).toEqual(["mask", "upper", "work"]);
    }
    for (const keeper of keepers) await keeper[Symbol.asyncDispose]();
  });

  it("make a session while another is removed, which empties the trash", async () => {
    await using store = await TestStore.with();
    await using other = startKeeper(store.path);
    const hidden = Array.from({ length: 300 }, (_, index) => `secret-${index}`);
    const masks = { workspace: { folders: [], hidden } };
    for (let round = 0; round < 10; round += 1) {
      let making = true;
      const removing = (async () => {
        while (making) await other.client.deleteSession("nobody");
      })();
      const session = `new-${round}`;
      await store.client.createSession({ session, record: {}, layers: [{ name: "workspace", ...attributes }], masks });
      making = false;
      await removing;
      expect(readdirSync(join(store.path, "sessions", session, "layers/workspace/mask")).length).toBe(300);
    }
    expect((await store.client.listSessions()).length).toBe(11);
  });

  it("make snapshots one after the other, not into one another", async () => {
    await using store = await TestStore.with();
    python(`[open(f"{sys.argv[1]}/{n}", "w").write("x" * 999) for n in range(500)]`, store.upper());
    await using other = startKeeper(store.path);
    const [first, second] = await Promise.all([
      store.client.createSnapshot({ session: "one", snapshot: "s1", layers }),
      other.client.createSnapshot({ session: "one", snapshot: "s2", layers }),
    ]);
    expect([first.files, second.files]).toEqual([500, 500]);
    for (const snapshot of ["s1", "s2"]) await other.client.verifySnapshot({ session: "one", snapshot });
  });

  it("refuse a session that is there, and leave it alone", async () => {
    await using store = await TestStore.with();
    writeFileSync(join(store.upper(), "work"), "mine");
    const again = { session: "one", record: {}, layers: [{ name: "workspace", ...attributes }], masks: {} };
    await expect(store.client.createSession(again)).rejects.toThrow("already");
    expect(readFileSync(join(store.upper(), "work"), "utf8")).toBe("mine");
    expect(await store.client.readRecord("one")).toEqual({ version: 1 });
  });
});

describe.skipIf(!mayTest)("files of very many names (as root)", { timeout: 120_000 }, () => {
  it("stay one file in each of several snapshots and after a restore", async () => {
    await using store = await TestStore.with();
    // As many names as ext4 allows for one file; each snapshot keeps them all.
    const names = 65_000;
    python(
      `os.chdir(sys.argv[1]); open("0", "w").write("one file")
for n in range(1, int(sys.argv[2])): os.link("0", str(n))`,
      store.upper(),
      String(names),
    );
    await sleep(2_100);
    await store.client.createSnapshot({ session: "one", snapshot: "s1", layers });
    await store.client.createSnapshot({ session: "one", snapshot: "s2", layers, previous: "s1" });
    await store.client.restoreSnapshot({ session: "one", snapshot: "s2", layers });
    expect(statSync(join(store.upper(), "64999")).nlink).toBe(names);
    expect(statSync(join(store.upper(), "0")).ino).toBe(statSync(join(store.upper(), "777")).ino);
  });
});
