import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verifyJournal } from "../../../src/journal/verify.js";
import { writeEvent } from "../../../src/journal/write.js";

const isRoot = process.getuid?.() === 0;
let small: string;

beforeAll(async () => {
  small = await mkdtemp(join(tmpdir(), "airlock-full-disk-"));
  if (isRoot) execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "none", small]);
});
afterAll(async () => {
  if (isRoot) execFileSync("umount", [small]);
  await rm(small, { recursive: true, force: true });
});

describe.runIf(isRoot)("a full disk under the journal", () => {
  test("lets no event through unrecorded, and the journal goes on whole when there is room again", async () => {
    const paths = { journal: join(small, "s/journal.jsonl"), head: join(small, "heads/s") };
    const ballast = join(small, "ballast");
    await writeEvent(paths, { kind: "first" });
    await writeFile(ballast, Buffer.alloc(200 * 1024));
    let acknowledged = 1;
    const large = { kind: "k", data: { text: "x".repeat(2_000) } };
    const fill = async (): Promise<void> => {
      for (let times = 0; times < 500; times += 1, acknowledged += 1) {
        await writeEvent(paths, large);
      }
    };
    await expect(fill()).rejects.toMatchObject({ code: "E_JOURNAL_WRITE" });
    await expect(writeEvent(paths, large)).rejects.toMatchObject({ code: "E_JOURNAL_WRITE" });
    const full = await verifyJournal(paths.journal, paths.head);
    expect(full.entries).toBeGreaterThanOrEqual(acknowledged);
    await rm(ballast);
    await writeEvent(paths, { kind: "later" });
    expect(await verifyJournal(paths.journal, paths.head)).toMatchObject({ ok: true });
  });
});
