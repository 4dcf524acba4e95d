import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { PassThrough, Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { makePalette, wantsColour } from "../../../src/cli/render/colour.js";
import { choosePager, page } from "../../../src/cli/render/pager.js";
import { Progress } from "../../../src/cli/render/progress.js";
import { countOf, formatSize } from "../../../src/cli/render/size.js";
import { formatTable, widthOf } from "../../../src/cli/render/table.js";
import { writeAll } from "../../../src/cli/render/write-all.js";
import { scratch } from "../changes/layer-between.js";

const { signal } = new AbortController();

describe("colour", () => {
  it.each([
    [{}, true, true],
    [{}, false, false],
    [{ TERM: "dumb" }, true, false],
    [{ NO_COLOR: "1" }, true, false],
    [{ NO_COLOR: "" }, true, true],
    [{ FORCE_COLOR: "1" }, false, true],
    [{ FORCE_COLOR: "0" }, true, false],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, true, false],
    [{ FORCE_COLOR: "1", TERM: "dumb" }, false, true],
  ])("with %j and a terminal %j is %j", (env, isTerminal, wanted) => {
    expect(wantsColour(env, isTerminal)).toBe(wanted);
  });

  it("adds nothing when off or to nothing", () => {
    expect(makePalette(false).red("x")).toBe("x");
    expect(makePalette(true).red("")).toBe("");
    expect(makePalette(true).bold("x")).toBe("\u001b[1mx\u001b[22m");
  });
});

describe("sizes", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 KiB"],
    [1536, "1.5 KiB"],
    [10 * 1024, "10 KiB"],
    [1023.6 * 1024, "1.0 MiB"],
    [5 * 1024 ** 3, "5.0 GiB"],
    [8 * 1024 ** 4, "8.0 TiB"],
    [Number.MAX_SAFE_INTEGER, "8.0 PiB"],
  ])("%d is %s", (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });

  it("counts with the right noun", () => {
    expect([countOf(1, "file"), countOf(0, "file"), countOf(2, "match", "matches")]).toEqual([
      "1 file",
      "0 files",
      "2 matches",
    ]);
  });
});

describe("a table", () => {
  it("is aligned, without blanks at the ends of lines, and escaped", () => {
    expect(
      formatTable([
        ["ID", "STATE"],
        ["long-id", "x\u001b[31m"],
        ["b", ""],
      ]),
    ).toBe("ID       STATE\nlong-id  x\\x1b[31m\nb");
  });

  it("knows wide and combining characters", () => {
    expect([widthOf("\u65e5\u672c"), widthOf("e\u0301"), widthOf("\ud83d\ude00"), widthOf("ab")]).toEqual([4, 1, 2, 2]);
    expect(
      formatTable([
        ["\u65e5\u672c", "x"],
        ["abcd", "y"],
      ]),
    ).toBe("\u65e5\u672c  x\nabcd  y");
  });

  it("takes nothing", () => {
    expect(formatTable([])).toBe("");
  });
});

describe("the choice of a pager", () => {
  const less = { PATH: "/nowhere:/usr/bin:/bin" };
  it.each([
    [less, false, null],
    [{ ...less, PAGER: "more" }, false, null],
    [{ ...less, PAGER: "more" }, true, "more"],
    [{ ...less, PAGER: "more", AIRLOCK_PAGER: "less -S" }, true, "less -S"],
    [{ ...less, PAGER: "more", AIRLOCK_PAGER: "" }, true, null],
    [{ ...less, PAGER: "cat" }, true, null],
    [{ ...less, PAGER: " " }, true, null],
    [{ ...less, PAGER: "more", TERM: "dumb" }, true, null],
    [{ PATH: "" }, true, null],
  ])("with %j and a terminal %j is %j", (env, isTerminal, pager) => {
    expect(choosePager(env, isTerminal)).toBe(pager);
  });

  it("is less where there is one", () => {
    using folder = scratch();
    writeFileSync(`${folder.path}/less`, "");
    expect(choosePager({ PATH: folder.path }, true)).toBeNull();
    chmodSync(`${folder.path}/less`, 0o755);
    expect(choosePager({ PATH: folder.path }, true)).toBe("less");
  });
});

describe("paging", () => {
  const terminal = () => Object.assign(new PassThrough(), { isTTY: true });
  const env = (pager: string) => ({ PATH: process.env["PATH"], AIRLOCK_PAGER: pager });

  it("hands everything to the pager, with git's options for less", async () => {
    using folder = scratch();
    const out = `${folder.path}/out`;
    const many = Array.from({ length: 20_000 }, (_, at) => `line ${at}\n`);
    await page(many, { stdout: terminal(), env: env(`(echo $LESS; cat) > ${out}`), signal });
    expect(readFileSync(out, "utf8")).toBe(`FRX\n${many.join("")}`);
  });

  it("is quiet when the reader quits early", { timeout: 20_000 }, async () => {
    let made = 0;
    async function* endless() {
      for (; made < 1e7; made += 1) yield "x".repeat(1000);
    }
    await page(endless(), { stdout: terminal(), env: env("head -c 10 > /dev/null"), signal });
    expect(made).toBeLessThan(1e5);
  });

  it("says so when the pager cannot be run", async () => {
    const place = { stdout: terminal(), env: env("/nowhere/pager 2>/dev/null"), signal };
    await expect(page(["x"], place)).rejects.toMatchObject({ code: "E_USAGE" });
  });

  it("passes a failure of what is shown on", async () => {
    async function* failing() {
      yield "a";
      throw new Error("broken source");
    }
    await expect(page(failing(), { stdout: terminal(), env: env("cat > /dev/null; true"), signal })).rejects.toThrow(
      "broken source",
    );
  });

  it("writes as it is where there is no terminal", async () => {
    const stdout = new PassThrough();
    await page(["a", Buffer.from("b")], { stdout, env: env("false"), signal });
    expect(String(stdout.read())).toBe("ab");
  });
});

describe("writing all", () => {
  it("waits for a slow reader, so that memory does not grow", async () => {
    let most = 0;
    const slow = new Writable({
      highWaterMark: 1000,
      write: (_chunk, _encoding, done) => void setImmediate(done),
    });
    function* many() {
      for (let at = 0; at < 500; at += 1) {
        most = Math.max(most, slow.writableLength);
        yield "x".repeat(100);
      }
    }
    expect(await writeAll(slow, many(), signal)).toBe(true);
    expect(most).toBeLessThanOrEqual(1100);
    expect(slow.writableLength).toBe(0);
  });

  it("is false when the reader went away, in the middle or before", async () => {
    const broken = () =>
      new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error("gone"), { code: "EPIPE" })) });
    expect(await writeAll(broken(), ["a", "b", "c"], signal)).toBe(false);
    const closed = new PassThrough();
    closed.destroy();
    expect(await writeAll(closed, ["a"], signal)).toBe(false);
  });

  it("throws on any other failure", async () => {
    const full = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error("full"), { code: "ENOSPC" })),
    });
    await expect(writeAll(full, ["a", "b"], signal)).rejects.toThrow("full");
  });

  it("stops waiting when told to", async () => {
    const abort = new AbortController();
    const stuck = new Writable({ highWaterMark: 1, write: () => undefined });
    setTimeout(() => abort.abort(), 20);
    await expect(writeAll(stuck, ["abc", "def"], abort.signal)).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("progress", () => {
  function progressOn(isTTY: boolean, quiet = false) {
    const written: string[] = [];
    let time = 0;
    const wait = (ms: number) => {
      time += ms;
    };
    const stream = { isTTY, columns: 20, write: (text: string) => void written.push(text) };
    const progress = new Progress({ stream, quiet, now: () => time });
    return { written, progress, wait };
  }

  it("says nothing in the first second", () => {
    const { written, progress, wait } = progressOn(true);
    progress.update("building");
    wait(999);
    progress.update("building", "50%");
    progress[Symbol.dispose]();
    expect(written).toEqual([]);
  });

  it("draws one line over and takes it away on a terminal", () => {
    const { written, progress, wait } = progressOn(true);
    wait(1000);
    progress.update("building", "10%");
    wait(50);
    progress.update("building", "20%");
    wait(50);
    progress.update("building", "a very long detail\n");
    progress[Symbol.dispose]();
    expect(written).toEqual(["\r\u001b[Kbuilding: 10%", "\r\u001b[Kbuilding: a very lo", "\r\u001b[K"]);
  });

  it("writes plain lines elsewhere: a step at once, its details seldom", () => {
    const { written, progress, wait } = progressOn(false);
    wait(1000);
    progress.update("building", "10%");
    wait(4999);
    progress.update("building", "20%");
    wait(1);
    progress.update("building", "30%");
    progress.update("starting");
    progress[Symbol.dispose]();
    expect(written).toEqual(["building: 10%\n", "building: 30%\n", "starting\n"]);
  });

  it("says nothing when quiet", () => {
    const { written, progress, wait } = progressOn(true, true);
    wait(5000);
    progress.update("building");
    progress.clear();
    expect(written).toEqual([]);
  });
});
