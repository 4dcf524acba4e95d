import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { UploadEntry } from "../../../src/workspace/keeper-client.js";
import { uploadEntries } from "../../../src/workspace/upload.js";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "airlock-upload-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function entriesOf(hidden: readonly string[] = [], signal = new AbortController().signal) {
  const entries: UploadEntry[] = [];
  const options = { hidden: new Set(hidden), signal, onProgress: () => undefined };
  for await (const entry of uploadEntries(root, options)) entries.push(entry);
  return entries.sort((left, right) => (left.path < right.path ? -1 : 1));
}

async function contentOf(entry: UploadEntry | undefined): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of entry?.content ?? []) parts.push(part);
  return Buffer.concat(parts).toString();
}

describe("what is uploaded of a host folder", () => {
  it("is folders, files and links as they are; sockets, FIFOs and hidden files stay", async () => {
    mkdirSync(join(root, "d/e"), { recursive: true });
    writeFileSync(join(root, "d/e/file"), "text", { mode: 0o640 });
    writeFileSync(join(root, "d/.env"), "secret");
    symlinkSync("/etc", join(root, "way"));
    execFileSync("mkfifo", [join(root, "pipe")]);
    execFileSync("python3", ["-c", "import sys; open(sys.argv[1].encode() + b'/\\xff', 'w')", root]);
    const entries = await entriesOf(["d/.env"]);
    expect(entries.map(({ path, kind, target }) => [path, kind, target])).toEqual([
      ["d", "dir", undefined],
      ["d/e", "dir", undefined],
      ["d/e/file", "file", undefined],
      ["way", "symlink", "/etc"],
      ["\udcff", "file", undefined],
    ]);
    expect(entries[2]).toMatchObject({ mode: 0o640, size: 4 });
    expect(await contentOf(entries[2])).toBe("text");
  });

  it("is refused when a file became a link, a FIFO or nothing before it was opened", async () => {
    for (const name of ["link", "pipe", "gone"]) writeFileSync(join(root, name), "text");
    const entries = await entriesOf();
    for (const name of ["link", "pipe", "gone"]) rmSync(join(root, name));
    symlinkSync("/etc/passwd", join(root, "link"));
    execFileSync("mkfifo", [join(root, "pipe")]);
    for (const entry of entries) await expect(contentOf(entry)).rejects.toMatchObject({ code: "E_BASE_CHANGED" });
  });

  it.skipIf(process.getuid?.() === 0)("names the file that cannot be read", async () => {
    writeFileSync(join(root, "locked"), "", { mode: 0o000 });
    await expect(contentOf((await entriesOf())[0])).rejects.toMatchObject({ code: "E_PROJECT_UNUSABLE" });
  });

  it("reads nothing before it is asked for, and stops when told", async () => {
    writeFileSync(join(root, "huge"), "");
    truncateSync(join(root, "huge"), 2 ** 40);
    expect((await entriesOf())[0]?.size).toBe(2 ** 40);
    await expect(entriesOf([], AbortSignal.abort())).rejects.toThrow();
    rmSync(root, { recursive: true });
    await expect(entriesOf()).rejects.toMatchObject({ code: "E_BASE_CHANGED" });
  });
});
