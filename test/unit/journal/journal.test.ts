import { appendFile, mkdtemp, readFile, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { readJournal } from "../../../src/journal/read.js";
import { verifyJournal } from "../../../src/journal/verify.js";
import { type JournalPaths, writeEvent } from "../../../src/journal/write.js";

let paths: JournalPaths;

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), "airlock-journal-"));
  paths = { journal: join(folder, "s/journal.jsonl"), head: join(folder, "heads/s") };
});

async function writeSome(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await writeEvent(paths, { kind: "test.event", data: { index } });
}

const verify = () => verifyJournal(paths.journal, paths.head);

describe("the journal", () => {
  test("what was written is read back in order and verifies", async () => {
    await writeSome(3);
    const read = [];
    for await (const entry of readJournal(paths.journal)) read.push([entry.seq, entry.data["index"]]);
    expect(read).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
    ]);
    expect(await verify()).toMatchObject({ ok: true, entries: 3 });
  });

  test("an end that was cut off stays cut off, whatever is written after it", async () => {
    for (const bytes of [1, 40, 400]) {
      await writeSome(4);
      const { length } = await readFile(paths.journal);
      await truncate(paths.journal, length - bytes);
      expect(await verify()).toMatchObject({ ok: false });
      await writeEvent(paths, { kind: "later" });
      expect(await verify()).toMatchObject({ ok: false, problem: expect.stringContaining("were cut off") });
    }
  });

  test("many writers at once make one whole chain", async () => {
    await Promise.all(Array.from({ length: 20 }, (_, index) => writeEvent(paths, { kind: "k", data: { index } })));
    expect(await verify()).toMatchObject({ ok: true, entries: 20 });
  });

  test("any changed byte is found", async () => {
    await writeSome(4);
    const whole = await readFile(paths.journal);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const damaged = Buffer.from(whole);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        await writeFile(paths.journal, damaged);
        expect((await verify()).ok).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    ["an entry removed from the middle", (lines: string[]) => [lines[0], ...lines.slice(2)]],
    ["two entries swapped", (lines: string[]) => [lines[1], lines[0], ...lines.slice(2)]],
    ["an entry repeated", (lines: string[]) => [lines[0], ...lines]],
    ["the tail cut off", (lines: string[]) => lines.slice(0, -1)],
    ["everything cut off", () => []],
  ])("%s is found", async (_, change) => {
    await writeSome(4);
    const lines = (await readFile(paths.journal, "utf8")).trimEnd().split("\n");
    await writeFile(
      paths.journal,
      change(lines)
        .map((line) => `${line}\n`)
        .join(""),
    );
    expect((await verify()).ok).toBe(false);
  });

  test("an entry longer than what is first read of the end is followed, too", async () => {
    const data = { list: Array.from({ length: 900 }, (_, index) => `entry number ${index}`) };
    for (let times = 0; times < 2; times += 1) await writeEvent(paths, { kind: "k", data });
    await writeSome(2);
    await writeEvent(paths, { kind: "k", data });
    await writeSome(1);
    expect(await verify()).toMatchObject({ ok: true, entries: 6 });
  });

  test("any cut, at any byte, is found", async () => {
    await writeSome(2);
    const whole = await readFile(paths.journal);
    for (let length = 0; length < whole.length; length += 1) {
      await writeFile(paths.journal, whole.subarray(0, length));
      expect((await verify()).ok).toBe(false);
    }
  });

  test("a change of case in an escape is found, though it reads the same", async () => {
    await writeEvent(paths, { kind: "k", data: { text: "\u001b" } });
    const content = await readFile(paths.journal, "utf8");
    expect(content).toContain("\\u001b");
    expect(await verify()).toMatchObject({ ok: true, entries: 1 });
    await writeFile(paths.journal, content.replace("\\u001b", "\\u001B"));
    expect((await verify()).ok).toBe(false);
  });

  test("the last bytes of every line count", async () => {
    await writeSome(2);
    const whole = await readFile(paths.journal);
    for (let at = whole.length - 90; at < whole.length; at += 1) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      await writeFile(paths.journal, damaged);
      expect((await verify()).ok).toBe(false);
    }
  });

  test("half a line that was never acknowledged hides nothing, and is no damage", async () => {
    await writeSome(2);
    await appendFile(paths.journal, '{"seq":3,"at":"20');
    expect(await verify()).toMatchObject({ ok: true, entries: 2, torn: 17 });
    const read = [];
    for await (const { seq } of readJournal(paths.journal)) read.push(seq);
    expect(read).toEqual([1, 2]);
  });

  test("half a line left by a crash is dropped, and that is recorded", async () => {
    await writeSome(2);
    await appendFile(paths.journal, '{"seq":3,"at":"20');
    await writeSome(1);
    expect(await verify()).toMatchObject({ ok: true, entries: 4 });
    expect(await readFile(paths.journal, "utf8")).toContain('"kind":"journal.torn"');
  });

  test("text from the sandbox cannot make a line of its own, nor reach a terminal raw", async () => {
    const text = 'x"}\n{"seq":99,"kind":"fake"}\u2028\u001b[2J\u009b\ud800';
    await writeEvent(paths, { kind: "k", data: { text } });
    const content = await readFile(paths.journal, "utf8");
    expect(content.split("\n")).toHaveLength(2);
    expect(content.trimEnd()).not.toMatch(/[\p{Cc}\p{Zl}]/u);
    expect(await verify()).toMatchObject({ ok: true, entries: 1 });
  });

  test("a field of 100 MB is kept as its head, its length and its hash", async () => {
    await writeEvent(paths, { kind: "k", data: { text: "a".repeat(100_000_000) } });
    const content = await readFile(paths.journal, "utf8");
    expect(content.length).toBeLessThan(10_000);
    expect(content).toContain("100000000 characters, sha256");
  });

  test("when it cannot be written the caller is told, with the code that refuses the operation", async () => {
    const file = `${paths.journal}.file`;
    await writeSome(1);
    await writeFile(file, "in the way");
    const blocked = { journal: join(file, "journal.jsonl"), head: paths.head };
    await expect(writeEvent(blocked, { kind: "k" })).rejects.toMatchObject({ code: "E_JOURNAL_WRITE" });
  });

  test("a damaged last line stops writing instead of starting a second chain", async () => {
    await writeSome(2);
    await truncate(paths.journal, 0);
    await appendFile(paths.journal, "not json\n");
    await expect(writeSome(1)).rejects.toMatchObject({ code: "E_JOURNAL_WRITE" });
  });
});
