import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { buildChangeSet } from "../../src/changes/change-set.js";
import { type CollectedChanges, collectChanges } from "../../src/changes/collect.js";
import { openHostBase } from "../../src/changes/host-base.js";
import type { Change } from "../../src/model/change.js";
import type { HiddenFile } from "../../src/model/session.js";
import { KeeperClient } from "../../src/workspace/keeper-client.js";
import { at, readTree, type TreeNode } from "../unit/changes/layer-between.js";
import { hostileNames, operations, perform } from "../unit/changes/random-tree.js";

const keeperProgram = new URL("../../keeper/main.py", import.meta.url).pathname;
const name = { session: "calm-otter-0001", layer: "workspace" };

function connect(store: string): KeeperClient {
  const child = spawn("python3", ["-I", "-S", "-B", keeperProgram, store], { stdio: "pipe" });
  return new KeeperClient({
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    [Symbol.asyncDispose]: () => {
      child.kill();
      return Promise.resolve();
    },
  });
}

/** A base, a session's layer over it, both mounted as the engine would mount them: the real keeper, the real overlay. */
class Session implements AsyncDisposable {
  readonly root = mkdtempSync(`${tmpdir()}/airlock-overlay-`);
  readonly base = `${this.root}/base`;
  readonly merged = `${this.root}/merged`;
  readonly store = `${this.root}/store`;
  readonly listing = connect(this.store);
  readonly contents = connect(this.store);
  #baseTimeMs = 0;
  #hidden: readonly HiddenFile[] = [];

  async open(fill: (root: string) => void, hidden: readonly string[] = []): Promise<this> {
    for (const folder of [this.base, this.merged, this.store]) mkdirSync(folder);
    fill(this.base);
    this.#hidden = hidden.map((path) => ({ path, rule: "test" }));
    const attributes = { mode: 0o755, uid: 0, gid: 0, mtimeNs: "0" };
    const parents = new Set(
      hidden.flatMap((path) =>
        path
          .split("/")
          .slice(0, -1)
          .map((_, depth, all) => all.slice(0, depth + 1).join("/")),
      ),
    );
    const folders = [...parents].sort().map((path) => ({ path, ...attributes }));
    await this.listing.createSession({
      session: name.session,
      record: {},
      layers: [{ name: "workspace", ...attributes }],
      masks: { workspace: { folders, hidden } },
    });
    const layer = `${this.store}/sessions/${name.session}/layers/workspace`;
    const options = `lowerdir=${layer}/mask:${this.base},upperdir=${layer}/upper,workdir=${layer}/work,metacopy=off,redirect_dir=off,index=off`;
    execFileSync("mount", ["-t", "overlay", "overlay", "-o", options, this.merged]);
    this.#baseTimeMs = Date.now() + 50;
    return this;
  }

  async changes(): Promise<CollectedChanges> {
    const { signal } = new AbortController();
    await using base = openHostBase(this.base);
    const { contents } = this;
    const layer = {
      hash: (paths: readonly string[]) => contents.hashFiles({ ...name, paths }),
      heads: (paths: readonly string[], bytes: number) => contents.readHeads({ ...name, paths, bytes }),
      fetch: (paths: readonly string[]) => contents.fetchFiles({ ...name, paths }),
    };
    const entries = this.listing.listLayer({ ...name, contents: 65_536 });
    const common = { entries, layer, base, signal, hidden: this.#hidden, baseTimeMs: this.#baseTimeMs };
    return await collectChanges(buildChangeSet({ ...common, hashes: "all" }), base);
  }

  async summary(): Promise<string[]> {
    return (await this.changes()).changes.map(({ kind, path }) => `${kind} ${path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listing[Symbol.asyncDispose]();
    await this.contents[Symbol.asyncDispose]();
    try {
      execFileSync("umount", [this.merged], { stdio: "ignore" });
    } catch {
      // Not mounted: the session did not open.
    }
    execFileSync("rm", ["-rf", this.root]);
  }
}

let open: Session[] = [];
const session = (fill: (root: string) => void, hidden?: readonly string[]): Promise<Session> => {
  const made = new Session();
  open.push(made);
  return made.open(fill, hidden);
};

afterEach(async () => {
  for (const each of open) await each[Symbol.asyncDispose]();
  open = [];
});

type Rows = [string, TreeNode][];
const rows = (tree: Map<string, TreeNode>): Rows => [...tree].sort(([left], [right]) => (left < right ? -1 : 1));

function applied(base: string, changes: readonly Change[], work: Map<string, TreeNode>): Rows {
  const tree = readTree(base);
  for (const { path, kind, after } of changes) {
    if (kind === "deleted") {
      expect(tree.delete(path)).toBe(true);
      continue;
    }
    const now = work.get(path);
    if (now === undefined) throw new Error(`invented ${path}`);
    const content = kind === "mode" ? (tree.get(path)?.content ?? "") : now.content;
    expect(after?.type).toBe(now.kind);
    if (after?.type === "file") {
      expect(after.sha256).toBe(createHash("sha256").update(Buffer.from(now.content, "hex")).digest("hex"));
    }
    tree.set(path, { kind: now.kind, mode: after?.mode ?? 0, content });
  }
  return rows(tree);
}

describe.skipIf(process.getuid?.() !== 0)("the change set of a real overlay, listed by the real keeper", () => {
  it("turns the base into the workspace, whatever was done to it", { timeout: 120_000 }, async () => {
    const few = hostileNames.slice(0, 9);
    await fc.assert(
      fc.asyncProperty(
        operations([...few, ...hostileNames.slice(12)]),
        operations(few),
        operations(few),
        async (first, second, third) => {
          await using made = await new Session().open((root) => {
            for (const each of [...first, ...second]) perform(root, each);
          });
          for (const each of [...third, ...first.slice(0, 5)]) perform(made.merged, each);
          const work = readTree(made.merged);
          const { changes } = await made.changes();
          expect(applied(made.base, changes, work)).toEqual(rows(work));
          expect(changes.filter(({ conflict }) => conflict)).toEqual([]);
        },
      ),
      { numRuns: 25 },
    );
  });

  it("finds what a folder that was deleted and made anew no longer holds", async () => {
    const made = await session((root) => {
      mkdirSync(`${root}/src/deep`, { recursive: true });
      for (const each of ["src/a", "src/b", "src/deep/c"]) writeFileSync(`${root}/${each}`, each);
    });
    rmSync(`${made.merged}/src`, { recursive: true });
    mkdirSync(`${made.merged}/src`);
    writeFileSync(`${made.merged}/src/b`, "src/b");
    expect(await made.summary()).toEqual(["deleted src/a", "deleted src/deep", "deleted src/deep/c"]);
  });

  it("shows a renamed folder as a deletion and an addition with equal hashes", async () => {
    const made = await session((root) => [mkdirSync(`${root}/d`), writeFileSync(`${root}/d/f`, "same")]);
    execFileSync("mv", [`${made.merged}/d`, `${made.merged}/e`]);
    const { changes } = await made.changes();
    expect(changes.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      "deleted d",
      "deleted d/f",
      "added e",
      "added e/f",
    ]);
    expect(changes[1]?.before?.sha256).toBe(changes[3]?.after?.sha256);
    expect(changes.some(({ conflict }) => conflict)).toBe(false);
  });

  it("keeps hidden files out of deletions, and shows one made anew", async () => {
    const made = await session(
      (root) => [mkdirSync(`${root}/d`), writeFileSync(`${root}/d/.env`, "KEY=1"), writeFileSync(`${root}/d/f`, "f")],
      ["d/.env"],
    );
    expect(() => statSync(`${made.merged}/d/.env`)).toThrow();
    rmSync(`${made.merged}/d`, { recursive: true });
    expect(await made.summary()).toEqual(["deleted d/f"]);
    mkdirSync(`${made.merged}/d`);
    writeFileSync(`${made.merged}/d/.env`, "KEY=2");
    const { changes } = await made.changes();
    expect(changes.map(({ kind, path, masked }) => [kind, path, masked])).toEqual([
      ["added", "d/.env", true],
      ["deleted", "d/f", false],
    ]);
    expect(readFileSync(`${made.base}/d/.env`, "utf8")).toBe("KEY=1");
  });

  it("tells what the host changed and deleted meanwhile from what the agent made", async () => {
    const made = await session((root) =>
      ["a", "b", "c"].forEach((each) => void writeFileSync(`${root}/${each}`, each)),
    );
    for (const each of ["a", "b", "new"]) writeFileSync(`${made.merged}/${each}`, "agent");
    await new Promise((resolve) => setTimeout(resolve, 200));
    writeFileSync(`${made.base}/a`, "host");
    rmSync(`${made.base}/b`);
    const { changes } = await made.changes();
    expect(changes.map(({ path, kind, conflict }) => [path, kind, conflict])).toEqual([
      ["a", "modified", true],
      ["b", "added", true],
      ["new", "added", false],
    ]);
  });

  it("names special files, links, hard links, set-id bits and sparse files without reading through them", async () => {
    const made = await session((root) => writeFileSync(`${root}/package.json`, "{}"));
    const { merged } = made;
    rmSync(`${merged}/package.json`);
    execFileSync("mkfifo", [`${merged}/package.json`]);
    execFileSync("mknod", [`${merged}/device`, "c", "1", "3"]);
    symlinkSync("/etc/passwd", `${merged}/out`);
    writeFileSync(`${merged}/one`, "x", { mode: 0o644 });
    execFileSync("ln", [`${merged}/one`, `${merged}/two`]);
    execFileSync("chmod", ["6755", `${merged}/one`]);
    writeFileSync(`${merged}/huge`, "");
    truncateSync(`${merged}/huge`, 8 * 1024 ** 4);
    const started = Date.now();
    const { changes } = await made.changes();
    expect(Date.now() - started).toBeLessThan(5000);
    const seen = changes.map(({ path, kind, type, risk }) => [path, kind, type, risk.level]);
    expect(seen).toEqual([
      ["device", "added", "special", "high"],
      ["huge", "added", "file", expect.any(String)],
      ["one", "added", "file", "high"],
      ["out", "added", "symlink", "high"],
      ["package.json", "type", "special", "high"],
      ["two", "added", "file", "high"],
    ]);
    expect(changes[1]?.after?.size).toBe(8 * 1024 ** 4);
  });

  it("costs what was changed, not what the project holds", { timeout: 120_000 }, async () => {
    const timeWith = async (files: number): Promise<number> => {
      await using made = await new Session().open((root) => {
        for (let each = 0; each < files; each += 1) {
          if (each % 500 === 0) mkdirSync(`${root}/${each / 500}`);
          writeFileSync(`${root}/${Math.floor(each / 500)}/${each}`, "x");
        }
      });
      for (let each = 0; each < 100; each += 1) writeFileSync(`${made.merged}/0/${each}`, "y");
      await made.changes();
      const started = performance.now();
      expect((await made.changes()).changes).toHaveLength(100);
      return performance.now() - started;
    };
    const few = await timeWith(500);
    const many = await timeWith(20_000);
    expect(many).toBeLessThan(few * 2 + 50);
  });

  it("does not take what is mounted below the project for a part of it", async () => {
    const made = await session((root) => [
      mkdirSync(`${root}/d/m`, { recursive: true }),
      writeFileSync(`${root}/d/f`, ""),
    ]);
    rmSync(`${made.merged}/d`, { recursive: true });
    const mounted = `${made.base}/d/m`;
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", mounted]);
    try {
      writeFileSync(`${mounted}/never-seen`, "");
      expect(await made.summary()).toEqual(["deleted d", "deleted d/f", "deleted d/m"]);
    } finally {
      execFileSync("umount", [mounted]);
    }
  });

  it("keeps names of 4,000 bytes in all", async () => {
    const made = await session(() => undefined);
    const long = Array.from({ length: 15 }, () => "\udcff".repeat(255)).join("/");
    // Longer than a system call takes together with the mount point, so step by step.
    const script =
      "import os,sys\nos.chdir(sys.argv[1])\nfor _ in range(15):\n os.mkdir(b'\\xff'*255); os.chdir(b'\\xff'*255)\nopen('f','w').close()";
    execFileSync("python3", ["-c", script, made.merged]);
    const { changes } = await made.changes();
    expect(changes.at(-1)?.path).toBe(`${long}/f`);
    expect(changes).toHaveLength(16);
    expect(at(made.merged, `${long}/f`).length).toBeGreaterThan(3800);
  });
});
