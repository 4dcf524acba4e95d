import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const script = fileURLToPath(new URL("../../../demo/fingerprint.mjs", import.meta.url));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "airlock-fingerprint-"));
  mkdirSync(join(folder, "src"));
  writeFileSync(join(folder, "src/a"), "one");
  symlinkSync("src/a", join(folder, "link"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const fingerprint = (): string => execFileSync(process.execPath, [script, folder], { encoding: "utf8" });

describe("the demo's checksum", () => {
  it("is the same when nothing happened but reading", () => {
    const before = fingerprint();
    readFileSync(join(folder, "src/a"));
    expect(fingerprint()).toBe(before);
  });

  it.each<[string, () => void]>([
    ["new content", () => writeFileSync(join(folder, "src/a"), "two")],
    ["a new file", () => writeFileSync(join(folder, "src/b"), "")],
    ["a deleted file", () => rmSync(join(folder, "src/a"))],
    ["another mode", () => chmodSync(join(folder, "src/a"), 0o755)],
    [
      "another symlink target",
      () => {
        rmSync(join(folder, "link"));
        symlinkSync("src/b", join(folder, "link"));
      },
    ],
    [
      "the same bytes written again with the time put back",
      () => {
        const { atime, mtime } = statSync(join(folder, "src/a"));
        writeFileSync(join(folder, "src/a"), "one");
        utimesSync(join(folder, "src/a"), atime, mtime);
      },
    ],
  ])("changes with %s", (_what, change) => {
    const before = fingerprint();
    change();
    expect(fingerprint()).not.toBe(before);
  });
});
