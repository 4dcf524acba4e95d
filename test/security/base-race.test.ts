import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, Lab } from "../support/lab.js";

let lab: Lab;
let folder: string;
beforeAll(async () => {
  lab = new Lab();
  folder = await mkdtemp(join(tmpdir(), "airlock-race-"));
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Exchanges a folder with one of two others, again and again, at one stroke each (renameat2 with RENAME_EXCHANGE). */
const swapper = `import ctypes, os, random, sys, time
libc, (place, *others) = ctypes.CDLL(None), [os.fsencode(path) for path in sys.argv[1:]]
while True:
    other = random.choice(others)
    libc.renameat2(-100, place, -100, other, 2)
    time.sleep(random.uniform(0.005, 0.15))
    libc.renameat2(-100, place, -100, other, 2)
    time.sleep(random.uniform(0.005, 0.25))
`;

/** A folder that says which one it is, wherever it is moved. */
async function folderWithMark(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  const { ino } = await stat(path);
  await writeFile(join(path, "mark"), String(ino));
  return path;
}

async function scene(name: string): Promise<{ readonly place: string; readonly swap: () => ChildProcess }> {
  const place = await folderWithMark(join(folder, name, "place"));
  // Looking for secrets in another folder would leave this one bare.
  await writeFile(join(place, ".env"), "SECRET");
  const other = await folderWithMark(join(folder, name, "other"));
  const link = join(folder, name, "link");
  await symlink(await folderWithMark(join(folder, name, "secret")), link);
  return { place, swap: () => spawn("python3", ["-c", swapper, place, other, link], { stdio: "ignore" }) };
}

interface Found {
  readonly approved: string | undefined;
  readonly shown: string;
}

const rounds = Number(process.env["AIRLOCK_TEST_ROUNDS"] ?? 24);

/** What was approved and what the sandbox saw, of every start that was not refused. */
async function race(one: (name: string) => Promise<Found | null>): Promise<Found[]> {
  const found: Found[] = [];
  for (let round = 0; round < rounds; round += 2) {
    const both = await Promise.all([one(`race-${Date.now()}-${round}`), one(`race-${Date.now()}-${round + 1}`)]);
    found.push(...both.filter((each) => each !== null));
  }
  return found;
}

interface Identity {
  readonly inode: string;
}
const recordOf = (name: string): { project: Identity; paths: Identity[] } =>
  JSON.parse(readFileSync(join(lab.home, "sessions", name, "session.json"), "utf8"));

describe("a folder that is swapped for another, or for a link, while a sandbox starts", () => {
  it("is never shown in place of the project that was approved", { timeout: rounds * 5_000 + 60_000 }, async () => {
    const { place, swap } = await scene("project");
    const child = swap();
    try {
      const found = await race(async (name) => {
        const args = [
          "run",
          "--name",
          name,
          "--project",
          place,
          "--on-exit",
          "discard",
          "--",
          "sh",
          "-c",
          "cat mark; cat .env 2>/dev/null; true",
        ];
        const { code, stdout } = await lab.airlock(args);
        return code === 0 ? { approved: recordOf(name).project.inode, shown: stdout.toString() } : null;
      });
      expect(found.length).toBeGreaterThan(0);
      expect(found.filter(({ approved, shown }) => approved !== shown)).toEqual([]);
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("is never shown in place of a copy-on-write path that was approved", {
    timeout: rounds * 5_000 + 60_000,
  }, async () => {
    const { place, swap } = await scene("path");
    const child = swap();
    try {
      const found = await race(async (name) => {
        const path = ["--path", `${place}:cow`];
        const command = ["sh", "-c", `cat ${folder}/path/*/mark; cat ${folder}/path/*/.env 2>/dev/null; true`];
        const { code, stdout } = await lab.airlock([
          "run",
          "--name",
          name,
          ...path,
          "--on-exit",
          "discard",
          "--",
          ...command,
        ]);
        return code === 0 ? { approved: recordOf(name).paths[0]?.inode, shown: stdout.toString() } : null;
      });
      expect(found.length).toBeGreaterThan(0);
      expect(found.filter(({ approved, shown }) => approved !== shown)).toEqual([]);
    } finally {
      child.kill("SIGKILL");
    }
  });
});

describe("the folder under a layer", () => {
  it("is the one that was approved also when the engine's own way to its path was bent", async () => {
    // Whatever the path leads to when the engine mounts: the folder is named by a handle.
    const { place } = await scene("bent");
    const id = await lab.start("--project", place);
    const options = await docker("volume", "inspect", "--format", "{{.Options.o}}", `airlock-${id}-workspace`);
    expect(options).toContain(`/bases/workspace:`);
    expect(options).not.toContain(place);
    expect((await lab.exec(id, "cat mark")).stdout.toString()).toBe(String((await stat(place)).ino));
    await lab.airlock(["discard", id]);
  });

  it("is not replaced by another one when the sandbox is started again", async () => {
    const { place } = await scene("replaced");
    const id = await lab.start("--project", place);
    await docker("kill", `airlock-${id}-1`);
    await rename(place, `${place}-before`);
    await folderWithMark(place);
    const { code, stdout, stderr } = await lab.exec(id, "cat mark");
    expect({ code, shown: stdout.toString() }).toEqual({ code: 125, shown: "" });
    expect(stderr).toContain("is not what was approved");
    await rm(place, { recursive: true });
    await rename(`${place}-before`, place);
    expect((await lab.exec(id, "cat mark")).stdout.toString()).toBe(String((await stat(place)).ino));
    await lab.airlock(["discard", id]);
  });

  it.each(["a,ro", "x,upperdir=evil", 'quo"te', "two:parts", "back\\slash", `long/${"0123456789/".repeat(300)}end`])(
    "may have a name like %j",
    async (name) => {
      const place = await folderWithMark(join(folder, name));
      const args = ["run", "--project", place, "--on-exit", "discard", "--", "cat", "mark"];
      const { stdout, stderr } = await lab.airlock(args);
      expect(stderr).toBe("");
      expect(stdout.toString()).toBe(String((await stat(place)).ino));
    },
  );
});
