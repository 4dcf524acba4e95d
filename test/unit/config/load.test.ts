import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isAirlockError } from "../../../src/base/errors.js";
import { loadConfigFile, projectConfigPath, userConfigPath } from "../../../src/config/load.js";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "airlock-config-"));
  file = projectConfigPath(folder);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function messageOfLoading(kind: "project" | "user" = "project", path = file): Promise<string> {
  try {
    await loadConfigFile(path, kind);
  } catch (error) {
    if (isAirlockError(error, "E_CONFIG_INVALID")) return error.message;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("a file that is there", () => {
  test("is read, and named by the hash of its bytes", async () => {
    writeFileSync(file, "user: root\n");
    const plain = await loadConfigFile(file, "project");
    expect(plain).toMatchObject({ file, config: { user: "root" } });
    const hashes = new Set([plain?.sha256]);
    for (const text of ["user: root", "user: root \n", "\ufeffuser: root\n", "user: root\n# x\n", "user: root\r\n"]) {
      writeFileSync(file, text);
      const loaded = await loadConfigFile(file, "project");
      expect(loaded?.config).toEqual({ user: "root" });
      hashes.add(loaded?.sha256);
    }
    expect(hashes.size).toBe(6);
  });

  test("may be a link when it is the user's own, as those who keep dotfiles have it", async () => {
    writeFileSync(join(folder, "real.yaml"), "user: root\n");
    symlinkSync("real.yaml", join(folder, "config.yaml"));
    expect((await loadConfigFile(join(folder, "config.yaml"), "user"))?.config).toEqual({ user: "root" });
  });
});

describe("no file", () => {
  test("is no configuration, without an error", async () => {
    expect(await loadConfigFile(file, "project")).toBeNull();
    expect(await loadConfigFile(join(folder, "not/there.yaml"), "user")).toBeNull();
    writeFileSync(join(folder, "plain"), "");
    expect(await loadConfigFile(join(folder, "plain/config.yaml"), "user")).toBeNull();
  });

  test("but one of the other ending is a mistake, not nothing", async () => {
    writeFileSync(join(folder, "airlock.yml"), "mask: [x]\n");
    expect(await messageOfLoading()).toBe(`${join(folder, "airlock.yml")}: the file's name must be airlock.yaml`);
  });
});

describe("something else in its place is refused, and never waited for", () => {
  const makers: Readonly<Record<string, [make: (path: string) => void, why: RegExp]>> = {
    "a symbolic link": [
      (path) => {
        writeFileSync(`${path}.real`, "user: agent\n");
        symlinkSync(`${path}.real`, path);
      },
      /a symbolic link; the file itself must be there/,
    ],
    "a link to nothing": [(path) => symlinkSync("gone", path), /symbolic link/],
    "a link to a device": [(path) => symlinkSync("/dev/zero", path), /symbolic link/],
    "a folder": [(path) => mkdirSync(path), /not a regular file/],
    "a pipe": [(path) => execFileSync("mkfifo", [path]), /not a regular file/],
    "a huge file": [(path) => writeFileSync(path, "#".repeat(256 * 1024 + 1)), /larger than 256 KiB/],
    "bytes that are not UTF-8": [(path) => writeFileSync(path, Buffer.from([0x61, 0x3a, 0xff])), /not valid UTF-8/],
  };

  test.each(Object.keys(makers))("%s", async (name) => {
    const [make, why] = makers[name] ?? [];
    make?.(file);
    expect(await messageOfLoading()).toMatch(why ?? /never/);
  });

  test("a socket", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(file, resolve));
    expect(await messageOfLoading()).toMatch(/not a regular file/);
    await new Promise((resolve) => server.close(resolve));
  });

  test("a link of the user's own to nothing, to a pipe and to a device", async () => {
    const own = join(folder, "config.yaml");
    symlinkSync("gone", own);
    expect(await messageOfLoading("user", own)).toMatch(/a symbolic link to nothing/);
    rmSync(own);
    execFileSync("mkfifo", [join(folder, "pipe")]);
    symlinkSync("pipe", own);
    expect(await messageOfLoading("user", own)).toMatch(/not a regular file/);
    rmSync(own);
    symlinkSync("/dev/zero", own);
    expect(await messageOfLoading("user", own)).toMatch(/not a regular file/);
  });

  test("a file of the user's own that everybody can write to", async () => {
    writeFileSync(file, "user: root\n");
    chmodSync(file, 0o666);
    expect(await messageOfLoading("user")).toMatch(/everybody on this machine can write to it/);
  });

  test("a file that may not be read", async () => {
    writeFileSync(file, "user: root\n");
    chmodSync(file, 0);
    chmodSync(folder, 0o755);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      expect(await messageOfLoading()).toMatch(/you may not read it/);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });
});

describe("where the user's own file lies", () => {
  test("by XDG, else in ~/.config; a relative XDG folder does not count", () => {
    const homedir = "/home/kim";
    expect(userConfigPath({ env: { XDG_CONFIG_HOME: "/c" }, homedir })).toBe("/c/airlock/config.yaml");
    expect(userConfigPath({ env: {}, homedir })).toBe("/home/kim/.config/airlock/config.yaml");
    expect(userConfigPath({ env: { XDG_CONFIG_HOME: "c" }, homedir })).toBe("/home/kim/.config/airlock/config.yaml");
  });
});
