import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { UploadEntry } from "../../src/workspace/keeper-client.js";
import { uploadEntries } from "../../src/workspace/upload.js";
import { attributes, mayTest, startKeeper, TestStore, workspace } from "./store-fixture.js";
import { describeTree } from "./tree.js";

async function* upload(...entries: readonly UploadEntry[]): AsyncGenerator<UploadEntry, void, void> {
  yield* entries;
}

async function* content(...parts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array, void, void> {
  for (const part of parts) yield Buffer.from(part);
}

const dir = (path: string): UploadEntry => ({ path, kind: "dir", ...attributes });
const link = (path: string, target: string): UploadEntry => ({ path, kind: "symlink", target, ...attributes });
const file = (path: string, text: string): UploadEntry => ({
  path,
  kind: "file",
  ...attributes,
  size: Buffer.byteLength(text),
  content: content(text),
});

const baseOf = (store: TestStore): string => join(store.path, "sessions/one/base/workspace");

describe.skipIf(!mayTest)("base.put (as root: owners)", () => {
  it("keeps names, contents, links, modes, owners and times", async () => {
    await using store = await TestStore.with();
    const mode = { mode: 0o750, uid: 4_000, gid: 5_000, mtimeNs: "1234567890123456789" };
    const answer = await store.client.putBase(
      workspace,
      upload(
        { path: "", kind: "dir", ...mode, mode: 0o711 },
        { ...dir("d"), ...mode },
        { ...dir("d/inner"), ...mode },
        { ...file("d/inner/\udcff\n", "bytes"), ...mode, mode: 0o4640 },
        link("way", "../../etc/\udcfe"),
        { ...file("d/later", "after its sibling's children"), ...mode },
        file("empty", ""),
      ),
    );
    expect(answer).toEqual({ entries: 7, bytes: 33 });
    const seen = describeTree(baseOf(store)).map(({ path, mode, uid, mtime, size, target }) => ({
      path,
      mode,
      uid,
      mtime,
      size,
      target,
    }));
    const owned = { uid: 4_000, mtime: mode.mtimeNs };
    expect(seen).toMatchObject([
      { path: "", mode: 0o711, ...owned },
      { path: "d", mode: 0o750, ...owned },
      { path: "d/inner", mode: 0o750, ...owned },
      { path: "d/inner/\xff\n", mode: 0o4640, size: 5, ...owned },
      { path: "d/later", mode: 0o750, ...owned },
      { path: "empty", size: 0 },
      { path: "way", target: "../../etc/\xfe", mtime: attributes.mtimeNs },
    ]);
  });

  const hostile: readonly (readonly [string, readonly UploadEntry[]])[] = [
    ["goes through a link", [link("way", "/tmp"), file("way/x", "x")]],
    ["goes through a link to a sibling with the same prefix", [link("d", "../workspace-evil"), file("d/x", "x")]],
    ["makes a folder of a link", [link("way", "/tmp"), dir("way")]],
    ["replaces a link by a file", [link("way", "/tmp/created"), file("way", "x")]],
    ["replaces a file", [file("a", "1"), file("a", "2")]],
    ["puts something below a file", [file("a", "1"), file("a/b", "2")]],
    ["names a parent that was not sent", [file("a/b", "2")]],
    ["climbs", [dir("a"), file("a/../../x", "2")]],
    ["is absolute", [file("/etc/x", "2")]],
    ["has a NUL", [file("a\0b", "2")]],
    ["makes the root a file", [file("", "2")]],
    ["has a kind that is none", [{ ...dir("a"), kind: "fifo" } as unknown as UploadEntry]],
    ["has a field too many", [{ ...dir("a"), size: 5 } as UploadEntry]],
    ["has a target without a link", [{ ...file("a", "1"), target: "/x" }]],
  ];

  it.each(hostile)("refuses a stream that %s, and goes on", async (_what, entries) => {
    await using store = await TestStore.with();
    const withoutBase = () =>
      describeTree(store.path).filter(({ path }) => !path.startsWith("sessions/one/base/workspace"));
    const before = withoutBase();
    await expect(store.client.putBase(workspace, upload(...entries))).rejects.toThrow("base.put");
    expect(withoutBase()).toEqual(before);
    expect(await store.client.sessionExists("one")).toBe(true);
  });

  it("says at once what it refuses, so that the rest is not sent", async () => {
    await using store = await TestStore.with();
    let sent = 0;
    const endless = async function* (): AsyncGenerator<UploadEntry, void, void> {
      yield file("a", "1");
      yield file("a", "2");
      for (; sent < 1_000_000; sent += 1) yield dir(`d${sent}`);
    };
    await expect(store.client.putBase(workspace, endless())).rejects.toThrow("twice");
    expect(sent).toBeLessThan(500_000);
    await store.client.hello();
  });

  it("breaks the connection when a file becomes shorter on the way, instead of waiting for ever", async () => {
    await using store = await TestStore.with();
    await using keeper = startKeeper(store.path);
    const short = { ...file("a", "1"), size: 5 };
    const put = keeper.client.putBase(workspace, upload(short));
    await expect(put).rejects.toMatchObject({ code: "E_BASE_CHANGED" });
    await expect(keeper.client.hello()).rejects.toMatchObject({ code: "E_KEEPER_FAILED" });
  });

  it("cuts a file that grew on the way", async () => {
    await using store = await TestStore.with();
    const grown = { ...file("a", "12345"), content: content("123", "45", "678") };
    await store.client.putBase(workspace, upload(grown, file("b", "next")));
    expect(readFileSync(join(baseOf(store), "a"), "utf8")).toBe("12345");
    expect(readFileSync(join(baseOf(store), "b"), "utf8")).toBe("next");
  });

  it("takes what the host's own walk sends, whole", async () => {
    await using store = await TestStore.with();
    const project = join(store.path, "project");
    mkdirSync(join(project, "a/b/c"), { recursive: true });
    mkdirSync(join(project, "z"));
    for (const path of ["a/1", "a/b/2", "a/b/c/3", "z/4", "5", ".env"]) writeFileSync(join(project, path), path);
    const options = { hidden: new Set([".env"]), signal: new AbortController().signal, onProgress: () => undefined };
    await store.client.putBase(workspace, uploadEntries(project, options));
    const withoutRoot = (folder: string) => describeTree(folder).filter(({ path }) => path !== "" && path !== ".env");
    expect(withoutRoot(baseOf(store))).toEqual(withoutRoot(project));
  });
});

describe.skipIf(!mayTest)("masks (as root: devices)", () => {
  it("are whiteouts in folders that look like the real ones", async () => {
    await using store = new TestStore();
    const conf = { path: "conf", mode: 0o750, uid: 7, gid: 8, mtimeNs: "1600000000000000001" };
    const deep = { path: "conf/deep", mode: 0o2770, uid: 9, gid: 9, mtimeNs: "1600000000000000002" };
    await store.client.createSession({
      session: "one",
      record: {},
      layers: [{ name: "workspace", ...attributes }],
      masks: { workspace: { folders: [conf, deep], hidden: [".env", "conf/deep/key\udcff", "conf/token"] } },
    });
    const layer = join(store.path, "sessions/one/layers/workspace");
    const look = () => describeTree(join(layer, "mask"));
    const folder = { type: 0o040000 };
    const whiteout = { type: 0o020000, device: 0, mode: 0 };
    expect(look()).toMatchObject([
      { path: "", ...folder, mode: 0o755, uid: 1000, mtime: attributes.mtimeNs },
      { path: ".env", ...whiteout },
      { path: "conf", ...folder, mode: 0o750, uid: 7, gid: 8, mtime: conf.mtimeNs },
      { path: "conf/deep", ...folder, mode: 0o2770, uid: 9, mtime: deep.mtimeNs },
      { path: "conf/deep/key\xff", ...whiteout },
      { path: "conf/token", ...whiteout },
    ]);
    await store.client.addMasks({ ...workspace, masks: { folders: [], hidden: ["conf/more", ".env"] } });
    expect(look()).toMatchObject([{}, {}, { mtime: conf.mtimeNs }, { mtime: deep.mtimeNs }, {}, { ...whiteout }, {}]);
    for (const part of ["upper", "mask"]) expect(statSync(join(layer, part)).mtimeMs).toBe(1_700_000_000_123.4568);
    for (const path of [join(store.path, "sessions"), layer]) expect(statSync(path).mode & 0o777).toBe(0o700);
    await store.client.resetLayers({ session: "one", layers: ["workspace"] });
    expect(look().length).toBe(7);
    expect(statSync(join(layer, "upper")).uid).toBe(1000);
  });
});
