import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../support/lab.js";

let lab: Lab;
beforeAll(() => {
  lab = new Lab();
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

interface Difference {
  readonly changes: readonly {
    readonly path: string;
    readonly kind: string;
    readonly before: unknown;
    readonly after: unknown;
  }[];
}

/** Every entry below the project and the home: kind, mode, size, content, target, time. */
const listTree = `for each in . ~; do (cd $each && find . -mindepth 1 -printf '%p %y %m %l %s ' -exec sh -c 'test -f "$1" && sha256sum < "$1" || echo' _ {} \\; | sort); done`;
const treeOf = async (id: string): Promise<string> => (await lab.exec(id, listTree)).stdout.toString();
const changesOf = async (id: string): Promise<Difference["changes"]> =>
  (await lab.json<Difference>(["diff", "--json", "--session", id])).changes;

const work = `echo changed >> src/a.txt; rm src/b.txt; mkdir -p deep/er; printf 'x%.0s' $(seq 5000) > deep/er/file
ln -s er/file deep/link; chmod 755 README.md; mkfifo deep/pipe; echo home > ~/note; ln deep/er/file deep/hard`;
const moreWork = `rm -r deep; echo again > src/b.txt; rm README.md; mkdir README.md; rm ~/note; rm -r src; echo file > src`;

describe("a snapshot", () => {
  it("brings back exactly what was there: contents, modes, links, deletions, the home", async () => {
    const id = await lab.start();
    await lab.exec(id, work);
    const tree = await treeOf(id);
    const changes = await changesOf(id);
    expect(changes.length).toBeGreaterThan(5);
    expect((await lab.airlock(["snapshot", id, "-m", "after the work"])).code).toBe(0);
    await lab.exec(id, moreWork);
    const later = await treeOf(id);
    expect(later).not.toBe(tree);
    const restored = await lab.json<{ before: string }>(["restore", `${id}/s1`, "--json"]);
    expect(await treeOf(id)).toBe(tree);
    expect(await changesOf(id)).toEqual(changes);
    await lab.json(["restore", `${id}/${restored.before}`, "--json"]);
    expect(await treeOf(id)).toBe(later);
  });

  it("of the start is there by itself and brings back the project as it was", async () => {
    const id = await lab.start();
    const tree = await treeOf(id);
    await lab.exec(id, work);
    expect((await lab.airlock(["restore", `${id}/s0`])).code).toBe(0);
    expect(await treeOf(id)).toBe(tree);
    expect(await changesOf(id)).toEqual([]);
  });

  it("of a session of root's keeps what was installed, and the discard removes its images", async () => {
    const id = await lab.start("--user", "root");
    await lab.exec(id, "mkdir -p /usr/share/thing; echo installed > /usr/share/thing/file; rm /etc/issue");
    expect((await lab.airlock(["snapshot", id])).code).toBe(0);
    await lab.exec(id, "rm -r /usr/share/thing; echo broken > /usr/bin/env");
    expect((await lab.airlock(["restore", `${id}/s1`])).code).toBe(0);
    const { stdout, code } = await lab.exec(
      id,
      "cat /usr/share/thing/file; test -e /etc/issue || echo no issue; /usr/bin/env true",
    );
    expect([stdout.toString(), code]).toEqual(["installed\nno issue\n", 0]);
    expect((await lab.held(id)).filter((name) => name.includes("snapshot")).length).toBeGreaterThan(0);
    expect((await lab.airlock(["discard", id])).code).toBe(0);
    expect(await lab.held(id)).toEqual([]);
  });
});

describe("an uploaded workspace", () => {
  it("gives the same changes as an overlay for the same commands", async () => {
    const found = await Promise.all(
      ["overlay", "upload"].map(async (how) => {
        const id = await lab.start("--workspace", how);
        await lab.exec(id, work);
        return changesOf(id);
      }),
    );
    expect(found[0]?.length).toBeGreaterThan(5);
    expect(found[1]).toEqual(found[0]);
  });
});
