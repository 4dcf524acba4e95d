import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildChangeSet } from "../../../src/changes/change-set.js";
import { openHostBase } from "../../../src/changes/host-base.js";
import type { ContentSource } from "../../../src/cli/render/content-source.js";
import { renderPatch } from "../../../src/cli/render/patch.js";
import type { Change } from "../../../src/model/change.js";
import { at, blank, contentsOf, layerBetween, readTree, scratch } from "../changes/layer-between.js";
import { hostileNames, operations, perform } from "../changes/random-tree.js";

const signal = new AbortController().signal;

/** The contents of two plain folders. */
function contentSource(base: string, work: string): ContentSource {
  const read = (root: string) => (path: string) => Promise.resolve(readFileSync(at(root, path)));
  return { readBefore: read(base), readAfter: read(work) };
}

async function changesBetween(base: string, work: string): Promise<Change[]> {
  await using reader = openHostBase(base);
  const common = { layer: contentsOf(work), base: reader, hidden: [], baseTimeMs: Number.MAX_SAFE_INTEGER, signal };
  const changes: Change[] = [];
  for await (const each of buildChangeSet({ ...common, entries: layerBetween(base, work) })) changes.push(each);
  return changes;
}

interface Made {
  readonly patch: Buffer;
  readonly warnings: string[];
}

async function patchOf(changes: readonly Change[], source: ContentSource, maxBytes?: number): Promise<Made> {
  const warnings: string[] = [];
  const parts: Buffer[] = [];
  const limit = maxBytes === undefined ? {} : { maxBytes };
  const input = { changes, source, signal, warn: (text: string) => void warnings.push(text), ...limit };
  for await (const part of renderPatch(input)) parts.push(part);
  return { patch: Buffer.concat(parts), warnings };
}

const cleanEnv = { PATH: process.env["PATH"], HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1", LC_ALL: "C" };

function run(
  tool: "git" | "patch",
  folder: string,
  patch: Buffer,
  more: string[] = [],
): { status: number | null; said: string } {
  const apply = ["-c", "init.defaultBranch=main", "apply", "--whitespace=nowarn", ...more];
  const args = tool === "git" ? apply : ["-p1", "--batch", "--silent", "--no-backup-if-mismatch", ...more];
  const { status, stderr, stdout } = spawnSync(tool, args, { cwd: folder, input: patch, env: cleanEnv });
  return { status, said: `${stdout}${stderr}` };
}

/** Files and links, with the only bit of the mode that git carries. */
function contentOf(root: string): [string, string][] {
  const tree = [...readTree(root)].filter(([path, { kind }]) => kind !== "dir" && !path.startsWith(".git/"));
  const rows = tree.map(([path, { kind, mode, content }]): [string, string] => {
    const bit = kind === "file" && (mode & 0o100) !== 0 ? "x" : "";
    return [path, `${kind}${bit} ${content}`];
  });
  return rows.sort(([left], [right]) => (left < right ? -1 : 1));
}

interface Trees {
  readonly base: string;
  readonly work: string;
  readonly copy: string;
}

async function withTrees<T>(
  fill: (root: string) => void,
  edit: (root: string) => void,
  use: (trees: Trees) => T,
): Promise<Awaited<T>> {
  using folder = scratch();
  const trees = { base: `${folder.path}/base`, work: `${folder.path}/work`, copy: `${folder.path}/copy` };
  mkdirSync(trees.base);
  fill(trees.base);
  execFileSync("cp", ["-a", trees.base, trees.work]);
  execFileSync("cp", ["-a", trees.base, trees.copy]);
  edit(trees.work);
  return await use(trees);
}

async function expectExact(
  tool: "git" | "patch",
  fill: (root: string) => void,
  edit: (root: string) => void,
): Promise<Made> {
  return await withTrees(fill, edit, async ({ base, work, copy }) => {
    const made = await patchOf(await changesBetween(base, work), contentSource(base, work));
    if (tool === "git") execFileSync("git", ["init", "-q", copy], { env: cleanEnv });
    if (made.patch.includes("diff --git")) {
      const { status, said } = run(tool, copy, made.patch);
      expect({
        status,
        said: status === 0 ? "" : said,
        patch: status === 0 ? "" : made.patch.toString("latin1"),
      }).toEqual({
        status: 0,
        said: "",
        patch: "",
      });
    }
    expect(contentOf(copy)).toEqual(contentOf(work));
    return made;
  });
}

const names = [...hostileNames.slice(0, 8), ...hostileNames.slice(12)];

describe("a patch turns the base into the result", () => {
  it("with git apply, where only bits changed that git does not know", async () => {
    for (const [before, after] of [
      [0o600, 0o644],
      [0o644, 0o600],
    ] as const) {
      const write = (root: string) => writeFileSync(`${root}/a`, "x\n");
      const fill = (root: string) => [write(root), chmodSync(`${root}/a`, before)];
      await expectExact("git", fill, (root) => chmodSync(`${root}/a`, after));
    }
  });

  it("with git apply, for random trees with hostile names", { timeout: 180_000 }, async () => {
    const scenario = fc.tuple(operations(names), operations(names), operations(names.slice(0, 5)));
    await fc.assert(
      fc.asyncProperty(scenario, async ([first, second, third]) => {
        const fill = (root: string) => {
          for (const each of [...first, ...third]) perform(root, each);
          // Git knows no empty folders, and one that is in the way of a file stays in the way.
          execFileSync("find", [root, "-mindepth", "1", "-type", "d", "-empty", "-delete"]);
        };
        const edit = (root: string) => [...second, ...third.slice(0, 3)].forEach((each) => void perform(root, each));
        await expectExact("git", fill, edit);
      }),
      { numRuns: 60 },
    );
  });

  it("with patch -p1, for random trees of text files", { timeout: 180_000 }, async () => {
    const plain = names.filter((name) => !/[\n]/.test(name));
    // `patch` cannot put a folder where it deletes a file, nor binary files anywhere: folders have names of their own.
    const apart = (names: readonly string[]) => names.map((name, at) => (at < names.length - 1 ? `d${name}` : name));
    const textOnly = operations(plain, [0o644, 0o755]).map((all) =>
      all
        .map((each) => ({ ...each, path: apart(each.path) }))
        .filter(({ act, text }) => act !== "link" && act !== "folder" && !text.includes("\0")),
    );
    await fc.assert(
      fc.asyncProperty(fc.tuple(textOnly, textOnly), async ([first, second]) => {
        const fill = (root: string) => first.forEach((each) => void perform(root, each));
        await expectExact("patch", fill, (root) => second.forEach((each) => void perform(root, each)));
      }),
      { numRuns: 60 },
    );
  });
});

describe("a patch carries exactly", () => {
  const cases: [string, (root: string) => void, (root: string) => void][] = [
    [
      "a missing line feed at the end, gained",
      (r) => writeFileSync(`${r}/f`, "a\nb"),
      (r) => writeFileSync(`${r}/f`, "a\nb\n"),
    ],
    [
      "a missing line feed at the end, lost",
      (r) => writeFileSync(`${r}/f`, "a\nb\n"),
      (r) => writeFileSync(`${r}/f`, "a\nb"),
    ],
    ["an empty file", () => undefined, (r) => writeFileSync(`${r}/f`, "")],
    ["a file emptied", (r) => writeFileSync(`${r}/f`, "x\n"), (r) => writeFileSync(`${r}/f`, "")],
    ["an empty file deleted", (r) => writeFileSync(`${r}/f`, ""), (r) => rmSync(`${r}/f`)],
    ["an executable bit", (r) => writeFileSync(`${r}/f`, "x\n"), (r) => chmodSync(`${r}/f`, 0o755)],
    [
      "bytes that are not UTF-8",
      (r) => writeFileSync(`${r}/f`, Buffer.of(0xff, 10, 0xc3, 10)),
      (r) => writeFileSync(`${r}/f`, Buffer.of(0xfe, 10, 0xc3, 10)),
    ],
    [
      "lines ending in CR LF and CR",
      (r) => writeFileSync(`${r}/f`, "a\r\nb\rc\r\n"),
      (r) => writeFileSync(`${r}/f`, "a\r\nB\rc\r\n"),
    ],
    [
      "changes far apart",
      (r) => writeFileSync(`${r}/f`, lines(100)),
      (r) => writeFileSync(`${r}/f`, `0\n${lines(100)}.\n`.replace("50\n", "fifty\n")),
    ],
    [
      "lines that look like patch headers",
      (r) => writeFileSync(`${r}/f`, "-- a\n"),
      (r) => writeFileSync(`${r}/f`, "++ b/x\n@@ -1 +1 @@\ndiff --git a/x b/x\n"),
    ],
  ];
  for (const [title, fill, edit] of cases) {
    it.each(["git", "patch"] as const)(`${title}, with %s`, async (tool) => {
      expect((await expectExact(tool, fill, edit)).warnings).toEqual([]);
    });
  }

  it.each([
    ["new", () => undefined, (r: string) => symlinkSync("../x", `${r}/l`)],
    [
      "pointed elsewhere",
      (r: string) => symlinkSync("a", `${r}/l`),
      (r: string) => [rmSync(`${r}/l`), symlinkSync("b", `${r}/l`)],
    ],
    [
      "in place of a file",
      (r: string) => writeFileSync(`${r}/l`, "a\n"),
      (r: string) => [rmSync(`${r}/l`), symlinkSync("b", `${r}/l`)],
    ],
  ])("a link %s", async (_, fill, edit) => {
    await expectExact("git", fill, edit);
    await expectExact("patch", fill, edit);
  });

  it("binary files of every length around its line and group sizes, and back again", { timeout: 60_000 }, async () => {
    const sizes = [1, 2, 3, 4, 5, 51, 52, 53, 104, 1000, 70_000];
    const content = (size: number, salt: number) =>
      Buffer.from(Array.from({ length: size }, (_, at) => (at * at * salt) & 0xff));
    const write = (salt: number) => (root: string) =>
      sizes.forEach((size) => void writeFileSync(`${root}/${size}`, content(size, salt)));
    await expectExact("git", write(0), write(7));
    await withTrees(write(0), write(7), async ({ base, work }) => {
      const { patch } = await patchOf(await changesBetween(base, work), contentSource(base, work));
      expect(run("git", work, patch, ["-R"])).toMatchObject({ status: 0 });
      expect(contentOf(work)).toEqual(contentOf(base));
    });
  });

  it("a text of very many lines, in bounded memory", { timeout: 30_000 }, async () => {
    const { patch } = await expectExact(
      "git",
      () => undefined,
      (root) => writeFileSync(`${root}/f`, "\n".repeat(20_000_000)),
    );
    expect(patch.length).toBeLessThan(1_000_000);
  });

  it("two large files with nothing in common, in seconds", { timeout: 30_000 }, async () => {
    const random = (salt: number) =>
      Array.from({ length: 30_000 }, (_, line) => `${(line * 7919 * salt) % 100_003}\n`).join("");
    const started = Date.now();
    await expectExact(
      "git",
      (r) => writeFileSync(`${r}/f`, random(3)),
      (r) => writeFileSync(`${r}/f`, random(5)),
    );
    expect(Date.now() - started).toBeLessThan(15_000);
  });
});

const lines = (count: number) => Array.from({ length: count }, (_, at) => `${at}\n`).join("");

describe("what a patch cannot carry", () => {
  const nothing: ContentSource = { readBefore: () => Promise.resolve(null), readAfter: () => Promise.resolve(null) };
  const added = (path: string, more: Partial<Change>): Change => ({
    path,
    kind: "added",
    type: "file",
    before: null,
    after: { type: "file", mode: 0o644, size: 0 },
    binary: false,
    risk: { level: "none", reasons: [] },
    conflict: false,
    masked: false,
    ...more,
  });
  const file = (size: number, mode = 0o644) => ({ type: "file" as const, mode, size });
  const folder = { type: "dir" as const, mode: 0o755, size: 0 };
  it.each([
    ["an empty folder", added("d", { type: "dir", after: folder }), /change of a folder/],
    ["a pipe", added("p", { type: "special", after: { type: "special", mode: 0o644, size: 0 } }), /special file/],
    ["a hidden path made anew", added(".env", { masked: true }), /hidden path/],
    ["a large file", added("big", { after: file(2000) }), /large file/],
    [
      "a mode git does not know",
      added("s", { kind: "mode", before: file(0), after: file(0, 0o600) }),
      /permission bits/,
    ],
    ["a file that cannot be read", added("u", { after: file(10) }), /cannot be read/],
  ])("is said in a comment and aloud: %s", async (_, change, words) => {
    const { patch, warnings } = await patchOf([change], nothing, 1000);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(words);
    expect(patch.toString()).toMatch(/^# airlock: not in this patch: .+\n$/);
  });

  it("cannot break out of its comment through its name", async () => {
    const name = "d\ndiff --git a/x b/x\nnew file mode 100755";
    const { patch } = await patchOf([added(name, { type: "dir", after: folder })], nothing);
    expect(patch.toString().trimEnd().split("\n")).toHaveLength(1);
  });

  it("is not a folder that something in the patch makes or empties", async () => {
    const { warnings } = await expectExact(
      "git",
      (r) => [mkdirSync(`${r}/old`), writeFileSync(`${r}/old/f`, "1\n")],
      (r) => [rmSync(`${r}/old`, { recursive: true }), mkdirSync(`${r}/new`), writeFileSync(`${r}/new/f`, "2\n")],
    );
    expect(warnings).toEqual([]);
    expect(blank("x", "file").opaque).toBe(false);
  });
});
