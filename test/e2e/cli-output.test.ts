import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandTable } from "../../src/cli/table.js";
import { TestBed } from "../support/cli.js";

const bed = new TestBed();
const esc = "\x1b";
const id = `output-${process.pid}`;
const command = "echo new > added.txt; rm src/b.txt";

beforeAll(async () => {
  const { code, stderr } = await bed.airlock(["run", "--name", id, "--", "sh", "-c", command]);
  expect({ code, colours: stderr.includes(esc) }).toEqual({ code: 0, colours: false });
});
afterAll(() => bed[Symbol.asyncDispose]());

const reading = [["ls"], ["status"], ["diff"], ["diff", "--stat"], ["snapshots"], ["log"], ["config", "show"]];

describe("what goes to a pipe", () => {
  it.each(reading.map((words) => [words.join(" "), words] as const))(
    "airlock %s prints no colour code",
    async (_, words) => {
      const { code, stdout, stderr } = await bed.airlock(words);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout.toString()).not.toContain(esc);
    },
  );

  it.each([["ls"], ["status"], ["diff"], ["snapshots"], ["log"], ["image", "ls"], ["config", "show"], ["doctor"]])(
    "airlock %s --json prints one value of JSON and nothing else",
    async (...words) => {
      const { stdout, stderr } = await bed.airlock([...words, "--json"]);
      const text = stdout.toString().trim();
      const values = words[0] === "log" ? text.split("\n") : [text];
      for (const value of values) expect(() => JSON.parse(value)).not.toThrow();
      expect(stderr).toBe("");
    },
  );

  it("says nothing on stderr with --quiet", async () => {
    const result = await bed.airlock(["run", "--quiet", "--", "sh", "-c", command]);
    expect(result).toMatchObject({ code: 0, stdout: Buffer.alloc(0), stderr: "" });
    await bed.json(["discard", "--json"]);
  });
});

describe("what goes to a terminal", () => {
  it("has colours, and none with NO_COLOR", async () => {
    const coloured = bed.terminal(["diff"], { env: { PAGER: "cat" } });
    expect(await coloured.exit).toBe(0);
    expect(coloured.output).toContain(`${esc}[`);
    const plain = bed.terminal(["diff"], { env: { PAGER: "cat", NO_COLOR: "1" } });
    expect(await plain.exit).toBe(0);
    expect(plain.output).toContain("added.txt");
    expect(plain.output).not.toContain(`${esc}[3`);
  });
});

describe("an error", () => {
  it.each([
    [["status", "nobody"]],

    [["discard", "nobody"]],
    [["snapshots", "nobody"]],
    [["log", "nobody"]],
  ])("of %j is one line of JSON on stderr with --json, two readable ones without", async (words) => {
    const machine = await bed.airlock([...words, "--json"]);
    expect(machine.stdout.toString()).toBe("");
    expect(machine.stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(JSON.parse(machine.stderr)).toMatchObject({ type: "error", exit: machine.code, code: expect.any(String) });
    const person = await bed.airlock(words);
    expect(person).toMatchObject({ code: machine.code, stderr: expect.stringMatching(/^airlock: .*nobody/) });
  });
});

describe("help", () => {
  it.each(commandTable.filter(({ hidden }) => hidden !== true).map(({ name }) => [name]))(
    "airlock %s --help explains the command and its exit status",
    async (name) => {
      const { code, stdout, stderr } = await bed.airlock([name, "--help"]);
      const text = stdout.toString();
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(text).toContain(`Usage: airlock ${name}`);
      if (!["completion", "config", "image", "log"].includes(name)) expect(text).toMatch(/Exit status/);
    },
  );

  it("lists every command", async () => {
    const { stdout } = await bed.airlock(["--help"]);
    for (const { name, hidden } of commandTable)
      expect(stdout.toString().includes(`\n  ${name} `)).toBe(hidden !== true);
  });
});
