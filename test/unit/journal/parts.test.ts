import { appendFile, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { KnownValues } from "../../../src/base/known-values.js";
import { Secret } from "../../../src/base/secret.js";
import { partPath } from "../../../src/journal/parts.js";
import { followJournal, readJournal } from "../../../src/journal/read.js";
import { verifyJournal } from "../../../src/journal/verify.js";
import { type JournalPaths, writeEvent, writeEvents } from "../../../src/journal/write.js";

let paths: JournalPaths;
const partBytes = 1_000;

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), "airlock-parts-"));
  paths = { journal: join(folder, "s/journal.jsonl"), head: join(folder, "heads/s") };
});

async function writeSome(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1)
    await writeEvent(paths, { kind: "test.event", data: { index } }, { partBytes });
}

const verify = (wanted?: string) => verifyJournal(paths.journal, paths.head, wanted);
const parts = async () => (await readdir(dirname(paths.journal))).filter((name) => name.endsWith(".jsonl")).sort();
const read = async (): Promise<number[]> => {
  const seen: number[] = [];
  for await (const { seq } of readJournal(paths.journal)) seen.push(seq);
  return seen;
};
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe("a journal in parts", () => {
  test("grows by parts of bounded size that make one chain", async () => {
    await writeSome(60);
    const names = await parts();
    expect(names.length).toBeGreaterThan(10);
    for (const name of names)
      expect((await readFile(join(dirname(paths.journal), name))).length).toBeLessThan(partBytes + 500);
    expect(await read()).toEqual(upTo(60));
    expect(await verify()).toMatchObject({ ok: true, entries: 60 });
  });

  test("is one chain, too, when many write at once", async () => {
    await Promise.all(upTo(40).map((index) => writeEvent(paths, { kind: "k", data: { index } }, { partBytes })));
    expect(await verify()).toMatchObject({ ok: true, entries: 40 });
    expect((await parts()).length).toBeGreaterThan(3);
  });

  test.each([
    ["the first part removed", () => rm(partPath(paths.journal, 1))],
    ["a part in the middle removed", () => rm(partPath(paths.journal, 3))],
    ["the last full part removed", async () => rm(partPath(paths.journal, (await parts()).length - 1))],
    ["the newest part removed", () => rm(paths.journal)],
    [
      "two parts exchanged",
      async () => {
        await rename(partPath(paths.journal, 1), `${paths.journal}.x`);
        await rename(partPath(paths.journal, 2), partPath(paths.journal, 1));
        await rename(`${paths.journal}.x`, partPath(paths.journal, 2));
      },
    ],
    ["bytes added to a full part", () => appendFile(partPath(paths.journal, 2), '{"seq":')],
    ["the parts' files emptied", async () => writeFile(partPath(paths.journal, 1), "")],
  ])("%s is found", async (_, change) => {
    await writeSome(30);
    await change();
    expect((await verify()).ok).toBe(false);
  });

  test("goes on with the chain when it was killed between two parts", async () => {
    await writeSome(10);
    const next = (await parts()).length;
    await rename(paths.journal, partPath(paths.journal, next));
    expect(await read()).toEqual(upTo(10));
    expect(await verify()).toMatchObject({ ok: true, entries: 10 });
    await writeSome(1);
    expect(await verify()).toMatchObject({ ok: true, entries: 11 });
  });

  test("says that it was cut off, also when only full parts are left", async () => {
    await writeSome(10);
    await rm(paths.journal);
    await writeSome(1);
    expect(await verify()).toMatchObject({ ok: false, problem: expect.stringContaining("were cut off") });
  });

  test("has a clock beside the time of day that only goes forward", async () => {
    await writeSome(20);
    const ups: number[] = [];
    for await (const { up } of readJournal(paths.journal)) ups.push(up ?? -1);
    expect(ups).toEqual(ups.toSorted((one, other) => one - other));
    expect(ups[0]).toBeGreaterThan(0);
  });

  test("is verified against a hash that was kept elsewhere", async () => {
    await writeSome(10);
    const verdict = await verify();
    if (!verdict.ok) throw new Error(verdict.problem);
    await writeSome(10);
    expect(await verify(verdict.head)).toMatchObject({ ok: true, entries: 20 });
    expect(await verify("0".repeat(64))).toMatchObject({ ok: false, problem: expect.stringContaining("another") });
  });

  test("is found changed when an entry that the head knows was replaced by another chain", async () => {
    await writeSome(3);
    const head = await readFile(paths.head);
    await rm(dirname(paths.journal), { recursive: true });
    await rm(paths.head);
    await writeSome(5);
    await writeFile(paths.head, head);
    expect(await verify()).toMatchObject({ ok: false, problem: expect.stringContaining("entry 3") });
  });

  test("a journal of before the second clock reads and verifies as it did", async () => {
    const old =
      '{"seq":1,"at":"1970-01-01T00:00:00.000Z","kind":"k","data":{},"prev":"0000000000000000000000000000000000000000000000000000000000000000","hash":';
    const { createHash } = await import("node:crypto");
    const body = `${old.slice(0, -',"hash":'.length)}}`;
    await writeSome(1);
    const hash = createHash("sha256").update(body).digest("hex");
    await writeFile(paths.journal, `${old}"${hash}"}\n`);
    await writeFile(paths.head, `1 ${hash}\n`);
    expect(await verify()).toMatchObject({ ok: true, entries: 1, head: hash });
    await writeSome(1);
    expect(await verify()).toMatchObject({ ok: true, entries: 2 });
  });
});

describe("following a journal", () => {
  test("shows every entry once, over the parts, also one that was half written", async () => {
    await writeSome(5);
    const seen: number[] = [];
    let isOver = false;
    const more = async (): Promise<boolean> => {
      await sleep(5);
      return !isOver;
    };
    const following = (async () => {
      for await (const { seq } of readJournal(paths.journal, more)) seen.push(seq);
    })();
    for (let times = 0; times < 10; times += 1) {
      await writeSome(4);
      await sleep(7);
    }
    await appendFile(paths.journal, '{"seq":46,"at"');
    await sleep(20);
    await writeSome(1);
    await sleep(50);
    isOver = true;
    await following;
    expect(seen).toEqual(upTo(47));
    expect((await parts()).length).toBeGreaterThan(5);
  });

  test("can begin now: what was written before is not read, what comes in further parts is", async () => {
    await writeSome(20);
    const seen: number[] = [];
    let looks = 0;
    const more = async (): Promise<boolean> => {
      looks += 1;
      await writeSome(looks < 6 ? 3 : 0);
      return looks < 8;
    };
    for await (const { seq } of followJournal(paths.journal, more)) seen.push(seq);
    expect(seen).toEqual(upTo(35).slice(20));
  });

  test("waits for a journal that is not there yet", async () => {
    let looks = 0;
    const seen: number[] = [];
    const more = async (): Promise<boolean> => {
      looks += 1;
      if (looks === 2) await writeSome(2);
      return looks < 4;
    };
    for await (const { seq } of readJournal(paths.journal, more)) seen.push(seq);
    expect(seen).toEqual([1, 2]);
  });
});

test("values that are known to be secret are never written, in values, names and across the cut", async () => {
  const known = new KnownValues();
  const secret = "correct horse battery";
  known.learn([new Secret(secret)]);
  const texts = [secret, `a ${secret} b`, `${"x".repeat(4_090)}${secret}`, JSON.stringify({ a: secret })];
  await writeEvents(paths, [{ kind: "k", data: { texts, [secret]: 1 } }], { known });
  const content = await readFile(paths.journal, "utf8");
  expect(content).not.toContain("horse");
  expect(content).not.toMatch(/xcorr/);
  expect(content.split("[redacted]").length).toBeGreaterThan(4);
});
