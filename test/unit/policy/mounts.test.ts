import { chownSync, lchownSync, lstatSync, symlinkSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ApprovedPath } from "../../../src/model/session.js";
import { approvePath, type PathContext, parsePathFlag } from "../../../src/policy/mounts.js";
import { type ScratchFolder, scratchFolder } from "./scratch-folder.js";

function contextIn(scratch: ScratchFolder, more: Partial<PathContext> = {}): PathContext {
  const project = scratch.folder("home/me/app");
  return {
    places: {
      homedir: `${scratch.path}/home/me`,
      airlockHome: `${scratch.path}/state`,
      engineSocket: null,
      engineDataRoot: null,
    },
    cwd: project,
    project,
    workspace: project,
    allowRw: false,
    approved: [],
    index: 1,
    ...more,
  };
}

describe("a --path", () => {
  test.each([
    ["/data", "/data", "ro"],
    ["/data:ro", "/data", "ro"],
    ["/data:cow", "/data", "cow"],
    ["~/data:rw", "~/data", "rw"],
    ["/a:b:c", "/a:b:c", "ro"],
    ["/a:b:rw", "/a:b", "rw"],
    ["/a:rw:ro", "/a:rw", "ro"],
    ["/a:RW", "/a:RW", "ro"],
    ["/a:", "/a:", "ro"],
    ["rw", "rw", "ro"],
    [":rw", "", "rw"],
    ["", "", "ro"],
  ])("%j is %j in mode %s", (text, host, mode) => {
    expect(parsePathFlag(text)).toEqual({ host, mode });
  });

  test("with a mode always gives back the host's path as it was", () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom("ro", "cow", "rw"), (host, mode) => {
        expect(parsePathFlag(`${host}:${mode}`)).toEqual({ host, mode });
      }),
    );
  });
});

describe("an approved path", () => {
  test.runIf(process.getuid?.() === 0)("is not reached through a link of somebody else's, at any place", async () => {
    using scratch = scratchFolder();
    scratch.folder("data/inner");
    scratch.folder("shared");
    symlinkSync("../data", `${scratch.path}/shared/theirs`);
    symlinkSync("theirs", `${scratch.path}/shared/mine`);
    const context = contextIn(scratch);
    const ask = (path: string) => approvePath({ host: `${scratch.path}/${path}`, mode: "ro" }, context);
    for (const path of ["shared/theirs", "shared/theirs/inner", "shared/mine/inner", "shared/mine/../data/inner"]) {
      expect((await ask(path)).hostPath).toBe(`${scratch.path}/data${path.endsWith("inner") ? "/inner" : ""}`);
    }
    lchownSync(`${scratch.path}/shared/theirs`, 12_345, 12_345);
    for (const path of ["shared/theirs", "shared/theirs/inner", "shared/mine/inner", "shared/mine/../data/inner"]) {
      await expect(ask(path)).rejects.toThrow("is a symbolic link of somebody else's");
    }
    // The user's own link is as good as root's.
    chownSync(context.places.homedir, 12_345, 12_345);
    expect((await ask("shared/mine/inner")).hostPath).toBe(`${scratch.path}/data/inner`);
  });

  test("carries where it is, where it goes and what it was", async () => {
    using scratch = scratchFolder();
    const folder = scratch.folder("data/sub");
    const stat = lstatSync(folder, { bigint: true });
    expect(await approvePath({ host: folder, mode: "cow" }, contextIn(scratch))).toEqual({
      hostPath: folder,
      target: folder,
      mode: "cow",
      kind: "folder",
      device: String(stat.dev),
      inode: String(stat.ino),
    });
    const file = scratch.write("data/file.txt");
    expect(await approvePath({ host: file, mode: "ro" }, contextIn(scratch))).toMatchObject({ kind: "file" });
  });

  test.each([
    ["~/data", "home/me/data"],
    ["../data", "home/me/data"],
    ["./../data/.", "home/me/data"],
    ["../link", "data"],
    ["../link/../other", "other"],
    ["../a:b", "home/me/a:b"],
    ["../~x", "home/me/~x"],
  ])("%s is resolved as a shell's user means it", async (host, expected) => {
    using scratch = scratchFolder();
    const context = contextIn(scratch);
    for (const each of ["home/me/data", "data", "other", "home/me/a:b", "home/me/~x"]) scratch.folder(each);
    symlinkSync(`${scratch.path}/data`, `${scratch.path}/home/me/link`);
    expect((await approvePath({ host, mode: "ro" }, context)).hostPath).toBe(`${scratch.path}/${expected}`);
  });

  test.each([
    "",
    "~root",
    "~root/data",
    "a\0b",
    "a\nb",
    "a\u001b[2J",
    "$HOME/data",
    "/nowhere/at/all",
    "x".repeat(5_000),
  ])("cannot be written as %j", async (host) => {
    using scratch = scratchFolder();
    await expect(approvePath({ host, mode: "ro" }, contextIn(scratch))).rejects.toMatchObject({
      code: "E_MOUNT_REFUSED",
      hint: expect.any(String),
    });
  });

  test("may be writable when that was allowed", async () => {
    using scratch = scratchFolder();
    const host = scratch.folder("data");
    await expect(approvePath({ host, mode: "rw" }, contextIn(scratch))).rejects.toMatchObject({
      hint: expect.stringContaining("--allow-rw"),
    });
    const context = contextIn(scratch, { allowRw: true });
    expect(await approvePath({ host, mode: "rw" }, context)).toMatchObject({ mode: "rw" });
  });
});

describe("the place of an approved path inside", () => {
  const taken = (target: string): ApprovedPath => ({
    hostPath: "/elsewhere",
    target,
    mode: "ro",
    kind: "folder",
    device: "1",
    inode: "1",
  });

  test("is /mnt/airlock/<number> where its own would hide something", async () => {
    using scratch = scratchFolder();
    const usr = await approvePath({ host: "/usr/share", mode: "cow" }, contextIn(scratch, { index: 3 }));
    expect(usr.target).toBe("/mnt/airlock/3");
    const host = scratch.folder("data/sub");
    const approved = [taken(`${scratch.path}/data`), taken("/mnt/airlock/1")];
    expect((await approvePath({ host, mode: "ro" }, contextIn(scratch, { approved }))).target).toBe("/mnt/airlock/2");
  });

  test.each(["/data", "/mnt/airlock/x", "/opt/tools", "/home/agent/.cache/x", "/tmp/x", "/workspace2", "/library"])(
    "can be %s",
    async (target) => {
      using scratch = scratchFolder();
      const host = scratch.folder("data");
      const context = contextIn(scratch, { workspace: "/workspace" });
      expect((await approvePath({ host, mode: "ro", target }, context)).target).toBe(target);
    },
  );
});
