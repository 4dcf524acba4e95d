import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KnownValues } from "../../../src/base/known-values.js";
import { readJournal } from "../../../src/journal/read.js";
import { verifyJournal } from "../../../src/journal/verify.js";
import { groupRecorder } from "../../../src/session/group-recorder.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "airlock-recorder-"));
});
afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true });
});

const paths = () => ({ journal: join(folder, "journal.jsonl"), head: join(folder, "heads", "one") });

describe("a recorder", () => {
  it("has written an event when it says so, and all of them in order", async () => {
    const { journal, head } = paths();
    const record = groupRecorder({ journal, head }, new KnownValues());
    await record({ kind: "first" });
    expect(existsSync(journal)).toBe(true);
    await Promise.all(Array.from({ length: 500 }, (_, index) => record({ kind: "many", data: { index } })));
    const seen = [];
    for await (const { data } of readJournal(journal)) seen.push(data["index"]);
    expect(seen).toEqual([undefined, ...Array.from({ length: 500 }, (_, index) => index)]);
    expect(await verifyJournal(journal, head)).toMatchObject({ ok: true, entries: 501 });
  });

  it("lets nobody go on whose event could not be written, and tries again for the next", async () => {
    const record = groupRecorder({ journal: join(folder, "x\0y"), head: join(folder, "head") }, new KnownValues());
    const results = await Promise.allSettled([record({ kind: "a" }), record({ kind: "b" }), record({ kind: "c" })]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    await expect(record({ kind: "d" })).rejects.toMatchObject({ code: "E_JOURNAL_WRITE" });
  });
});
