import { describe, expect, it } from "vitest";
import type { Edge } from "../../../src/cli/edge.js";
import { runProgram } from "../../../src/cli/program.js";
import { commandTable } from "../../../src/cli/table.js";

async function help(name: string, columns: number): Promise<string[]> {
  const parts: string[] = [];
  const stdout = { columns, write: (part: string) => parts.push(part) > 0 };
  // Help is all that is asked for: no more of the process is touched.
  const edge = { argv: [name, "--help"], version: "0", stdout, stderr: stdout, env: {} } as unknown as Edge;
  expect(await runProgram(edge)).toBe(0);
  return parts.join("").split("\n");
}

describe("the help of", () => {
  it.each(commandTable.map(({ name }) => name))("%s fits a terminal of 80 columns", async (name) => {
    const lines = await help(name, 80);
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });

  it("keeps what a term means in its column", async () => {
    const lines = await help("tools", 80);
    const at = lines.findIndex((line) => line.startsWith("trust RULE..."));
    expect(lines[at + 1]).toMatch(/^ {24}\S/);
  });
});
