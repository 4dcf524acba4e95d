import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findExposedTokens } from "../../../src/policy/exposed-tokens.js";

let project: string;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), "airlock-tokens-"));
  mkdirSync(join(project, ".git"));
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

const withRemote = (url: string): void =>
  writeFileSync(join(project, ".git/config"), `[core]\n\tbare = false\n[remote "origin"]\n\turl = ${url}\n`);

describe("a token that the sandbox will see", () => {
  it.each([
    "https://me:s3cret@example.com/x.git",
    "https://x-access-token:abcdef0123@github.com/a/b",
    "https://0123456789abcdef0123456789abcdef01234567@github.com/a/b",
    "https://a.example/b\n[http]\n\textraheader = AUTHORIZATION: basic eDp5",
    `https://ghp_${"a1B2".repeat(9)}@github.com/a/b`,
  ])("is found in a repository's configuration: %s", (url) => {
    withRemote(url);
    expect(findExposedTokens(project, [])).toEqual([".git/config"]);
  });

  it.each([
    "https://github.com/a/b.git",
    "git@github.com:a/b.git",
    "ssh://git@github.com:22/a/b",
    "https://me@dev.azure.com/x",
  ])("is not seen in %s", (url) => {
    withRemote(url);
    expect(findExposedTokens(project, [])).toEqual([]);
  });

  it("is no news where the file is hidden, missing, or a link", () => {
    withRemote("https://me:s3cret@example.com/x.git");
    expect(findExposedTokens(project, [{ path: ".git/config", rule: "mask" }])).toEqual([]);
    expect(findExposedTokens(project, [{ path: ".git", rule: "mask" }])).toEqual([]);
    symlinkSync(join(project, ".git/config"), join(project, ".git/config.worktree"));
    expect(findExposedTokens(project, [])).toEqual([".git/config"]);
    expect(findExposedTokens(join(project, "nowhere"), [])).toEqual([]);
  });
});
