import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { listed, mayTest, python, startKeeper, TestStore, workspace } from "./store-fixture.js";

const layers = ["workspace"];

function dig(folder: string, levels: number, name: string): void {
  python(
    `fd = os.open(sys.argv[1], os.O_RDONLY); name = sys.argv[3]
for level in range(int(sys.argv[2])):
    os.mkdir(name, dir_fd=fd); child = os.open(name, os.O_RDONLY, dir_fd=fd); os.close(fd); fd = child
os.write(os.open("end", os.O_WRONLY | os.O_CREAT, dir_fd=fd), b"found")`,
    folder,
    String(levels),
    name,
  );
}

describe.skipIf(!mayTest)("as deep as the limit allows (as root)", { timeout: 90_000 }, () => {
  // With few descriptors, the way back up is found by "..".
  it.each([
    ["with many descriptors", []],
    ["with few descriptors", ["prlimit", "--nofile=256:256"]],
  ] as const)("4,095 folders are listed, saved, saved again, restored and removed %s", async (_how, before) => {
    await using store = await TestStore.with();
    dig(store.upper(), 4_095, "d");
    await sleep(2_100);
    await using keeper = startKeeper(store.path, before);
    const { client } = keeper;
    expect((await listed(client, workspace)).length).toBe(4_097);
    const path = `${"d/".repeat(4_095)}end`;
    await client.createSnapshot({ session: "one", snapshot: "s1", layers });
    await client.createSnapshot({ session: "one", snapshot: "s2", layers, previous: "s1" });
    await client.resetLayers({ session: "one", layers });
    await client.restoreSnapshot({ session: "one", snapshot: "s2", layers });
    const content = await client.readFile({ ...workspace, path, maxBytes: 100 });
    expect(Buffer.from(content ?? []).toString()).toBe("found");
    expect((await client.usage("one")).entries).toBe(4_096);
    await client.deleteSession("one");
    expect(readdirSync(join(store.path, "trash"))).toEqual([]);
  });

  it("600 folders of 255-byte names are refused by a list, counted, and removed", async () => {
    await using store = await TestStore.with();
    dig(store.upper(), 600, "n".repeat(255));
    await expect(listed(store.client, workspace)).rejects.toMatchObject({ code: "E_LAYER_LIMIT" });
    expect((await store.client.usage("one")).entries).toBe(601);
    await store.client.resetLayers({ session: "one", layers });
    expect((await listed(store.client, workspace)).length).toBe(1);
    await store.client.deleteSession("one");
    expect(readdirSync(join(store.path, "trash"))).toEqual([]);
  });
});
