import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ListedEntry } from "../../src/workspace/listed-entries.js";
import { attributes, listed, mayTest, python, TestStore } from "./store-fixture.js";

const edits = new URL("../support/random_edits.py", import.meta.url).pathname;
const layers = ["workspace"];

interface Seen {
  readonly type: number;
  readonly mode: number;
  readonly content: string;
}

/** Everything below a folder, by an independent look. */
function look(folder: string): Map<string, Seen> {
  const found = python(
    `import hashlib
root = sys.argv[1]; found = []
for folder, folders, files in os.walk(root):
    for name in folders + files:
        path = os.path.join(folder, name); status = os.lstat(path); kind = stat.S_IFMT(status.st_mode)
        content = os.readlink(path) if kind == stat.S_IFLNK else hashlib.sha256(open(path, "rb").read()).hexdigest() if kind == stat.S_IFREG else ""
        found.append([os.path.relpath(path, root), {"type": kind, "mode": stat.S_IMODE(status.st_mode), "content": content}])
json.dump(found, sys.stdout)`,
    folder,
  );
  return new Map(JSON.parse(found) as [string, Seen][]);
}

class Forks extends TestStore {
  readonly base = join(this.path, "base");
  readonly view = join(this.path, "view");

  static async begin(): Promise<Forks> {
    const store = new Forks();
    for (const folder of [store.base, store.view]) mkdirSync(folder);
    await store.begin("one", []);
    return store;
  }

  async begin(session: string, lower: readonly { session: string; snapshot: string }[]): Promise<void> {
    const workspace = { name: "workspace", ...attributes };
    await this.client.createSession({ session, record: {}, layers: [workspace], masks: {}, lower });
  }

  folder(session: string): string {
    return join(this.path, "sessions", session, "layers/workspace");
  }

  /** Works in a session's layer as a sandbox would, over the kernel's own mount; gives what was seen there at the end. */
  work(session: string, lower: readonly string[], act: () => void): Map<string, Seen> {
    const own = this.folder(session);
    const below = lower.map((each) => join(this.path, "sessions", each, "layers/workspace"));
    const options = [
      `lowerdir=${[...below, `${own}/mask`, this.base].join(":")}`,
      `upperdir=${own}/upper`,
      `workdir=${own}/work`,
      "metacopy=off,redirect_dir=off,index=off",
    ];
    execFileSync("mount", ["-t", "overlay", "overlay", "-o", options.join(","), this.view]);
    try {
      act();
      return look(this.view);
    } finally {
      execFileSync("umount", [this.view]);
    }
  }

  /** What a listing says that a session's layer makes of the base, with each file's content as it is read by its path. */
  async told(session: string): Promise<Map<string, Seen>> {
    const entries = await listed(this.client, { session, layer: "workspace" });
    const files = entries.filter(({ kind }) => kind === "file").map(({ path }) => path);
    const hashes = await this.client.hashFiles({ session, layer: "workspace", paths: files });
    const fetched = new Map<string, string>();
    for await (const { path, parts } of this.client.fetchFiles({ session, layer: "workspace", paths: files })) {
      const hash = createHash("sha256");
      for await (const part of parts ?? []) hash.update(part instanceof Uint8Array ? part : Buffer.alloc(part.hole));
      fetched.set(path, hash.digest("hex"));
    }
    expect(fetched).toEqual(hashes);
    return applied(look(this.base), entries, hashes);
  }
}

const typeOf: Record<string, number> = { file: 0o100000, dir: 0o040000, symlink: 0o120000 };

function applied(
  base: Map<string, Seen>,
  entries: readonly ListedEntry[],
  hashes: Map<string, string>,
): Map<string, Seen> {
  const view = new Map(base);
  for (const { path, kind, opaque, mode, target } of entries.slice(1)) {
    const staysFolder = kind === "dir" && !opaque && view.get(path)?.type === typeOf["dir"];
    if (!staysFolder) for (const key of view.keys()) if (key === path || key.startsWith(`${path}/`)) view.delete(key);
    const type = typeOf[kind];
    if (type !== undefined) view.set(path, { type, mode, content: target ?? hashes.get(path) ?? "" });
  }
  return view;
}

const sorted = (view: Map<string, Seen>): [string, Seen][] => [...view].sort(([a], [b]) => (a < b ? -1 : 1));

describe.skipIf(!mayTest)("a fork's layer (as root: mounts)", () => {
  it.each([1, 2, 3])("is told as the kernel shows it, two snapshots deep: seed %i", async (seed) => {
    await using store = await Forks.begin();
    const cases = "20";
    execFileSync("python3", [edits, "make", store.base, String(seed), cases]);
    const edit = (round: number) => (): void => {
      execFileSync("python3", [edits, "edit", store.view, String(seed * 10 + round), cases]);
    };
    store.work("one", [], edit(1));
    await store.client.createSnapshot({ session: "one", snapshot: "s1", layers });
    const one = { session: "one", snapshot: "s1" };
    await store.begin("two", [one]);
    const fresh = await store.told("two");
    expect(sorted(fresh)).toEqual(sorted(await store.told("one")));
    const second = store.work("two", ["one/snapshots/s1"], edit(2));
    expect(sorted(await store.told("two"))).toEqual(sorted(second));
    await store.client.createSnapshot({ session: "two", snapshot: "s1", layers });
    await store.begin("three", [{ session: "two", snapshot: "s1" }, one]);
    const third = store.work("three", ["two/snapshots/s1", "one/snapshots/s1"], edit(3));
    expect(sorted(await store.told("three"))).toEqual(sorted(third));
    // The snapshots are as they were.
    await store.client.verifySnapshot(one);
    await store.client.verifySnapshot({ session: "two", snapshot: "s1" });
  });

  it("keeps a deletion below a folder that was made again, and what was copied up from where", async () => {
    await using store = await Forks.begin();
    mkdirSync(join(store.base, "src"));
    for (const name of ["src/old", "copied", "both"]) writeFileSync(join(store.base, name), "base\n");
    const { view } = store;
    store.work("one", [], () => {
      rmSync(join(view, "src"), { recursive: true });
      appendFileSync(join(view, "copied"), "one\n");
      writeFileSync(join(view, "made"), "one\n");
      linkSync(join(view, "made"), join(view, "made too"));
    });
    await store.client.createSnapshot({ session: "one", snapshot: "s1", layers });
    await store.client.createSnapshot({ session: "one", snapshot: "s2", layers, previous: "s1" });
    await store.begin("two", [{ session: "one", snapshot: "s2" }]);
    store.work("two", ["one/snapshots/s2"], () => {
      mkdirSync(join(view, "src"));
      writeFileSync(join(view, "src/new"), "two\n");
      appendFileSync(join(view, "copied"), "two\n");
      appendFileSync(join(view, "both"), "two\n");
      appendFileSync(join(view, "made"), "two\n");
    });
    const entries = await listed(store.client, { session: "two", layer: "workspace" });
    const found = new Map(entries.map((entry) => [entry.path, entry]));
    expect(found.get("src")).toMatchObject({ kind: "dir", opaque: true });
    expect(found.get("src/old")).toBeUndefined();
    expect(["copied", "both", "made"].map((path) => found.get(path)?.copiedUp)).toEqual([true, true, false]);
    // Snapshots share their files: that is no second name, and the session's own are.
    expect(["copied", "made too"].map((path) => found.get(path)?.links)).toEqual([1, 2]);
    const file = { session: "two", layer: "workspace", maxBytes: 100 };
    expect(await store.client.readFile({ ...file, path: "src/old" })).toBeNull();
    expect((await store.client.readFile({ ...file, path: "made too" }))?.toString()).toBe("one\n");
  });

  it("keeps the snapshot that it lies on, and the session of it, until it is gone", async () => {
    await using store = await Forks.begin();
    writeFileSync(join(store.folder("one"), "upper/a"), "a\n");
    for (const snapshot of ["s1", "s2"]) await store.client.createSnapshot({ session: "one", snapshot, layers });
    const one = { session: "one", snapshot: "s1" };
    await store.begin("two", [one]);
    await store.client.createSnapshot({ session: "two", snapshot: "s1", layers });
    await store.begin("three", [{ session: "two", snapshot: "s1" }, one]);
    for (const deletion of [
      () => store.client.deleteSnapshot(one),
      () => store.client.deleteSession("one"),
      () => store.client.deleteSession("two"),
    ]) {
      await expect(deletion()).rejects.toMatchObject({ code: "E_SESSION_STATE", cause: "in_use" });
    }
    expect(readFileSync(join(store.path, "sessions/one/snapshots/s1/layers/workspace/a"), "utf8")).toBe("a\n");
    await store.client.deleteSnapshot({ session: "one", snapshot: "s2" });
    for (const session of ["three", "two", "one"]) await store.client.deleteSession(session);
    expect(await store.client.listSessions()).toEqual([]);
  });

  it("is refused over snapshots that are not there, or do not lie on one another", async () => {
    await using store = await Forks.begin();
    await store.client.createSnapshot({ session: "one", snapshot: "s1", layers });
    const one = { session: "one", snapshot: "s1" };
    await store.begin("two", [one]);
    await store.client.createSnapshot({ session: "two", snapshot: "s1", layers });
    for (const lower of [
      [{ session: "one", snapshot: "s2" }],
      [{ session: "gone", snapshot: "s1" }],
      [{ session: "two", snapshot: "s1" }],
      [one, one],
    ]) {
      await expect(store.begin("three", lower)).rejects.toThrow("session.create");
    }
    await expect(store.begin("three", [{ session: "../one", snapshot: "s1" }])).rejects.toThrow("not a session id");
    expect(await store.client.listSessions()).toEqual(["one", "two"]);
  });
});
