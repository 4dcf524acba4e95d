import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodePath } from "../../src/base/byte-path.js";
import type { ListedEntry } from "../../src/workspace/listed-entries.js";
import { collect, listed, mayTest, python, startKeeper, TestStore, workspace } from "./store-fixture.js";
import { anyTree, describeTree, makeTree } from "./tree.js";

async function listAll(store: TestStore): Promise<ListedEntry[]> {
  return listed(store.client, workspace);
}

const latin1 = (path: string): string => encodePath(path).toString("latin1");
const formatOfKind: Record<string, number> = {
  file: 0o100000,
  dir: 0o040000,
  symlink: 0o120000,
  fifo: 0o010000,
  socket: 0o140000,
  whiteout: 0o020000,
  chardev: 0o020000,
};

describe.skipIf(!mayTest)("layer.list (as root: whiteouts and trusted attributes)", () => {
  it("lists any tree exactly as an independent look does, in byte order", async () => {
    await using store = await TestStore.with();
    await fc.assert(
      fc.asyncProperty(anyTree, async (nodes) => {
        await store.client.resetLayers({ session: "one", layers: ["workspace"] });
        makeTree(store.upper(), nodes);
        const seen = describeTree(store.upper());
        const listed = await listAll(store);
        expect(
          listed.map(({ path, kind, mode, uid, gid, mtimeNs, target }) => ({
            path: latin1(path),
            type: formatOfKind[kind],
            mode,
            uid,
            gid,
            mtime: mtimeNs.toString(),
            target: target === undefined ? undefined : latin1(target),
          })),
        ).toEqual(
          seen.map(({ path, type, mode, uid, gid, mtime, target }) => ({ path, type, mode, uid, gid, mtime, target })),
        );
        expect(listed.filter(({ opaque }) => opaque).map(({ path }) => latin1(path))).toEqual(
          seen
            .filter(({ attributes }) => attributes.some(([name]) => name === "trusted.overlay.opaque"))
            .map(({ path }) => path),
        );
        const files = listed.filter(({ kind }) => kind === "file").map(({ path }) => path);
        const hashes = await store.client.hashFiles({ ...workspace, paths: files });
        expect([...hashes].map(([path, hash]) => [latin1(path), hash])).toEqual(
          seen.filter(({ content }) => content !== undefined).map(({ path, content }) => [path, content]),
        );
      }),
      { numRuns: 25 },
    );
  });

  it("tells copied-up entries, foreign attributes and hard links", async () => {
    await using store = await TestStore.with();
    python(
      `os.chdir(sys.argv[1]); open("a", "w").close(); os.link("a", "b")
os.setxattr("a", "trusted.overlay.origin", b"x"); os.setxattr("a", "user.overlay.opaque", b"y"); os.setxattr("a", "trusted.mine", b"1")`,
      store.upper(),
    );
    const [, a, b] = await listAll(store);
    expect(a).toMatchObject({
      path: "a",
      copiedUp: true,
      attributes: ["trusted.mine", "user.overlay.opaque"],
      links: 2,
    });
    expect(b?.inode).toBe(a?.inode);
  });

  it("does not believe an opaque mark that an agent can set", async () => {
    await using store = await TestStore.with();
    python(`os.chdir(sys.argv[1]); os.mkdir("d"); os.setxattr("d", "user.overlay.opaque", b"y")`, store.upper());
    expect((await listAll(store))[1]).toMatchObject({ path: "d", opaque: false });
  });

  it.each(["trusted.overlay.metacopy", "trusted.overlay.redirect"])("refuses a layer with %s", async (name) => {
    await using store = await TestStore.with();
    python(
      `path = sys.argv[1] + "/f"; open(path, "w").close(); os.setxattr(path, sys.argv[2], b"/x")`,
      store.upper(),
      name,
    );
    await expect(listAll(store)).rejects.toThrow(name);
  });

  it("answers with an error, never with a list without deletions, when trusted attributes cannot be read", async () => {
    await using store = await TestStore.with();
    python(
      `os.mkdir(sys.argv[1] + "/d"); os.setxattr(sys.argv[1] + "/d", "trusted.overlay.opaque", b"y")`,
      store.upper(),
    );
    const without = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"];
    await using keeper = startKeeper(store.path, without);
    await expect(collect(keeper.client.listLayer(workspace))).rejects.toThrow("attributes cannot be read");
  });

  it("goes below PATH_MAX, and no further than the limits", async () => {
    await using store = await TestStore.with();
    const levels = 700;
    python(
      `fd = os.open(sys.argv[1], os.O_RDONLY)
for level in range(int(sys.argv[2])):
    os.mkdir("d" * 60, dir_fd=fd)
    child = os.open("d" * 60, os.O_RDONLY, dir_fd=fd); os.close(fd); fd = child
file = os.open("end", os.O_WRONLY | os.O_CREAT, dir_fd=fd); os.write(file, b"found")`,
      store.upper(),
      String(levels),
    );
    const listed = await listAll(store);
    const last = listed.at(-1)?.path ?? "";
    expect([listed.length, last.length]).toEqual([levels + 2, levels * 61 + 3]);
    const content = await store.client.readFile({ ...workspace, path: last, maxBytes: 100 });
    expect(Buffer.from(content ?? []).toString()).toBe("found");
    const usage = await store.client.usage("one");
    expect(usage.entries).toBe(levels + 1);
  });

  it("refuses a path of more than 65,536 bytes", async () => {
    await using store = await TestStore.with();
    python(
      `fd = os.open(sys.argv[1], os.O_RDONLY)
for level in range(280):
    os.mkdir("d" * 250, dir_fd=fd); child = os.open("d" * 250, os.O_RDONLY, dir_fd=fd); os.close(fd); fd = child`,
      store.upper(),
    );
    await expect(listAll(store)).rejects.toMatchObject({ code: "E_LAYER_LIMIT" });
    await store.client.deleteSession("one");
    expect(await store.client.sessionExists("one")).toBe(false);
  });

  it("lists a sparse file of 8 TB at once, and leaves its hash out", async () => {
    await using store = await TestStore.with();
    writeFileSync(join(store.upper(), "huge"), "");
    truncateSync(join(store.upper(), "huge"), 8 * 1024 ** 4);
    const began = performance.now();
    expect((await listAll(store))[1]?.size).toBe(8 * 1024 ** 4);
    expect((await store.client.hashFiles({ ...workspace, paths: ["huge"] })).size).toBe(0);
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  it("lists 100,000 entries in memory that hardly grows", { timeout: 60_000 }, async () => {
    await using store = await TestStore.with();
    python(
      `for folder in range(100):
    os.mkdir(f"{sys.argv[1]}/{folder}")
    for file in range(999):
        open(f"{sys.argv[1]}/{folder}/file-{file}", "w").close()`,
      store.upper(),
    );
    const memory = (): number =>
      Number(
        /VmHWM:\s+(\d+)/.exec(execFileSync("cat", [`/proc/${store.keeper.pid}/status`], { encoding: "utf8" }))?.[1],
      );
    let count = 0;
    for await (const group of store.client.listLayer(workspace)) count += group.length;
    expect(count).toBe(100_001);
    expect(memory()).toBeLessThan(40_000);
  });

  it("sends along what small files hold, and nothing of anything else", async () => {
    await using store = await TestStore.with();
    await fc.assert(
      fc.asyncProperty(anyTree, async (nodes) => {
        await store.client.resetLayers({ session: "one", layers: ["workspace"] });
        makeTree(store.upper(), nodes);
        const plain = await listAll(store);
        const full = await listed(store.client, { ...workspace, contents: 65_536 });
        expect(full.map(({ content: _, ...entry }) => entry)).toEqual(plain);
        const hashes = await store.client.hashFiles({
          ...workspace,
          paths: full.filter(({ kind }) => kind === "file").map(({ path }) => path),
        });
        for (const { path, kind, size, content } of full) {
          const small = kind === "file" && size > 0 && size <= 65_536;
          expect(content?.length).toBe(small ? size : undefined);
          if (content !== undefined) expect(createHash("sha256").update(content).digest("hex")).toBe(hashes.get(path));
        }
      }),
      { numRuns: 25 },
    );
  });

  it("keeps to the limit for contents, and to that of a frame", async () => {
    await using store = await TestStore.with();
    for (let file = 0; file < 30; file += 1) {
      writeFileSync(join(store.upper(), `f${String(file).padStart(2, "0")}`), Buffer.alloc(40_000 + file, file + 1));
    }
    const lengths = async (contents: number): Promise<(number | undefined)[]> =>
      (await listed(store.client, { ...workspace, contents })).slice(1).map(({ content }) => content?.length);
    expect(await lengths(65_536)).toEqual(Array.from({ length: 30 }, (_, file) => 40_000 + file));
    expect(await lengths(40_003)).toEqual([
      40_000,
      40_001,
      40_002,
      40_003,
      ...Array.from({ length: 26 }, () => undefined),
    ]);
    await expect(lengths(65_537)).rejects.toThrow("not a whole number in range");
  });

  it("opens nothing but regular files, and follows no link", async () => {
    await using store = await TestStore.with();
    mkdirSync(join(store.upper(), "real"));
    writeFileSync(join(store.upper(), "real/secret"), "inside");
    python(
      `os.chdir(sys.argv[1]); os.mkfifo("fifo"); os.symlink("real", "way"); os.symlink("/etc/passwd", "link"); os.symlink("..", "up")
os.mknod("null", stat.S_IFCHR | 0o666, os.makedev(1, 3)); os.mknod("sock", stat.S_IFSOCK)`,
      store.upper(),
    );
    const names = ["fifo", "way/secret", "link", "up/mask", "null", "sock", "real", "nothing", "real/secret/x"];
    const hashes = await store.client.hashFiles({ ...workspace, paths: [...names, "real/secret"] });
    expect([...hashes.keys()]).toEqual(["real/secret"]);
    const heads = await store.client.readHeads({ ...workspace, paths: [...names, "real/secret"], bytes: 3 });
    expect([...heads].map(([path, head]) => [path, Buffer.from(head).toString()])).toEqual([["real/secret", "ins"]]);
    for (const path of names) expect(await store.client.readFile({ ...workspace, path, maxBytes: 9 })).toBeNull();
  });

  it.each(["../mask", "/etc/passwd", "a/../../b", "a//b", ".", "a\0b", ""])("refuses the path %j", async (path) => {
    await using store = await TestStore.with();
    await expect(store.client.readFile({ ...workspace, path, maxBytes: 9 })).rejects.toThrow("layer.read");
  });
});
