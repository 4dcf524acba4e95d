import { chmodSync, lstatSync, symlinkSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { ProtectedPlaces } from "../../../src/policy/places.js";
import { checkProject, workspaceTarget } from "../../../src/policy/project.js";
import { type ScratchFolder, scratchFolder, withoutRoot } from "./scratch-folder.js";

const placesIn = (scratch: ScratchFolder): ProtectedPlaces => ({
  homedir: scratch.folder("home/me"),
  airlockHome: `${scratch.path}/home/me/.local/state/airlock`,
  engineSocket: scratch.write("engine/run/docker.sock"),
  engineDataRoot: scratch.folder("engine/data"),
});

describe("a project", () => {
  test("is resolved and described", async () => {
    using scratch = scratchFolder();
    const folder = scratch.folder("home/me/code/app");
    symlinkSync(folder, `${scratch.path}/link`);
    chmodSync(folder, 0o750);
    const stat = lstatSync(folder, { bigint: true });
    expect(await checkProject(`${scratch.path}/x/../link/.`.replace("x/../", ""), placesIn(scratch))).toEqual({
      path: folder,
      device: String(stat.dev),
      inode: String(stat.ino),
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      mode: 0o750,
      mtimeNs: String(stat.mtimeNs),
    });
  });

  test.each(["", "a\0b", "/nowhere/at/all", "a\nb", "file", "file/below"])("cannot be %j", async (name) => {
    using scratch = scratchFolder();
    scratch.write("file");
    const path = name.startsWith("file") ? `${scratch.path}/${name}` : name;
    await expect(checkProject(path, placesIn(scratch))).rejects.toMatchObject({
      code: "E_PROJECT_UNUSABLE",
      hint: expect.stringContaining("--project"),
    });
  });

  test("must be readable", async () => {
    using scratch = scratchFolder();
    chmodSync(scratch.path, 0o755);
    const places = placesIn(scratch);
    chmodSync(scratch.folder("closed"), 0);
    await expect(withoutRoot(() => checkProject(`${scratch.path}/closed`, places))).rejects.toMatchObject({
      code: "E_PROJECT_UNUSABLE",
      message: expect.stringContaining("not readable"),
    });
  });

  test.each([
    "/",
    "/etc",
    "/usr/share",
    "/bin",
    "/proc/self",
    "/dev",
    "/sys/kernel",
    "/run",
    "/var/run",
    "/root",
    "/home",
  ])("cannot be %s", async (path) => {
    using scratch = scratchFolder();
    await expect(checkProject(path, placesIn(scratch))).rejects.toMatchObject({ code: "E_MOUNT_REFUSED" });
  });

  test.each([
    ["the home folder", "home/me"],
    ["a parent of it", "home"],
    ["credentials", "home/me/.ssh"],
    ["a folder among credentials", "home/me/.aws/sso/cache"],
    ["a folder with credentials", "home/me/.config"],
    ["Airlock's state", "home/me/.local/state/airlock"],
    ["a folder in Airlock's state", "home/me/.local/state/airlock/sessions"],
    ["a folder with Airlock's state", "home/me/.local/state"],
    ["the engine's data", "engine/data/volumes"],
    ["a folder with the engine's socket", "engine/run"],
  ])("cannot be %s", async (_, path) => {
    using scratch = scratchFolder();
    const places = placesIn(scratch);
    const folder = scratch.folder(path);
    symlinkSync(folder, `${scratch.path}/link`);
    for (const way of [folder, `${scratch.path}/link`]) {
      await expect(checkProject(way, places)).rejects.toMatchObject({ code: "E_MOUNT_REFUSED" });
    }
    expect(await checkProject(folder, places, [])).toMatchObject({ path: folder });
  });

  test.each(["home/me/code", "home/me/.config/fish", "home/me/.dotfiles", "engine/other", "srv/.ssh"])(
    "can be %s",
    async (path) => {
      using scratch = scratchFolder();
      const folder = scratch.folder(path);
      expect(await checkProject(folder, placesIn(scratch))).toMatchObject({ path: folder });
    },
  );
});

describe("the place of a project inside", () => {
  test.each([
    "/home/me/app",
    "/tmp/app",
    "/srv/app",
    "/opt/app",
    "/Users/me/app",
    "/root/app",
    "/library",
    "/workspace",
  ])("is its own path for %s", (path) => {
    expect(workspaceTarget(path)).toBe(path);
  });

  test.each([
    "/",
    "/usr/src/app",
    "/var/www",
    "/etc/nginx",
    "/lib64/x",
    "/airlock",
    "/tmp",
    "/home",
    "/home/agent",
    "/home/agent/app",
    "/mnt",
    "/mnt/airlock/1",
  ])("is /workspace for %s", (path) => {
    expect(workspaceTarget(path)).toBe("/workspace");
  });
});
