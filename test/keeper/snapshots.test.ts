import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mayTest, python, TestStore } from "./store-fixture.js";
import { anyTree, describeTree, makeTree } from "./tree.js";

const layers = ["workspace"];
const s1 = { session: "one", snapshot: "s1" };

function inSnapshot(store: TestStore, path: string, snapshot = "s1"): string {
  return join(store.path, "sessions/one/snapshots", snapshot, "layers/workspace", path);
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
}

describe.skipIf(!mayTest)("snapshots (as root: owners, whiteouts and trusted attributes)", () => {
  it("bring back any tree exactly, and verify", async () => {
    await using store = await TestStore.with("workspace", "home");
    await fc.assert(
      fc.asyncProperty(anyTree, anyTree, async (before, after) => {
        await store.client.resetLayers({ session: "one", layers: ["workspace", "home"] });
        makeTree(store.upper(), before);
        makeTree(store.upper("home"), after);
        const seen = [describeTree(store.upper()), describeTree(store.upper("home"))];
        const saved = await store.client.createSnapshot({ ...s1, layers: ["workspace", "home"] });
        expect(await store.client.verifySnapshot({ ...s1, manifestSha256: saved.manifestSha256 })).toEqual(saved);
        await store.client.resetLayers({ session: "one", layers: ["workspace", "home"] });
        makeTree(store.upper(), after);
        await store.client.restoreSnapshot({ ...s1, layers: ["workspace", "home"] });
        expect([describeTree(store.upper()), describeTree(store.upper("home"))]).toEqual(seen);
        expect(await store.client.verifySnapshot(s1)).toEqual(saved);
        await store.client.deleteSnapshot(s1);
      }),
      { numRuns: 12 },
    );
  });

  it("share what did not change, copy what did, and are untouched by what comes later", async () => {
    await using store = await TestStore.with();
    for (const name of ["same", "grows", "goes"]) writeFileSync(join(store.upper(), name), `${name}\n`);
    linkSync(join(store.upper(), "same"), join(store.upper(), "same too"));
    await sleep(2_100);
    await store.client.createSnapshot({ ...s1, layers });
    appendFileSync(join(store.upper(), "grows"), "more\n");
    execFileSync("rm", [join(store.upper(), "goes")]);
    await store.client.createSnapshot({ session: "one", snapshot: "s2", layers, previous: "s1" });
    const inode = (snapshot: string, name: string): number => statSync(inSnapshot(store, name, snapshot)).ino;
    expect(inode("s2", "same")).toBe(inode("s1", "same"));
    expect(inode("s2", "same too")).toBe(inode("s2", "same"));
    expect(inode("s2", "grows")).not.toBe(inode("s1", "grows"));
    expect(inode("s1", "same")).not.toBe(statSync(join(store.upper(), "same")).ino);
    await store.client.restoreSnapshot({ ...s1, layers });
    appendFileSync(join(store.upper(), "same"), "changed after the restore\n");
    for (const snapshot of ["s1", "s2"]) await store.client.verifySnapshot({ session: "one", snapshot });
    expect(readFileSync(join(store.upper(), "goes"), "utf8")).toBe("goes\n");
    await store.client.deleteSnapshot(s1);
    expect(await store.client.listSnapshots("one")).toEqual(["s2"]);
    await store.client.verifySnapshot({ session: "one", snapshot: "s2" });
  });

  it("copy a file that was changed back to its size and time", async () => {
    await using store = await TestStore.with();
    const file = join(store.upper(), "sly");
    writeFileSync(file, "first");
    await sleep(2_100);
    await store.client.createSnapshot({ ...s1, layers });
    python(
      `path = sys.argv[1]; before = os.stat(path); open(path, "w").write("SECON")
os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))`,
      file,
    );
    await sleep(2_100);
    await store.client.createSnapshot({ session: "one", snapshot: "s2", layers, previous: "s1" });
    expect(readFileSync(inSnapshot(store, "sly", "s2"), "utf8")).toBe("SECON");
  });

  it("keep holes: 8 TB of nothing is saved, verified and restored at once", async () => {
    await using store = await TestStore.with();
    const file = join(store.upper(), "huge");
    writeFileSync(file, "start");
    truncateSync(file, 8 * 1024 ** 4);
    python(`fd = os.open(sys.argv[1], os.O_WRONLY); os.pwrite(fd, b"deep inside", 5 * 1024 ** 4 + 77)`, file);
    const began = performance.now();
    await store.client.createSnapshot({ ...s1, layers });
    await store.client.restoreSnapshot({ ...s1, layers });
    expect(performance.now() - began).toBeLessThan(5_000);
    const found = python(
      `fd = os.open(sys.argv[1], os.O_RDONLY); print(os.pread(fd, 11, 5 * 1024 ** 4 + 77).decode(), os.fstat(fd).st_size)`,
      file,
    );
    expect(found).toBe(`deep inside ${8 * 1024 ** 4}\n`);
    expect(statSync(file).blocks * 512).toBeLessThan(1024 * 1024);
    python(`fd = os.open(sys.argv[1], os.O_WRONLY); os.pwrite(fd, b"X", 6 * 1024 ** 4)`, inSnapshot(store, "huge"));
    await expect(store.client.verifySnapshot(s1)).rejects.toMatchObject({ code: "E_SNAPSHOT_DAMAGED" });
  });

  it("cannot be made under a name that is taken", async () => {
    await using store = await TestStore.with();
    await store.client.createSnapshot({ ...s1, layers });
    await expect(store.client.createSnapshot({ ...s1, layers })).rejects.toThrow("already");
    await expect(store.client.restoreSnapshot({ session: "one", snapshot: "s7", layers })).rejects.toThrow("s7");
  });

  const damages: readonly (readonly [string, string])[] = [
    ["a changed byte", `f = open(s + "/a", "r+b"); f.write(b"X"); f.close()`],
    ["a missing file", `os.unlink(s + "/a")`],
    ["a file too many", `open(s + "/zz", "w").close()`],
    ["a file too many at the front", `open(s + "/0", "w").close()`],
    ["another mode", `os.chmod(s + "/a", 0o4755)`],
    ["another owner", `os.chown(s + "/a", 5, 5)`],
    ["another time", `os.utime(s + "/a", (5, 5))`],
    ["a file that became a link", `os.unlink(s + "/a"); os.symlink("/etc/passwd", s + "/a")`],
    ["another target", `os.unlink(s + "/link"); os.symlink("/etc/shadow", s + "/link")`],
    ["a folder that is no longer opaque", `os.removexattr(s + "/d", "trusted.overlay.opaque")`],
    ["a folder that became opaque", `os.setxattr(s + "/e", "trusted.overlay.opaque", b"y")`],
    ["a changed attribute", `os.setxattr(s + "/a", "user.note", b"2")`],
    ["a deletion that is gone", `os.unlink(s + "/gone")`],
    [
      "names that are no longer one file",
      `os.unlink(s + "/twin"); __import__("shutil").copy2(s + "/a", s + "/twin"); os.setxattr(s + "/twin", "user.note", b"1")`,
    ],
    ["a layer too many", `os.mkdir(s + "/../home")`],
    ["a layer that is missing", `os.rename(s, s + "/../../w")`],
    [
      "a manifest cut off",
      `p = s + "/../../manifest.jsonl"; t = open(p).read().splitlines(True); open(p, "w").writelines(t[:-1])`,
    ],
    [
      "a manifest with a line less",
      `p = s + "/../../manifest.jsonl"; t = open(p).read().splitlines(True); open(p, "w").writelines(t[:1] + t[2:])`,
    ],
    ["a manifest with something after its end", `open(s + "/../../manifest.jsonl", "a").write("{}\\n")`],
    ["a manifest that is no text", `open(s + "/../../manifest.jsonl", "wb").write(bytes(range(256)))`],
    ["a manifest of nonsense", `open(s + "/../../manifest.jsonl", "w").write('[1]\\n{"layer":"../x"}\\n')`],
    ["no manifest", `os.unlink(s + "/../../manifest.jsonl")`],
    ["somebody else's folder", `os.chown(s + "/../..", 1000, 1000)`],
  ];

  it.each(damages)("that were damaged are never restored: %s", async (_what, damage) => {
    await using store = await TestStore.with();
    python(
      `os.chdir(sys.argv[1]); open("a", "w").write("abc"); os.setxattr("a", "user.note", b"1"); os.link("a", "twin"); os.symlink("a", "link")
os.mkdir("d"); os.mkdir("e"); os.setxattr("d", "trusted.overlay.opaque", b"y"); os.mknod("gone", stat.S_IFCHR, 0)`,
      store.upper(),
    );
    await store.client.createSnapshot({ ...s1, layers });
    await store.client.verifySnapshot(s1);
    python(`s = sys.argv[1]\n${damage}`, inSnapshot(store, ""));
    writeFileSync(join(store.upper(), "present"), "work");
    const before = describeTree(store.upper());
    const isDamaged = { code: "E_SNAPSHOT_DAMAGED" };
    await expect(store.client.verifySnapshot(s1)).rejects.toMatchObject(isDamaged);
    await expect(store.client.restoreSnapshot({ ...s1, layers })).rejects.toMatchObject(isDamaged);
    expect(describeTree(store.upper())).toEqual(before);
    expect(filesOf(join(store.path, "sessions/one/layers/workspace")).filter((name) => name.includes(".new"))).toEqual(
      [],
    );
  });

  it("are refused when a whole other manifest was put in place of the one that was made", async () => {
    await using store = await TestStore.with();
    const saved = await store.client.createSnapshot({ ...s1, layers });
    writeFileSync(join(store.upper(), "later"), "");
    await store.client.createSnapshot({ session: "one", snapshot: "s2", layers });
    const folder = join(store.path, "sessions/one/snapshots");
    execFileSync("sh", ["-c", `rm -r ${folder}/s1 && cp -a ${folder}/s2 ${folder}/s1`]);
    await store.client.verifySnapshot(s1);
    const expected = { ...s1, manifestSha256: saved.manifestSha256 };
    await expect(store.client.restoreSnapshot({ ...expected, layers })).rejects.toMatchObject({
      code: "E_SNAPSHOT_DAMAGED",
    });
  });

  it("hold trees below PATH_MAX", async () => {
    await using store = await TestStore.with();
    python(
      `fd = os.open(sys.argv[1], os.O_RDONLY)
for level in range(300):
    os.mkdir("d" * 100, dir_fd=fd); child = os.open("d" * 100, os.O_RDONLY, dir_fd=fd); os.close(fd); fd = child
os.close(os.open("a", os.O_WRONLY | os.O_CREAT, dir_fd=fd)); os.link("a", "b", src_dir_fd=fd, dst_dir_fd=fd)`,
      store.upper(),
    );
    await sleep(2_100);
    await store.client.createSnapshot({ ...s1, layers });
    await store.client.createSnapshot({ session: "one", snapshot: "s2", layers, previous: "s1" });
    await store.client.resetLayers({ session: "one", layers });
    await store.client.restoreSnapshot({ session: "one", snapshot: "s2", layers });
    expect((await store.client.usage("one")).entries).toBe(302);
    mkdirSync(join(store.upper(), "more"));
  });
});
