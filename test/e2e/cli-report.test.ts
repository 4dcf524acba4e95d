import { afterAll, beforeAll, describe, expect, it } from "vitest";
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

  it("tell of a session that is gone, and its chain is whole", async () => {
    expect((await bed.airlock(["discard", id])).code).toBe(0);
    const { stdout } = await bed.airlock(["report", id, "--json"]);
    expect(JSON.parse(stdout.toString())).toMatchObject({ totals: { ran: 1, allowed: 1, isDiscarded: true } });
    expect((await bed.airlock(["log", id, "--verify"])).stdout.toString()).toMatch(/whole, head [0-9a-f]{64}\n$/);
  });
});
