import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { verifyJournal } from "../../../src/journal/verify.js";
import type { ConnectionRecord } from "../../../src/model/network.js";
import { ConnectionJournal } from "../../../src/session/connection-journal.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "airlock-connections-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const paths = () => ({ journal: join(folder, "journal.jsonl"), head: join(folder, "head") });
const record = (name: string, decision: ConnectionRecord["decision"]): ConnectionRecord => ({
  name,
  port: 443,
  via: "direct",
  address: null,
  decision,
  rule: "r",
  reason: decision === "denied" ? "no rule allows it" : null,
  bytesOut: 0,
  bytesIn: 0,
  milliseconds: 1,
});

interface Line {
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}
const lines = (): Line[] =>
  readFileSync(paths().journal, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);

describe("the journal of connections", () => {
  it("has a line for each that was made, in an unbroken chain", async () => {
    const journal = new ConnectionJournal(paths(), () => undefined);
    for (let index = 0; index < 500; index += 1) journal.add(record(`n${index}.example`, "allowed"));
    await journal[Symbol.asyncDispose]();
    expect(lines().map(({ data }) => data["name"])).toEqual(
      Array.from({ length: 500 }, (_, index) => `n${index}.example`),
    );
    expect(await verifyJournal(paths().journal, paths().head)).toMatchObject({ ok: true, entries: 500 });
  });

  it("says a refusal once, and how often it was repeated", async () => {
    const journal = new ConnectionJournal(paths(), () => undefined);
    for (let index = 0; index < 1_000; index += 1) journal.add(record("evil.example", "denied"));
    await journal[Symbol.asyncDispose]();
    expect(lines().map(({ kind, data }) => [kind, data["times"]])).toEqual([
      ["network.connection", undefined],
      ["network.refusals", 999],
    ]);
  });

  it("is not filled by refusals that all differ", async () => {
    const journal = new ConnectionJournal(paths(), () => undefined);
    for (let index = 0; index < 20_000; index += 1) journal.add(record(`n${index}.example`, "denied"));
    await journal[Symbol.asyncDispose]();
    expect(lines().length).toBeLessThan(1_100);
    expect(lines().at(-1)?.data).toMatchObject({ name: "(many)", times: 18_999 });
  });

  it("says when it cannot be written, so that nothing more is done", async () => {
    writeFileSync(join(folder, "file"), "");
    const failures: unknown[] = [];
    const journal = new ConnectionJournal(
      { journal: join(folder, "file/journal"), head: join(folder, "file/head") },
      (error) => failures.push(error),
    );
    journal.add(record("a.example", "allowed"));
    await journal[Symbol.asyncDispose]();
    expect(failures).toEqual([expect.objectContaining({ code: "E_JOURNAL_WRITE" })]);
  });
});
