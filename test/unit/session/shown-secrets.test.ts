import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { ApprovedPath, SessionRecord } from "../../../src/model/session.js";
import { findShownSecrets } from "../../../src/session/tools/shown-secrets.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "airlock-shown-"));
  for (const name of ["project", "fixtures"]) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, ".env"), "TOKEN=1\n");
  }
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const record = (hidden: readonly string[], paths: readonly Partial<ApprovedPath>[]) =>
  ({
    project: { path: join(folder, "project") },
    hidden: hidden.map((path) => ({ path, rule: "environment file" })),
    paths: paths.map((each) => ({ kind: "folder", ...each })),
  }) as unknown as SessionRecord;

const shown = async (of: SessionRecord, signal = new AbortController().signal) => {
  const { found, isWhole } = await findShownSecrets(of, signal);
  return [found.map(({ path }) => path), isWhole];
};

it("finds what is unmasked, and what lies in a path that is mounted as it is", async () => {
  const fixtures = join(folder, "fixtures");
  expect(await shown(record([".env"], []))).toEqual([[], true]);
  expect(await shown(record([], []))).toEqual([[".env"], true]);
  expect(await shown(record([".env"], [{ hostPath: fixtures, mode: "rw" }]))).toEqual([[`${fixtures}/.env`], true]);
  expect(await shown(record([".env", `${fixtures}/.env`], [{ hostPath: fixtures, mode: "cow" }]))).toEqual([[], true]);
});

it("says when it could not look", async () => {
  expect(await shown(record([".env"], [{ hostPath: join(folder, "gone"), mode: "ro" }]))).toEqual([[], false]);
});
