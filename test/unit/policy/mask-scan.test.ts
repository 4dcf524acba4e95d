import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { encodePath } from "../../../src/base/byte-path.js";
import { type ScanRequest, scanForSecrets } from "../../../src/policy/mask-scan.js";
import { type ScratchFolder, scratchFolder, withoutRoot } from "./scratch-folder.js";

const scan = (root: string, more: Partial<ScanRequest> = {}) =>
  scanForSecrets({ root, mask: [], unmask: [], cachePath: null, signal: new AbortController().signal, ...more });

async function hiddenIn(root: string, more: Partial<ScanRequest> = {}): Promise<string[]> {
  return (await scan(root, more)).hidden.map(({ path }) => path);
}

const key = "-----BEGIN PRIVATE KEY-----\nMII\n";

describe("a scan for secrets", () => {
  test("names what it hides, why, and every folder above it", async () => {
    using scratch = scratchFolder();
    scratch.write("b/c/.env");
    scratch.write("a/deploy", key);
    scratch.write("src/index.ts");
    chmodSync(`${scratch.path}/b`, 0o750);
    const { hidden, folders, scanned } = await scan(scratch.path);
    expect(hidden).toEqual([
      { path: "a/deploy", rule: "key or token" },
      { path: "b/c/.env", rule: "environment file" },
    ]);
    expect(folders.map(({ path }) => path)).toEqual(["a", "b", "b/c"]);
    expect(folders[1]).toMatchObject({ mode: 0o750, uid: process.getuid?.(), gid: process.getgid?.() });
    expect(folders[1]?.mtimeNs).toMatch(/^\d{18,}$/);
    expect(scanned).toBe(7);
  });

  test("looks into the folder that is held, whatever its path leads to meanwhile", async () => {
    using scratch = scratchFolder();
    scratch.write("place/sub/.env");
    scratch.folder("other/sub");
    const handle = openSync(`${scratch.path}/place`, "r");
    renameSync(`${scratch.path}/place`, `${scratch.path}/elsewhere`);
    renameSync(`${scratch.path}/other`, `${scratch.path}/place`);
    const found = await scan(`${scratch.path}/place`, { through: `/proc/self/fd/${handle}/.` });
    closeSync(handle);
    expect(found.hidden.map(({ path }) => path)).toEqual(["sub/.env"]);
    expect(found.folders.map(({ path }) => path)).toEqual(["sub"]);
  });

  test("judges symbolic links by their own name and never follows them", async () => {
    using scratch = scratchFolder();
    using outside = scratchFolder();
    outside.write("secrets/.env");
    symlinkSync(outside.path, `${scratch.path}/link`);
    symlinkSync("/nowhere", `${scratch.path}/.env`);
    symlinkSync(".", `${scratch.path}/loop`);
    expect(await hiddenIn(scratch.path)).toEqual([".env"]);
  });

  test("lets folders be that only have the name of a secret", async () => {
    using scratch = scratchFolder();
    scratch.write(".env/bin/activate.ts");
    scratch.write("keys.pem/readme.md");
    expect(await hiddenIn(scratch.path)).toEqual([]);
  });

  test("does not look into .git, unless a pattern asks for it", async () => {
    using scratch = scratchFolder();
    scratch.write(".git/id_rsa");
    scratch.write(".git/config");
    expect(await hiddenIn(scratch.path)).toEqual([]);
    expect(await hiddenIn(scratch.path, { mask: ["/.git/config"] })).toEqual([".git/config"]);
    expect(await hiddenIn(scratch.path, { mask: [".git"] })).toEqual([".git"]);
  });

  test("goes by names in installed packages", async () => {
    using scratch = scratchFolder();
    scratch.write("node_modules/a/account.json", '{"type": "service_account"}');
    scratch.write("node_modules/a/.env");
    scratch.write("lib/site-packages/certifi/cacert.pem", "-----BEGIN CERTIFICATE-----\n");
    scratch.write("lib/site-packages/x/server.pem", key);
    scratch.write("account.json", '{"type": "service_account"}');
    const expected = ["account.json", "lib/site-packages/x/server.pem", "node_modules/a/.env"];
    expect(await hiddenIn(scratch.path)).toEqual(expected);
  });

  test("keeps names that are not UTF-8", async () => {
    using scratch = scratchFolder();
    const folder = Buffer.concat([Buffer.from(`${scratch.path}/d`), Buffer.from([0xff])]);
    mkdirSync(folder);
    writeFileSync(Buffer.concat([folder, Buffer.from("/.env")]), "");
    writeFileSync(Buffer.concat([folder, Buffer.from("/"), Buffer.from([0xfe]), Buffer.from(".pem")]), "");
    writeFileSync(`${scratch.path}/\ufffd.pem`, "");
    const hidden = await hiddenIn(scratch.path);
    expect(hidden).toEqual(["d\udcff/.env", "d\udcff/\udcfe.pem", "\ufffd.pem"]);
    expect(encodePath(hidden[1] ?? "").includes(0xfe)).toBe(true);
  });

  test.skipIf(process.platform !== "linux")("hides what it cannot read", async () => {
    using scratch = scratchFolder();
    chmodSync(scratch.path, 0o755);
    scratch.write("closed/file");
    const file = scratch.write("deploy");
    chmodSync(`${scratch.path}/closed`, 0);
    chmodSync(file, 0);
    expect(await withoutRoot(() => hiddenIn(scratch.path))).toEqual(["closed", "deploy"]);
    chmodSync(`${scratch.path}/closed`, 0o755);
  });

  test("fails when the folder itself cannot be read", async () => {
    await expect(scan("/nowhere/at/all")).rejects.toMatchObject({ code: "E_PROJECT_UNUSABLE" });
  });

  test("stops when it is told to, and says how far it is", async () => {
    using scratch = scratchFolder();
    for (let index = 0; index < 3_000; index++) scratch.write(`d${index}/id`);
    const counts: number[] = [];
    await scan(scratch.path, { onProgress: (count) => counts.push(count) });
    expect(counts.length).toBeGreaterThan(1);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    const stop = new AbortController();
    const stopped = scan(scratch.path, { signal: stop.signal, onProgress: () => stop.abort() });
    await expect(stopped).rejects.toThrow();
  });

  test("lets timers run meanwhile", async () => {
    using scratch = scratchFolder();
    for (let index = 0; index < 3_000; index++) scratch.write(`d${index}/id`);
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 1);
    await scan(scratch.path);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(2);
  });
});

describe("patterns", () => {
  test("hide more, whole folders too", async () => {
    using scratch = scratchFolder();
    scratch.write("private/a/b.txt");
    scratch.write("docs/private.txt");
    scratch.write("notes.txt");
    const { hidden, folders } = await scan(scratch.path, { mask: ["private/", "/notes.*", "docs/*.txt"] });
    expect(hidden).toEqual([
      { path: "docs/private.txt", rule: "mask docs/*.txt" },
      { path: "notes.txt", rule: "mask /notes.*" },
      { path: "private", rule: "mask private/" },
    ]);
    expect(folders.map(({ path }) => path)).toEqual(["docs"]);
  });

  test("that show win over the defaults, for a folder with all in it, but not over those that hide", async () => {
    using scratch = scratchFolder();
    for (const path of ["test/keys/a.pem", "test/keys/deep/b.pem", "test/.env", "c.pem", "d.pem"]) scratch.write(path);
    const request = { unmask: ["test/keys", "c.pem", "/test/keys/deep/b.pem"], mask: ["b.pem"] };
    expect(await hiddenIn(scratch.path, request)).toEqual(["d.pem", "test/.env", "test/keys/deep/b.pem"]);
  });
});

/** Sets the clock of the scan ahead, so that what was just made counts as old. */
async function settle(): Promise<void> {
  // The file system's clock ticks every 4 ms: the next change must not fall into the same tick.
  await wait(10);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 10_000 });
}

afterEach(() => void vi.useRealTimers());

describe("a repeated scan", () => {
  const cached = (scratch: ScratchFolder, outside: ScratchFolder, more: Partial<ScanRequest> = {}) =>
    hiddenIn(scratch.path, { cachePath: `${outside.path}/cache`, ...more });

  test("sees new files, new contents, other patterns and what is gone", async () => {
    using scratch = scratchFolder();
    using outside = scratchFolder();
    scratch.write("a/.env");
    scratch.write("b/c/deploy");
    await settle();
    expect(await cached(scratch, outside)).toEqual(["a/.env"]);
    expect(readFileSync(`${outside.path}/cache`, "utf8")).toContain("deploy");
    expect(await cached(scratch, outside)).toEqual(["a/.env"]);

    scratch.write("b/c/deploy", key);
    expect(await cached(scratch, outside)).toEqual(["a/.env", "b/c/deploy"]);
    expect(await cached(scratch, outside, { mask: ["b"] })).toEqual(["a/.env", "b"]);
    scratch.write("b/id_rsa");
    rmSync(`${scratch.path}/a/.env`);
    expect(await cached(scratch, outside)).toEqual(["b/c/deploy", "b/id_rsa"]);
  });

  test("does not trust a folder whose time was set back", async () => {
    using scratch = scratchFolder();
    using outside = scratchFolder();
    scratch.folder("a");
    utimesSync(`${scratch.path}/a`, 1_000_000_000, 1_000_000_000);
    await settle();
    expect(await cached(scratch, outside)).toEqual([]);
    scratch.write("a/.env");
    utimesSync(`${scratch.path}/a`, 1_000_000_000, 1_000_000_000);
    expect(await cached(scratch, outside)).toEqual(["a/.env"]);
  });

  test("keeps nothing about folders that were young at the last", async () => {
    using scratch = scratchFolder();
    using outside = scratchFolder();
    scratch.folder("young");
    scratch.folder("old");
    await wait(2_050);
    scratch.write("young/id");
    await cached(scratch, outside);
    expect(readFileSync(`${outside.path}/cache`, "utf8")).toContain("old");
    expect(readFileSync(`${outside.path}/cache`, "utf8")).not.toContain('["young"');
  });

  test("reads everything when the cache is damaged, foreign, or cannot be written", async () => {
    using scratch = scratchFolder();
    using outside = scratchFolder();
    scratch.write("a/.env");
    await settle();
    await cached(scratch, outside);
    const whole = readFileSync(`${outside.path}/cache`, "utf8");
    const lies = whole.replace(".env", "hide");
    for (const text of ["", "x", whole.slice(0, -5), lies, whole.replace(/ \w{64} /, ` ${"0".repeat(64)} `)]) {
      writeFileSync(`${outside.path}/cache`, text);
      expect(await cached(scratch, outside)).toEqual(["a/.env"]);
    }
    expect(await hiddenIn(scratch.path, { cachePath: "/nowhere/cache" })).toEqual(["a/.env"]);
  });
});

describe("any sequence of changes", () => {
  const name = fc.constantFrom("a", "b", ".env", "k.pem", ".git", "node_modules", "x.json");
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
  const change = fc.record({ path, kind: fc.constantFrom("file", "key", "folder", "remove", "link") });

  function apply(scratch: ScratchFolder, kind: string, at: string): void {
    const full = `${scratch.path}/${at}`;
    try {
      if (kind === "file") scratch.write(at, "x");
      else if (kind === "key") scratch.write(at, `{"type": "service_account"}\n${key}`);
      else if (kind === "folder") scratch.folder(at);
      else if (kind === "link") symlinkSync("a", full);
      else rmSync(full, { recursive: true, force: true });
    } catch {
      // A file where a folder would have to be: nothing changes.
    }
  }

  test("gives the same answer with the cache as without", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(change, { maxLength: 6 }), { minLength: 2, maxLength: 4 }), async (rounds) => {
        using scratch = scratchFolder();
        using outside = scratchFolder();
        for (const changes of rounds) {
          for (const { kind, path: at } of changes) apply(scratch, kind, at);
          await settle();
          const fresh = await scan(scratch.path);
          expect(await scan(scratch.path, { cachePath: `${outside.path}/cache` })).toEqual(fresh);
        }
      }),
      { numRuns: 60 },
    );
  });
});
