import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KnownValues } from "../../../src/base/known-values.js";
import { verifyJournal } from "../../../src/journal/verify.js";
import type { ConnectionRecord } from "../../../src/model/network.js";
import { groupRecorder } from "../../../src/session/group-recorder.js";
import { ConnectionJournal } from "../../../src/session/network/connection-journal.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "airlock-connections-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const paths = () => ({ journal: join(folder, "journal.jsonl"), head: join(folder, "head") });
const recorder = () => groupRecorder(paths(), new KnownValues());
const record = (name: string, decision: ConnectionRecord["decision"], connection = 1): ConnectionRecord => ({
  connection,
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
    const journal = new ConnectionJournal(recorder(), () => undefined);
    for (let index = 0; index < 500; index += 1) journal.add(record(`n${index}.example`, "allowed"));
    await journal[Symbol.asyncDispose]();
    expect(lines().map(({ data }) => data["name"])).toEqual(
      Array.from({ length: 500 }, (_, index) => `n${index}.example`),
    );
    expect(await verifyJournal(paths().journal, paths().head)).toMatchObject({ ok: true, entries: 500 });
  });

  it("says that a connection was made while it is still open, and again when it is over", async () => {
    const journal = new ConnectionJournal(recorder(), () => undefined);
    const { decision, reason, bytesOut, bytesIn, milliseconds, ...opened } = record("a.example", "allowed", 7);
    journal.open(opened);
    await vi.waitFor(() => expect(lines()).toHaveLength(1));
    expect(lines()[0]).toMatchObject({ kind: "network.connect", data: opened });
    journal.add({ ...opened, decision, reason, bytesOut, bytesIn, milliseconds });
    await journal[Symbol.asyncDispose]();
    expect(lines().map(({ kind, data }) => [kind, data["connection"]])).toEqual([
      ["network.connect", 7],
      ["network.connection", 7],
    ]);
  });

  it("needs one line for a connection that is over in a moment, also when others stay open", async () => {
    const journal = new ConnectionJournal(recorder(), () => undefined);
    for (const each of [1, 2, 3]) journal.open(record("a.example", "allowed", each));
    journal.add(record("a.example", "allowed", 2));
    await journal[Symbol.asyncDispose]();
    expect(lines().map(({ kind, data }) => [kind, data["connection"]])).toEqual([
      ["network.connect", 1],
      ["network.connect", 3],
      ["network.connection", 2],
    ]);
  });

  it("says every denial of what was connected to", async () => {
    const journal = new ConnectionJournal(recorder(), () => undefined);
    for (const each of [1, 2]) journal.add({ ...record("a.example", "denied", each), address: "192.0.2.1" });
    await journal[Symbol.asyncDispose]();
    expect(lines()).toHaveLength(2);
  });

  it("says a refusal once, and how often it was repeated", async () => {
    const journal = new ConnectionJournal(recorder(), () => undefined);
    for (let index = 0; index < 1_000; index += 1) journal.add(record("evil.example", "denied"));
    await journal[Symbol.asyncDispose]();
    expect(lines().map(({ kind, data }) => [kind, data["times"]])).toEqual([
      ["network.connection", undefined],
      ["network.refusals", 999],
    ]);
  });

  it("is not filled by refusals that all differ", async () => {
    const journal = new ConnectionJournal(recorder(), () => undefined);
    for (let index = 0; index < 20_000; index += 1) journal.add(record(`n${index}.example`, "denied"));
    await journal[Symbol.asyncDispose]();
    expect(lines().length).toBeLessThan(1_100);
    expect(lines().at(-1)?.data).toMatchObject({ name: "(many)", times: 18_999 });
  });

  it("says when it cannot be written, so that nothing more is done", async () => {
    writeFileSync(join(folder, "file"), "");
    const failures: unknown[] = [];
    const journal = new ConnectionJournal(
      groupRecorder({ journal: join(folder, "file/journal"), head: join(folder, "file/head") }, new KnownValues()),
      (error) => failures.push(error),
    );
    journal.add(record("a.example", "allowed"));
    await journal[Symbol.asyncDispose]();
    expect(failures).toEqual([expect.objectContaining({ code: "E_JOURNAL_WRITE" })]);
  });
});
