import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeEvent } from "../../src/journal/write.js";
import { TestBed } from "../support/cli.js";

const bed = new TestBed();
// Names are one space for a whole engine.
const id = `told-${process.pid}`;
const token = `ghp_${"a1B2".repeat(9)}`;

beforeAll(async () => {
  const { code, stderr } = await bed.airlock(["start", "-q", "--name", id]);
  expect([code, stderr]).toEqual([0, ""]);
  await bed.airlock(["exec", id, "--", "sh", "-c", `: ${token}; printf '\\033[2J'`, "\u001b[31mred"]);
  await bed.airlock(["tool", "read", '{"path":"README.md"}']);
});
afterAll(() => bed[Symbol.asyncDispose]());

const linesOf = (stdout: Buffer | string): string[] => stdout.toString().trimEnd().split("\n");

describe("airlock log and airlock report", () => {
  it("show a part of the journal: by kind, tool, text and time", async () => {
    const log = async (...args: readonly string[]) => {
      const { stdout } = await bed.airlock(["log", id, "--json", ...args]);
      return stdout.toString() === "" ? [] : linesOf(stdout).map((line) => (JSON.parse(line) as { kind: string }).kind);
    };
    expect(await log("--kind", "command.")).toEqual(["command.start", "command.end"]);
    expect(await log("--tool", "read")).toEqual(["tool.call", "tool.result"]);
    expect(await log("--grep", "README.md")).toContain("tool.call");
    expect((await log("--since", "10m")).length).toBeGreaterThan(4);
    expect(await log("--since", "2999-01-01T00:00:00Z")).toEqual([]);
    expect((await bed.airlock(["log", id, "--since", "soon"])).code).toBe(2);
  });

  it("never show a secret, nor drive a terminal, and stay within 80 columns", async () => {
    for (const command of ["log", "report"]) {
      const { code, stdout } = await bed.airlock([command, id]);
      expect(code).toBe(0);
      expect(stdout.toString()).not.toContain(token);
      expect(stdout.toString()).not.toContain("\u001b");
    }
    const { stdout } = await bed.airlock(["report", id]);
    expect(Math.max(...linesOf(stdout).map((line) => [...line].length))).toBeLessThanOrEqual(80);
    expect((await bed.airlock(["log", id, "--kind", "command.start"])).stdout.toString()).toContain("[redacted]");
  });

  it("never show a value that was given with --env or --env-file, though nothing tells it by its look", async () => {
    const value = `plain words ${process.pid}`;
    bed.write("values.env", `FROM_FILE=${value} too\n`);
    const given = ["-e", `GIVEN=${value}`, "--env-file", "values.env"];
    await bed.airlock(["exec", ...given, id, "--", "sh", "-c", `: ${value}; : ${value} too`]);
    const journal = readFileSync(join(bed.home, "sessions", id, "journal.jsonl"), "utf8");
    expect(journal).not.toContain(value);
    expect(journal).toContain(": [redacted]; : [redacted]");
  });

  it("follow what is written, over the parts of a large journal, until Ctrl-C", async () => {
    const paths = { journal: join(bed.home, "sessions", id, "journal.jsonl"), head: join(bed.home, "heads", id) };
    const child = bed.spawn(["log", id, "--follow", "--json", "--kind", "test."]);
    let seen = "";
    child.stdout?.on("data", (chunk: Buffer) => (seen += chunk.toString()));
    for (let index = 0; index < 40; index += 1)
      await writeEvent(paths, { kind: "test.event", data: { index } }, { partBytes: 2_000 });
    await expect.poll(() => linesOf(seen).length, { timeout: 20_000 }).toBe(40);
    await writeEvent(paths, { kind: "test.event", data: { index: 40 } });
    await expect.poll(() => linesOf(seen).length, { timeout: 20_000 }).toBe(41);
    const indexes = linesOf(seen).map((line) => (JSON.parse(line) as { data: { index: number } }).data.index);
    expect(indexes).toEqual(Array.from({ length: 41 }, (_, index) => index));
    child.kill("SIGINT");
    expect(await once(child, "exit")).toEqual([130, null]);
    expect(
      readdirSync(join(bed.home, "sessions", id)).filter((name) => name.endsWith(".jsonl")).length,
    ).toBeGreaterThan(3);
    expect((await bed.airlock(["log", id, "--verify"])).code).toBe(0);
    expect(linesOf((await bed.airlock(["log", id, "--kind", "test."])).stdout)).toHaveLength(41);
  });

  it("stop following when nobody reads any more, and refuse what does not go together", async () => {
    const child = bed.spawn(["log", id, "--follow"]);
    await once(child.stdout ?? child, "data");
    child.stdout?.destroy();
    const paths = { journal: join(bed.home, "sessions", id, "journal.jsonl"), head: join(bed.home, "heads", id) };
    for (let times = 0; times < 100 && child.exitCode === null; times += 1) {
      await writeEvent(paths, { kind: "test.later" });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(child.exitCode).toBe(0);
    expect((await bed.airlock(["log", id, "--follow", "--verify"])).code).toBe(2);
    expect((await bed.airlock(["log", id, "--head", "0".repeat(64)])).code).toBe(2);
    expect((await bed.airlock(["log", id, "--verify", "--head", "soon"])).code).toBe(2);
  });

  it("tell of a session that is gone, and its chain is whole and the one of the receipt", async () => {
    const receipt = await bed.json<{ journal: { entries: number; hash: string } }>(["discard", id, "--json"]);
    expect(await bed.json(["log", id, "--verify", "--json"])).toMatchObject({
      entries: receipt.journal.entries,
      head: receipt.journal.hash,
    });
    expect((await bed.airlock(["log", id, "--verify", "--head", receipt.journal.hash])).code).toBe(0);
    expect((await bed.airlock(["log", id, "--verify", "--head", "0".repeat(64)])).code).toBe(15);
    const { stdout } = await bed.airlock(["report", id, "--json"]);
    expect(JSON.parse(stdout.toString())).toMatchObject({ totals: { ran: 2, allowed: 1, isDiscarded: true } });
    expect((await bed.airlock(["log", id, "--verify"])).stdout.toString()).toMatch(/whole, head [0-9a-f]{64}\n$/);
  });
});
