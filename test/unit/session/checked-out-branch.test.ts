import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { checkedOutBranch, looksLikeProduction } from "../../../src/session/git/checked-out-branch.js";

describe("the branch that is checked out", () => {
  const project = mkdtempSync(join(tmpdir(), "airlock-branch-"));
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  it("is nothing without git", async () => expect(await checkedOutBranch(project)).toBeNull());

  it.each([
    ["ref: refs/heads/main\n", "main"],
    ["ref: refs/heads/fix/a-b\n", "fix/a-b"],
    ["ref: refs/tags/v1\n", null],
    [`${"a".repeat(40)}\n`, null],
    ["ref: refs/heads/../x\n", null],
    ["", null],
    [`ref: refs/heads/${"x".repeat(9_000)}`, null],
  ])("is read from %j", async (head, expected) => {
    mkdirSync(join(project, ".git"), { recursive: true });
    writeFileSync(join(project, ".git/HEAD"), head);
    expect(await checkedOutBranch(project)).toBe(expected);
  });

  it.each(["main", "master", "release/1.2", "prod", "eu-prod", "Production", "hotfix/prod_db"])(
    "%s looks like production",
    (branch) => expect(looksLikeProduction(branch)).toBe(true),
  );
  it.each(["fix/maintain", "product-page", "feature/x", "delivery", "domain"])("%s does not", (branch) =>
    expect(looksLikeProduction(branch)).toBe(false),
  );
});
