import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { listApplies, loadApply, settledStates } from "../../../src/apply/applies.js";
import { recoverApply } from "../../../src/apply/recover.js";
import { planUndo } from "../../../src/apply/undo.js";
import { isAirlockError, messageOf } from "../../../src/base/errors.js";
import { takeLock } from "../../../src/base/file-lock.js";
import type { Operation } from "../../../src/model/apply.js";
import { ApplyBed } from "./bed.js";
import { hashOf, makeFolder, snapshot, stateAt } from "./trees.js";

const asRoot = process.getuid?.() === 0;

function put(path: string, text: string, expected: Operation["expected"] = null, mode = 0o644): Operation {
  const bytes = Buffer.from(text);
  const after = { type: "file", mode, mtimeNs: null, size: bytes.length, sha256: hashOf(bytes) } as const;
  return { path, expected, after, content: { bytes } };
}

const drop = (root: string, path: string): Operation => ({
  path,
  expected: stateAt(root, path),
  after: null,
  content: null,
});
const folder = (path: string, mode = 0o755): Operation => ({
  path,
  expected: null,
  after: { type: "dir", mode, mtimeNs: null },
  content: null,
});

/** Fails with a code, says the words, and leaves the project exactly as it was. */
async function failsWhole(bed: ApplyBed, operations: readonly Operation[], code: string, words: string, wish = {}) {
  const before = snapshot(bed.project);
  const failure = await bed.apply(operations, wish).catch((error: unknown) => error);
  expect(isAirlockError(failure) ? failure.code : failure, messageOf(failure)).toBe(code);
  expect(messageOf(failure)).toContain(words);
  expect(snapshot(bed.project)).toEqual(before);
}

function filled(): ApplyBed {
  const bed = new ApplyBed();
  makeFolder(join(bed.project, "src"));
  for (const file of ["one", "two", "src/three"]) writeFileSync(join(bed.project, file), `old ${file}`);
  return bed;
}

const edits = (root: string): Operation[] => [
  ...["one", "src/three"].map((path) => put(path, `new ${path}`, stateAt(root, path))),
  drop(root, "two"),
  folder("made"),
  put("made/four", "four"),
];

describe("an apply stops before it begins", () => {
  test.each<[string, (root: string) => void, string]>([
    ["has other content", (root) => writeFileSync(join(root, "one"), "OLD one"), "one has other content now"],
    ["has another mode", (root) => chmodSync(join(root, "one"), 0o600), "one has another mode now"],
    ["is gone", (root) => execFileSync("rm", [join(root, "src/three")]), "src/three is not there any more"],
    ["became a link", (root) => execFileSync("ln", ["-sf", "two", join(root, "one")]), "one is a symbolic link now"],
    ["is new", (root) => mkdirSync(join(root, "made")), "made something is there now"],
  ])("where the host %s", async (_name, change, words) => {
    using bed = filled();
    const operations = edits(bed.project);
    change(bed.project);
    await failsWhole(bed, operations, "E_APPLY_CONFLICT", words);
    expect(await listApplies(bed.applies)).toEqual([]);
  });

  test("where a folder that is to go holds something else", async () => {
    using bed = filled();
    const operations = [drop(bed.project, "src/three"), drop(bed.project, "src")];
    writeFileSync(join(bed.project, "src/mine"), "mine");
    await failsWhole(bed, operations, "E_APPLY_CONFLICT", "src/mine is in src");
  });

  test("at a device, pipe or socket", async () => {
    using bed = filled();
    execFileSync("mkfifo", [join(bed.project, "pipe")]);
    const expected = { type: "special", mode: 0o644, size: 0 } as const;
    await expect(bed.apply([{ path: "pipe", expected, after: null, content: null }])).rejects.toMatchObject({
      code: "E_APPLY_REFUSED",
    });
    expect(existsSync(join(bed.project, "pipe"))).toBe(true);
  });

  test("while another apply writes the project", async () => {
    using bed = filled();
    const operations = edits(bed.project);
    const other = await takeLock(join(bed.top, "lock"), { waitMs: 0 });
    const signal = AbortSignal.timeout(200);
    await expect(bed.apply(operations, { signal })).rejects.toThrow(/aborted/);
    expect(readFileSync(join(bed.project, "one"), "utf8")).toBe("old one");
    await other?.[Symbol.asyncDispose]();
    await bed.apply(operations);
    expect(readFileSync(join(bed.project, "one"), "utf8")).toBe("new one");
  });

  test.runIf(asRoot)("where the file system is read-only, naming the path", async () => {
    using bed = filled();
    execFileSync("mount", ["--bind", bed.project, bed.project]);
    try {
      execFileSync("mount", ["-o", "remount,ro,bind", bed.project]);
      await failsWhole(bed, edits(bed.project), "E_APPLY_FAILED", "read-only");
    } finally {
      execFileSync("umount", [bed.project]);
    }
  });

  test.runIf(asRoot)("where another file system is mounted in the project", async () => {
    using bed = filled();
    const mounted = join(bed.project, "src");
    execFileSync("mount", ["-t", "tmpfs", "none", mounted]);
    try {
      await failsWhole(bed, [put("src/new", "x")], "E_APPLY_CONFLICT", "src is another file system");
    } finally {
      execFileSync("umount", [mounted]);
    }
  });

  test.runIf(asRoot)("at an immutable file or folder, naming it", async ({ skip }) => {
    using bed = filled();
    for (const path of ["one", "src"]) {
      try {
        execFileSync("chattr", ["+i", join(bed.project, path)], { stdio: "ignore" });
      } catch {
        skip("this file system knows no immutable files");
      }
      try {
        await failsWhole(bed, edits(bed.project), "E_APPLY_FAILED", path);
        await failsWhole(bed, [drop(bed.project, path === "one" ? "one" : "src/three")], "E_APPLY_FAILED", path);
      } finally {
        execFileSync("chattr", ["-i", join(bed.project, path)]);
      }
    }
  });
});

describe("an apply that fails half-way", () => {
  test.runIf(asRoot)("on a full disk takes everything back", async () => {
    using bed = filled();
    const small = join(bed.top, "small");
    mkdirSync(small);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=90m", "none", small]);
    try {
      using inside = new ApplyBed(small);
      writeFileSync(join(inside.project, "one"), "old one");
      const source = {
        async *fetch() {
          const parts = (async function* () {
            for (let at = 0; at < 120; at += 1) yield Buffer.alloc(1024 * 1024, 7);
          })();
          yield { path: "big", parts };
        },
      };
      const after = {
        type: "file",
        mode: 0o644,
        mtimeNs: null,
        size: 120 * 1024 * 1024,
        sha256: "0".repeat(64),
      } as const;
      const big: Operation = { path: "big", expected: null, after, content: { from: "big" } };
      const operations = [put("one", "new one", stateAt(inside.project, "one")), big];
      await failsWhole(inside, operations, "E_DISK_FULL", "room", { source });
    } finally {
      execFileSync("umount", [small]);
    }
  });

  test("because it was told to stop, at any step, takes everything back", async () => {
    for (let step = 1; ; step += 1) {
      using bed = filled();
      const before = snapshot(bed.project);
      const stop = new AbortController();
      let at = 0;
      const onStep = (what: string): void => {
        at += 1;
        if (at !== step || what === "tidy") return;
        stop.abort();
        throw stop.signal.reason;
      };
      const failure = await bed
        .apply(edits(bed.project), { onStep, signal: stop.signal })
        .catch((error: unknown) => error);
      if (!stop.signal.aborted) break;
      expect(failure, `step ${step}`).toBe(stop.signal.reason);
      expect(snapshot(bed.project), `step ${step}`).toEqual(before);
      const [only] = await listApplies(bed.applies);
      if (only !== undefined) expect(only.phase).toBe("rolled-back");
    }
  });

  test("leaves a record that says rolled back, and whose paths have settled", async () => {
    using bed = filled();
    const base = Date.now();
    const onStep = (what: string): void => {
      if (what === "phase committed") throw new Error("stop");
    };
    await expect(bed.apply(edits(bed.project), { onStep })).rejects.toThrow("stop");
    const settled = await settledStates(bed.applies, base);
    for (const path of ["one", "two", "src/three"]) {
      const { ctimeNs } = lstatSync(join(bed.project, path), { bigint: true });
      expect(settled.get(path)).toBe(Number(ctimeNs) / 1e6);
    }
    expect(settled.has("made")).toBe(false);
    expect(await recoverApply(bed.folderOf("a1"))).toBe("nothing");
  });
});

describe("an apply", () => {
  test("replaces a program that is running", async () => {
    using bed = filled();
    const program = join(bed.project, "program");
    copyFileSync("/bin/sleep", program);
    chmodSync(program, 0o755);
    const running = spawn(program, ["30"]);
    try {
      await bed.apply([put("program", "#!/bin/sh\n", stateAt(bed.project, "program"), 0o755)]);
      expect(readFileSync(program, "utf8")).toBe("#!/bin/sh\n");
      await bed.undo("a1");
      expect(hashOf(readFileSync(program))).toBe(hashOf(readFileSync("/bin/sleep")));
    } finally {
      running.kill("SIGKILL");
    }
  });

  test("does not change other names of a file, in content or mode", async () => {
    using bed = filled();
    linkSync(join(bed.project, "one"), join(bed.project, "other"));
    const expected = stateAt(bed.project, "one");
    await bed.apply([{ path: "one", expected, after: { type: "file", mode: 0o755, mtimeNs: null }, content: null }]);
    expect([stateAt(bed.project, "one").mode, stateAt(bed.project, "other").mode]).toEqual([0o755, expected.mode]);
    expect(readFileSync(join(bed.project, "one"), "utf8")).toBe("old one");
    await bed.undo("a1");
    expect(stateAt(bed.project, "one")).toEqual(expected);
  });

  test("writes no zeros where a file has none to keep", async () => {
    using bed = filled();
    const size = 50 * 1024 * 1024;
    const source = {
      async *fetch() {
        const parts = (async function* () {
          yield { hole: size - 4096 - 8192 };
          yield Buffer.alloc(8192);
          yield Buffer.alloc(4096, 1);
        })();
        yield { path: "sparse", parts };
      },
    };
    const sha256 = hashOf(Buffer.concat([Buffer.alloc(size - 4096), Buffer.alloc(4096, 1)]));
    const after = { type: "file", mode: 0o644, mtimeNs: null, size, sha256 } as const;
    await bed.apply([{ path: "sparse", expected: null, after, content: { from: "sparse" } }], { source });
    const stats = lstatSync(join(bed.project, "sparse"));
    expect(stats.size).toBe(size);
    expect(stats.blocks * 512).toBeLessThan(64 * 1024);
  });

  test.runIf(asRoot)("by root gives what is new to whom the project belongs, and keeps owners of the old", async () => {
    using bed = filled();
    chownSync(bed.project, 4711, 4712);
    chownSync(join(bed.project, "one"), 1, 2);
    const before = snapshot(bed.project);
    await bed.apply([
      ...edits(bed.project),
      { ...folder("empty"), path: "link", after: { type: "symlink", mode: 0o777, mtimeNs: null, target: "x" } },
    ]);
    const after = snapshot(bed.project);
    for (const path of ["made", "made/four", "link"]) expect(after[path]?.owner, path).toBe("4711:4712");
    expect(after["one"]?.owner).toBe("1:2");
    await bed.undo("a1");
    expect(snapshot(bed.project)).toEqual(before);
  });

  test("knows what it left itself, so that its writes are no conflicts", async () => {
    using bed = filled();
    const base = Date.now() + 10_000;
    const operations = edits(bed.project);
    await bed.apply(operations);
    const settled = await settledStates(bed.applies, base);
    for (const path of ["one", "src/three", "made", "made/four", ""]) {
      const { ctimeNs } = lstatSync(join(bed.project, path), { bigint: true });
      expect(settled.get(path), path).toBe(Number(ctimeNs) / 1e6);
    }
    expect(settled.has("two")).toBe(false);
    // A folder that somebody else had changed before does not become settled by our write into it.
    const strict = await settledStates(bed.applies, 0);
    expect([strict.has(""), strict.has("one")]).toEqual([false, true]);
  });
});

describe("an apply killed while it tidied up", () => {
  test("is completed, also with half a line in its record", async () => {
    using bed = filled();
    await bed.apply(edits(bed.project));
    const done = snapshot(bed.project);
    const file = join(bed.folderOf("a1"), "settled.jsonl");
    const whole = readFileSync(file, "utf8").trimEnd();
    const last = whole.lastIndexOf("\n");
    utimesSync(bed.project, 1, 1);
    for (const text of [whole.slice(0, last + 1), whole.slice(0, last + 30)]) {
      writeFileSync(file, text);
      expect((await settledStates(bed.applies, Date.now())).has("one")).toBe(true);
      expect(await recoverApply(bed.folderOf("a1"))).toBe("completed");
      expect(await recoverApply(bed.folderOf("a1"))).toBe("nothing");
      const { ctimeNs } = lstatSync(bed.project, { bigint: true });
      expect((await settledStates(bed.applies, Date.now())).get("")).toBe(Number(ctimeNs) / 1e6);
    }
    expect(Object.keys(snapshot(bed.project))).toEqual(Object.keys(done));
  });
});

describe("an apply far from home", () => {
  test("reaches paths that are longer than a system path may be", async () => {
    using bed = filled();
    const before = snapshot(bed.project);
    const names = Array.from({ length: 30 }, (_, at) => `${at}-${"d".repeat(200)}`);
    const folders = names.map((_, at) => folder(names.slice(0, at + 1).join("/")));
    const deep = names.join("/");
    await bed.apply([...folders, put(`${deep}/file`, "first")]);
    const expected = { type: "file", mode: 0o644, size: 5, sha256: hashOf("first") } as const;
    await bed.apply([put(`${deep}/file`, "second", expected), put(`${deep}/more`, "more")]);
    const find = ["-mindepth", "30", "-type", "f", "-printf", "%f %s\\n"];
    expect(
      execFileSync("find", [bed.project, ...find])
        .toString()
        .split("\n")
        .sort(),
    ).toEqual(["", "file 6", "more 4"]);
    await bed.undo("a2");
    await bed.undo("a1");
    expect(snapshot(bed.project)).toEqual(before);
  });

  test.runIf(existsSync("/dev/shm"))(
    "keeps copies of the old files when the state folder lies on another file system",
    async () => {
      using bed = filled();
      using elsewhere = new ApplyBed("/dev/shm");
      const before = snapshot(bed.project);
      const state = join(elsewhere.top, "a1");
      await bed.apply(edits(bed.project), { folder: state });
      expect(lstatSync(elsewhere.top).dev).not.toBe(lstatSync(bed.project).dev);
      const { operations, source } = await planUndo(await loadApply(state));
      await bed.apply(operations, { folder: join(elsewhere.top, "a2"), source });
      expect(snapshot(bed.project)).toEqual(before);
    },
  );
});

describe("an undo", () => {
  test("refuses where the host moved on, naming every path, and changes nothing", async () => {
    using bed = filled();
    await bed.apply(edits(bed.project));
    writeFileSync(join(bed.project, "one"), "mine now");
    writeFileSync(join(bed.project, "two"), "back again");
    writeFileSync(join(bed.project, "made/mine"), "mine");
    const before = snapshot(bed.project);
    const failure = await bed.undo("a1").catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "E_HOST_MOVED_ON" });
    for (const words of ["one has other content now", "two something is there now", "made/mine is new"]) {
      expect(messageOf(failure)).toContain(words);
    }
    expect(snapshot(bed.project)).toEqual(before);
  });

  test("goes ahead where a file was only touched, and where it was changed and brought back", async () => {
    using bed = filled();
    const before = snapshot(bed.project);
    await bed.apply(edits(bed.project));
    const text = readFileSync(join(bed.project, "one"));
    writeFileSync(join(bed.project, "one"), "mine now");
    writeFileSync(join(bed.project, "one"), text);
    await bed.undo("a1");
    expect(snapshot(bed.project)).toEqual(before);
  });

  test("uses no before-image that was changed", async () => {
    using bed = filled();
    await bed.apply(edits(bed.project));
    const images = join(bed.folderOf("a1"), "before");
    for (const name of readdirSync(images)) writeFileSync(join(images, name), "spoiled");
    const before = snapshot(bed.project);
    await expect(bed.undo("a1")).rejects.toMatchObject({ code: "E_STATE_DAMAGED" });
    expect(snapshot(bed.project)).toEqual(before);
  });

  test("believes no record that leads out of the project", async () => {
    using bed = filled();
    await bed.apply(edits(bed.project));
    const file = join(bed.folderOf("a1"), "steps.jsonl");
    writeFileSync(file, readFileSync(file, "utf8").replace('"path":"one"', '"path":"../one"'));
    await expect(loadApply(bed.folderOf("a1"))).rejects.toMatchObject({ code: "E_STATE_DAMAGED" });
  });

  test("brings back all names of a file that had several", async () => {
    using bed = filled();
    linkSync(join(bed.project, "one"), join(bed.project, "src/other"));
    symlinkSync("one", join(bed.project, "link"));
    const before = snapshot(bed.project);
    await bed.apply(["one", "src/other", "link"].map((path) => drop(bed.project, path)));
    const plan = await planUndo(await loadApply(bed.folderOf("a1")));
    expect(plan.operations.filter(({ after }) => after?.link !== undefined)).toHaveLength(2);
    await bed.undo("a1");
    expect(snapshot(bed.project)).toEqual(before);
  });
});
