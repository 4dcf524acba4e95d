import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lab, run } from "../support/lab.js";

let lab: Lab;
beforeEach(() => {
  lab = new Lab();
});
afterEach(async () => {
  await lab[Symbol.asyncDispose]();
});

interface Difference {
  readonly changes: readonly { readonly path: string; readonly kind: string }[];
}

/** Every entry below a folder: kind, mode, content, target. */
const listTree = `find . -path ./.git -prune -o -mindepth 1 -printf '%p %y %m %l ' -exec sh -c 'test -f "$1" && sha256sum < "$1" || echo' _ {} \\; | sort`;
const inside = async (id: string): Promise<string> => (await lab.exec(id, `umask 022; ${listTree}`)).stdout.toString();
const outside = async (folder: string): Promise<string> =>
  (await run("sh", ["-c", `umask 022; ${listTree}`], { cwd: folder })).stdout;
const kinds = async (id: string): Promise<string[]> =>
  (await lab.json<Difference>(["diff", "--json", "--session", id])).changes.map(({ path, kind }) => `${kind} ${path}`);
const forked = async (...args: string[]): Promise<string[]> =>
  (await lab.json<{ forks: string[] }>(["fork", ...args, "--json"])).forks;

const before = `echo changed >> src/a.txt; rm src/b.txt; rm -r docs; mkdir -p deep/er; echo x > deep/er/file; ln -s er/file deep/link
chmod 755 README.md; rm -r turns; echo file > turns; rm plain; mkdir plain; echo in > plain/in`;
const one = `mkdir docs; echo again > docs/new.md; rm -r deep; rm turns; mkdir turns; echo folder > turns/again; rm -r plain; echo plain > plain; echo one >> src/a.txt`;
const two = `rm README.md; echo bee > src/b.txt; rm deep/link; mkdir deep/link; echo two > deep/er/file; rm -r src`;

describe("forks of a snapshot", () => {
  it("begin where it was, go their own ways, and an apply of one makes the project what it shows", async () => {
    lab.write("docs/old.md", "old\n");
    lab.write("turns/file", "one\n");
    lab.write("plain", "plain before\n");
    lab.write(".env", "TOKEN=secret\n");
    const control = join(lab.root, "control");
    cpSync(lab.project, control, { recursive: true });
    rmSync(join(control, ".env"));
    const parent = await lab.start();
    await lab.exec(parent, `${before}; echo note > ~/note`);
    expect((await lab.airlock(["snapshot", parent])).code).toBe(0);
    const saved = await inside(parent);
    const changed = await kinds(parent);
    await lab.exec(parent, "echo later > later; rm -r deep");
    lab.write("secrets/id_rsa", "-----BEGIN OPENSSH PRIVATE KEY-----\n");

    const [first = "", second = ""] = await forked(`${parent}/s1`, "-n", "2", "--name", "way");
    expect([first, second]).toEqual(["way-1", "way-2"]);
    for (const id of [first, second]) {
      expect((await inside(id)).replace("./secrets d 755  \n", "")).toBe(saved);
      expect(await kinds(id)).toEqual(changed);
      expect((await lab.exec(id, "cat ~/note; cat .env secrets/id_rsa")).stdout.toString()).toBe("note\n");
    }
    await lab.exec(first, one);
    await lab.exec(second, two);
    const shown = [await inside(first), await inside(second)];
    expect(shown[0]).not.toBe(shown[1]);
    await run("sh", ["-c", `umask 022; mkdir secrets; ${before}\n${one}`], { cwd: control });
    expect(shown[0]).toBe(await outside(control));

    const applied = await lab.json(["apply", "--session", first, "--yes", "--allow-risk", "--json"]);
    expect(applied).toMatchObject({ skipped: [], conflicts: [] });
    rmSync(join(lab.project, ".env"));
    rmSync(join(lab.project, "secrets/id_rsa"));
    expect(await outside(lab.project)).toBe(await outside(control));
    expect(await inside(second)).toBe(shown[1]);
    for (const name of ["way-1", "way-2"]) expect((await lab.airlock(["discard", name])).code).toBe(0);
    expect((await lab.airlock(["discard", parent])).code).toBe(0);
    expect(await lab.held()).toEqual([]);
    expect(await lab.stored()).toEqual([]);
  });

  it("have snapshots, forks and an image of their own, and keep what they lie on", async () => {
    const parent = await lab.start("--user", "root");
    await lab.exec(parent, "echo parent > made; echo installed > /usr/share/thing");
    expect((await lab.airlock(["snapshot", parent])).code).toBe(0);
    const [child = ""] = await forked(`${parent}/s1`);
    await lab.exec(child, "echo child >> made; mkdir kept; rm /usr/share/thing");
    expect((await lab.airlock(["snapshot", child])).code).toBe(0);
    const [grandchild = ""] = await forked(`${child}/s1`);
    const seen = "cat made; ls -d kept; cat /usr/share/thing";
    expect((await lab.exec(grandchild, seen)).stdout.toString()).toBe("parent\nchild\nkept\n");
    expect(await kinds(grandchild)).toEqual(["added kept", "added made"]);

    const listed = await lab.json<{ id: string; lower?: object[] }[]>(["ls", "--json"]);
    const lower = [
      { session: child, snapshot: "s1" },
      { session: parent, snapshot: "s1" },
    ];
    expect(listed.find(({ id }) => id === grandchild)?.lower).toEqual(lower);
    expect((await lab.airlock(["status", grandchild])).stdout.toString()).toContain(
      `fork of     ${child}/s1, itself on ${parent}/s1`,
    );
    for (const used of [parent, child]) {
      const { code, stderr } = await lab.airlock(["discard", used]);
      expect([code, stderr]).toEqual([11, expect.stringContaining(grandchild)]);
    }
    // No bound on what is kept takes away what something lies on.
    await lab.airlock(["snapshot", parent]);
    await lab.airlock(["snapshot", parent]);
    const config = { XDG_CONFIG_HOME: join(lab.root, "config") };
    mkdirSync(join(lab.root, "config/airlock"), { recursive: true });
    writeFileSync(join(lab.root, "config/airlock/config.yaml"), "snapshots: {keep: 1, appliesTo: all}\n");
    expect((await lab.airlock(["prune"], { env: config })).stdout.toString()).toContain(`${parent}/s2  (count)`);
    const kept = await lab.json<{ snapshots: { id: string }[] }>(["snapshots", parent, "--json"]);
    expect(kept.snapshots.map(({ id }) => id)).toEqual(["s0", "s1", "s3"]);

    // Its beginning is the snapshot, with the root file system that was in it.
    await lab.json(["restore", `${child}/s0`, "--json"]);
    expect((await lab.exec(child, seen)).stdout.toString()).toBe("parent\ninstalled\n");
    await lab.json(["restore", `${child}/s1`, "--json"]);
    expect((await lab.exec(child, seen)).stdout.toString()).toBe("parent\nchild\nkept\n");
    expect((await lab.airlock(["discard", "--all"])).code).toBe(0);
    expect(await lab.held()).toEqual([]);
    expect(await lab.stored()).toEqual([]);
  });

  it("share an uploaded project too, and are refused over nothing, or another folder", async () => {
    const parent = await lab.start("--workspace", "upload");
    await lab.exec(parent, "echo parent > made; rm README.md");
    expect((await lab.airlock(["snapshot", parent])).code).toBe(0);
    const [child = ""] = await forked(`${parent}/s1`);
    await lab.exec(child, "echo child >> made; echo child > README.md");
    expect(await kinds(child)).toEqual(["modified README.md", "added made"]);
    const codes = [`${parent}/s0`, `${parent}/s7`].map(async (each) => (await lab.airlock(["fork", each])).code);
    expect(await Promise.all(codes)).toEqual([2, 10]);
    renameSync(lab.project, join(lab.root, "moved"));
    lab.write("other", "another project\n");
    const { code, stderr } = await lab.airlock(["fork", `${parent}/s1`, "--project", lab.project]);
    expect([code, stderr]).toEqual([11, expect.stringContaining("is not what session")]);
    expect((await lab.airlock(["discard", "--all"])).code).toBe(0);
    expect(await lab.stored()).toEqual([]);
  });
});
