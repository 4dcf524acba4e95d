import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recoverApply } from "../../../src/apply/recover.js";
import { ApplyBed } from "./bed.js";
import type { ChildOrders } from "./dying-child.js";
import { hardLink, makeFolder, operationsBetween, type Seen, snapshot, sourceFrom } from "./trees.js";

let tools = "";

beforeAll(async () => {
  tools = mkdtempSync(join(tmpdir(), "airlock-child-"));
  const entryPoints = [new URL("./dying-child.ts", import.meta.url).pathname];
  await build({
    entryPoints,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    outfile: join(tools, "child.mjs"),
  });
});

afterAll(() => rmSync(tools, { recursive: true, force: true }));

/** One of everything that an apply can meet. */
function before(root: string): void {
  for (const folder of ["keep", "keep/deep", "goes", "goes/below", "dir-to-file", "closes"])
    makeFolder(join(root, folder));
  for (const file of [
    "edit",
    "chmod",
    "delete",
    "keep/edit",
    "keep/deep/edit",
    "goes/a",
    "goes/below/b",
    "dir-to-file/c",
  ]) {
    writeFileSync(join(root, file), `old ${file}\n`.repeat(500));
  }
  for (const file of ["file-to-dir", "file-to-link", "twin-1", "closes/in"])
    writeFileSync(join(root, file), `old ${file}`);
  hardLink(root, "twin-1", "twin-2");
  symlinkSync("edit", join(root, "link-moves"));
  symlinkSync("edit", join(root, "link-to-file"));
}

function after(root: string): void {
  for (const path of ["delete", "goes", "dir-to-file", "file-to-dir", "file-to-link", "link-moves", "link-to-file"]) {
    rmSync(join(root, path), { recursive: true });
  }
  for (const folder of ["file-to-dir/x", "new/deep", "new/empty"]) mkdirSync(join(root, folder), { recursive: true });
  for (const file of [
    "edit",
    "keep/edit",
    "keep/new",
    "keep/deep/edit",
    "dir-to-file",
    "link-to-file",
    "file-to-dir/x/y",
  ]) {
    rmSync(join(root, file), { force: true });
    writeFileSync(join(root, file), `new ${file}\n`.repeat(700));
  }
  for (const file of ["new/a", "new/deep/b", "closes/more", "twin-2"]) writeFileSync(join(root, file), `new ${file}`);
  hardLink(root, "new/a", "other-a");
  symlinkSync("../x", join(root, "link-moves"));
  symlinkSync("edit", join(root, "file-to-link"));
  writeFileSync(join(root, "sparse"), "x");
  truncateSync(join(root, "sparse"), 300_000);
  execFileSync("chmod", ["755", join(root, "chmod")]);
  execFileSync("chmod", ["555", join(root, "new/deep"), join(root, "closes")]);
}

class Fixture implements Disposable {
  readonly bed = new ApplyBed();
  readonly target: string;

  constructor() {
    before(this.bed.project);
    this.target = join(this.bed.top, "target");
    execFileSync("cp", ["-a", this.bed.project, this.target]);
    after(this.target);
  }

  run(orders: Pick<ChildOrders, "act" | "dieAt"> & { readonly id: string; readonly undoes?: string }) {
    const { bed, target } = this;
    const file = join(bed.top, "orders.json");
    const { id, undoes = "a1", ...rest } = orders;
    const rights = { asRoot: process.getuid?.() === 0, sync: false };
    const where = { project: bed.project, root: bed.root, target, lock: join(bed.top, "lock") };
    const folders = { folder: bed.folderOf(id), undoes: bed.folderOf(undoes) };
    writeFileSync(file, JSON.stringify({ ...rest, ...rights, ...where, ...folders } satisfies ChildOrders));
    const { signal, status, stdout, stderr } = spawnSync(process.execPath, [join(tools, "child.mjs"), file], {
      encoding: "utf8",
      timeout: 60_000,
    });
    if (signal !== "SIGKILL" && status !== 0) throw new Error(stderr);
    return { killed: signal === "SIGKILL", stdout };
  }

  get tree(): Record<string, Seen> {
    return snapshot(this.bed.project);
  }

  expectWhole(tree: Record<string, Seen>, what: string): void {
    expect(this.tree, what).toEqual(tree);
    expect(readdirSync(this.bed.project).filter((name) => name.startsWith(".airlock"))).toEqual([]);
  }

  [Symbol.dispose](): void {
    this.bed[Symbol.dispose]();
  }
}

/** How many steps the apply takes. */
function measure(): { readonly steps: number } {
  using fixture = new Fixture();
  const { stdout } = fixture.run({ act: "apply", dieAt: 0, id: "a1" });
  fixture.expectWhole(snapshot(fixture.target), "applied");
  return { steps: Number(/steps (\d+)/.exec(stdout)?.[1]) };
}

const long = 300_000;

async function endsWhole(
  fixture: Fixture,
  id: string,
  trees: { readonly done: Record<string, Seen>; readonly not: Record<string, Seen> },
  what: string,
) {
  const outcome = await recoverApply(fixture.bed.folderOf(id));
  fixture.expectWhole(outcome === "completed" ? trees.done : trees.not, `${what}: ${outcome}`);
  expect(await recoverApply(fixture.bed.folderOf(id)), what).toBe("nothing");
  return outcome;
}

describe("an apply killed at any step", () => {
  test(
    "is taken back or completed by the next command, and nothing is half done",
    async () => {
      const { steps } = measure();
      expect(steps).toBeGreaterThan(60);
      const outcomes = new Set<string>();
      for (let dieAt = 1; dieAt <= steps; dieAt += 1) {
        using fixture = new Fixture();
        const trees = { not: fixture.tree, done: snapshot(fixture.target) };
        expect(fixture.run({ act: "apply", dieAt, id: "a1" }).killed, `step ${dieAt}`).toBe(true);
        outcomes.add(await endsWhole(fixture, "a1", trees, `killed at step ${dieAt}`));
      }
      expect([...outcomes].sort()).toEqual(["completed", "nothing", "rolled-back"]);
    },
    long,
  );

  test(
    "is taken back also when taking it back is killed at any step, again and again",
    async () => {
      const { steps } = measure();
      // All is written, and nothing says yet that it is done.
      const dieAt = steps - 2;
      let killed = true;
      for (let again = 1; killed; again += 1) {
        using fixture = new Fixture();
        const trees = { not: fixture.tree, done: {} };
        fixture.run({ act: "apply", dieAt, id: "a1" });
        ({ killed } = fixture.run({ act: "recover", dieAt: again, id: "a1" }));
        if (killed) fixture.run({ act: "recover", dieAt: Math.ceil(again / 2), id: "a1" });
        const outcome = await endsWhole(fixture, "a1", trees, `killed again at step ${again}`);
        expect(outcome).not.toBe("completed");
        expect(again < 25 ? killed : true).toBe(true);
      }
    },
    long,
  );
});

describe("an undo killed at any step", () => {
  test(
    "is taken back or completed by the next command, and nothing is half done",
    async () => {
      let killed = true;
      const outcomes = new Set<string>();
      for (let dieAt = 1; killed; dieAt += 1) {
        using fixture = new Fixture();
        const first = fixture.tree;
        const { bed, target } = fixture;
        await bed.apply(operationsBetween(bed.project, target), { source: sourceFrom(target) });
        const trees = { not: fixture.tree, done: first };
        ({ killed } = fixture.run({ act: "undo", dieAt, id: "a2" }));
        if (killed) outcomes.add(await endsWhole(fixture, "a2", trees, `killed at step ${dieAt}`));
        else fixture.expectWhole(first, "undone");
      }
      expect([...outcomes].sort()).toEqual(["completed", "nothing", "rolled-back"]);
    },
    long,
  );
});
