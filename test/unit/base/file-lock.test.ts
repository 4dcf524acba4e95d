import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { holderOf, isAbandoned, takeLock } from "../../../src/base/file-lock.js";

const temporary = (): Promise<string> => mkdtemp(join(tmpdir(), "airlock-lock-"));

describe("the file lock", () => {
  test("one holder at a time, and the next gets it when it is given back", async () => {
    const path = join(await temporary(), "lock");
    const first = await takeLock(path, { waitMs: 0 });
    expect(first).not.toBeNull();
    expect(await takeLock(path, { waitMs: 50 })).toBeNull();
    expect(await holderOf(path)).toBe(process.pid);
    await first?.[Symbol.asyncDispose]();
    expect(await takeLock(path, { waitMs: 0 })).not.toBeNull();
  });

  test("a dead holder's lock is taken over, by exactly one of many that wait", async () => {
    const folder = await temporary();
    const path = join(folder, "lock");
    const child = spawn("sleep", ["60"]);
    await writeFile(path, `${child.pid} gone-boot/1`);
    expect(await isAbandoned(path)).toBe(true);
    const taken = await Promise.all(Array.from({ length: 20 }, () => takeLock(path, { waitMs: 300 })));
    child.kill();
    expect(taken.filter((lock) => lock !== null)).toHaveLength(1);
    expect(await readdir(folder)).toEqual(["lock"]);
  });

  test("a lock of this very process is not abandoned", async () => {
    const path = join(await temporary(), "lock");
    await using _lock = await takeLock(path, { waitMs: 0 });
    expect(await isAbandoned(path)).toBe(false);
  });

  test("a pid that was used again by another process does not hold the lock", async () => {
    const path = join(await temporary(), "lock");
    const { pid } = spawnSync("true");
    await writeFile(path, `${process.pid} another-boot/${pid}`);
    expect(await takeLock(path, { waitMs: 500 })).not.toBeNull();
  });

  test("waiting ends when it is aborted", async () => {
    const path = join(await temporary(), "lock");
    await using _lock = await takeLock(path, { waitMs: 0 });
    await expect(takeLock(path, { waitMs: 10_000, signal: AbortSignal.timeout(50) })).rejects.toThrow();
  });
});
