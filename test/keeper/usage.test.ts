import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mayTest, python, startKeeper, TestStore } from "./store-fixture.js";

const mebibyte = 1024 ** 2;

async function lookOnce(
  store: TestStore,
  limits: { readonly limitBytes?: number; readonly reserveBytes?: number },
): Promise<string | null> {
  await using keeper = startKeeper(store.path);
  for await (const look of keeper.client.watch({ session: "one", intervalMs: 50, ...limits })) return look.exceeded;
  throw new Error("the watch told nothing");
}

describe.skipIf(!mayTest)("usage and watch (as root: the store belongs to it)", () => {
  it("count what is allocated, and a file of several names once", async () => {
    await using store = await TestStore.with("workspace", "home");
    writeFileSync(join(store.upper(), "a"), Buffer.alloc(2 * mebibyte, 1));
    python(
      `os.chdir(sys.argv[1]); [os.link("a", f"a{n}") for n in range(3)]
os.truncate(os.open("hole", os.O_CREAT | os.O_RDWR), 1 << 40)`,
      store.upper(),
    );
    writeFileSync(join(store.upper("home"), "b"), Buffer.alloc(mebibyte, 1));
    const { bytes, entries, layers, freeBytes } = await store.client.usage("one");
    expect(layers["workspace"]).toMatchObject({ entries: 5 });
    expect(layers["home"]).toMatchObject({ entries: 1 });
    expect(entries).toBe(6);
    expect(Math.round(bytes / mebibyte)).toBe(3);
    expect(freeBytes).toBeGreaterThan(mebibyte);
  });

  it("tell again and again, and when a limit is passed", async () => {
    await using store = await TestStore.with();
    await using keeper = startKeeper(store.path);
    const seen: (string | null)[] = [];
    const limits = { limitBytes: mebibyte, reserveBytes: 0 };
    for await (const { exceeded } of keeper.client.watch({ session: "one", intervalMs: 50, ...limits })) {
      seen.push(exceeded);
      if (seen.length === 2) writeFileSync(join(store.upper(), "big"), Buffer.alloc(2 * mebibyte, 1));
      if (exceeded !== null || seen.length > 20) break;
    }
    expect(seen.slice(0, 2)).toEqual([null, null]);
    expect(seen.at(-1)).toBe("limit");
    expect(await lookOnce(store, { reserveBytes: 2 ** 53 })).toBe("reserve");
    expect(await lookOnce(store, {})).toBeNull();
  });

  it("take a tree that is too deep to be counted for one above the limit", async () => {
    await using store = await TestStore.with();
    python(
      `fd = os.open(sys.argv[1], os.O_RDONLY)
for level in range(4200):
    os.mkdir("d", dir_fd=fd); child = os.open("d", os.O_RDONLY, dir_fd=fd); os.close(fd); fd = child`,
      store.upper(),
    );
    expect(await lookOnce(store, { limitBytes: 2 ** 52 })).toBe("limit");
    await expect(store.client.usage("one")).rejects.toMatchObject({ code: "E_LAYER_LIMIT" });
  });

  it("go on while folders are made, moved and removed under them", { timeout: 60_000 }, async () => {
    await using store = await TestStore.with();
    const mover = `import os, sys
os.chdir(sys.argv[1]); os.makedirs("a/" + "d/" * 300); os.mkdir("b")
while True:
    os.rename("a/d/d/d", "b/d"); os.rename("b/d", "a/d/d/d"); os.mkdir("x"); os.rmdir("x")`;
    const child = spawn("python3", ["-c", mover, store.upper()]);
    try {
      await using keeper = startKeeper(store.path);
      let looks = 0;
      for await (const { exceeded } of keeper.client.watch({ session: "one", intervalMs: 50, limitBytes: 2 ** 50 })) {
        expect(exceeded).toBeNull();
        looks += 1;
        if (looks === 15) break;
      }
      expect(looks).toBe(15);
    } finally {
      child.kill("SIGKILL");
      await once(child, "close");
    }
  });
});
