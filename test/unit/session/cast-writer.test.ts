import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KnownValues } from "../../../src/base/known-values.js";
import { Secret } from "../../../src/base/secret.js";
import { CastWriter } from "../../../src/session/recording/cast-writer.js";

let folder: string;
let clock = 0;
const known = new KnownValues();
known.learn([new Secret("hunter2-hunter2")]);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "airlock-cast-"));
  clock = 0;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const path = () => join(folder, "1.cast");
const begin = async (maxBytes = 1_000_000) =>
  new CastWriter(await open(path(), "ax", 0o600), { header: "{}\n", known, maxBytes, now: () => clock });
const events = async (): Promise<[number, string, string][]> =>
  (await readFile(path(), "utf8"))
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => JSON.parse(line) as [number, string, string]);

describe("the writer of a recording", () => {
  it("writes output, sizes and marks in order, with the hash of what it wrote", async () => {
    const cast = await begin();
    cast.output(Buffer.from("one"));
    clock = 1;
    cast.resize({ columns: 100, rows: 40 });
    cast.mark("#7 tool.call shell allow");
    clock = 2.5;
    const end = await cast.end();
    expect(await events()).toEqual([
      [0, "o", "one"],
      [1, "r", "100x40"],
      [1, "m", "#7 tool.call shell allow"],
    ]);
    const content = await readFile(path());
    expect(end).toEqual({
      seconds: 2.5,
      bytes: content.length,
      sha256: createHash("sha256").update(content).digest("hex"),
      lost: 0,
      cut: null,
    });
  });

  it("puts a character together that comes in two, and never shows a known value that does", async () => {
    const cast = await begin();
    const bytes = Buffer.from("ü hunter2-hunter2 🙂 hunter2-hunter");
    for (const byte of bytes) {
      clock += 0.1;
      cast.output(Buffer.of(byte));
    }
    cast.output(Buffer.from(`ghp_${"a1B2".repeat(9)}`));
    await cast.end();
    const text = (await events()).map(([, , data]) => data).join("");
    expect(text).toBe("ü [redacted] 🙂 hunter2-hunter[redacted]");
    const times = (await events()).map(([at]) => at);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it("is in the file while it runs, in whole lines", async () => {
    const cast = await begin();
    cast.output(Buffer.from("now"));
    await expect.poll(() => readFile(path(), "utf8")).toBe('{}\n[0,"o","now"]\n');
    await cast.end();
  });

  it("ends clearly at its limit, and says so in the picture and in a mark", async () => {
    const cast = await begin(10_000);
    for (let times = 0; times < 1_000; times += 1) cast.output(Buffer.alloc(100, "x"));
    const { cut, bytes } = await cast.end();
    expect(cut).toBe("limit");
    expect(bytes).toBeLessThan(11_000);
    const [mark, shown] = (await events()).slice(-2);
    expect(mark).toEqual([0, "m", expect.stringContaining("limit of 10000 bytes")]);
    expect(shown?.[2]).toContain("[airlock: the recording ends here");
  });

  it("counts what a disk is too slow for instead of keeping or waiting for it", async () => {
    const cast = await begin(1_000_000_000);
    const began = performance.now();
    for (let times = 0; times < 200; times += 1) cast.output(Buffer.alloc(100_000, "x"));
    expect(performance.now() - began).toBeLessThan(5_000);
    const { lost, cut } = await cast.end();
    expect(lost).toBeGreaterThan(5_000_000);
    expect(cut).toBeNull();
    expect((await events()).at(-1)).toEqual([0, "m", `${lost} characters are missing here: the disk was too slow`]);
  });

  it("ends itself and nothing else when it cannot be written", async () => {
    const cast = new CastWriter(await open("/dev/full", constants.O_WRONLY), {
      header: "{}\n",
      known,
      maxBytes: 1_000,
      now: () => 0,
    });
    cast.output(Buffer.from("x"));
    expect((await cast.end()).cut).toMatch(/ENOSPC/);
  });
});
