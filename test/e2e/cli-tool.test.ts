import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestBed } from "../support/cli.js";
import { docker } from "../support/lab.js";

const bed = new TestBed();
// Names are one space for a whole engine.
const id = `tool-${process.pid}`;
const closed = `closed-${process.pid}`;
beforeAll(async () => {
  await bed.airlock(["start", "-q", "--name", closed]);
  await bed.airlock(["tools", "deny", "read", "--session", closed]);
  const { code, stderr } = await bed.airlock(["start", "-q", "--name", id]);
  expect([code, stderr]).toEqual([0, ""]);
});
afterAll(() => bed[Symbol.asyncDispose]());

const tool = (...args: readonly string[]) => bed.airlock(["tool", ...args]);

describe("airlock tool", () => {
  it("prints for people what a file says, with what would drive a terminal made visible", async () => {
    await bed.airlock(["exec", id, "--", "sh", "-c", "printf 'a\\033[2J\\r\\342\\200\\256b\\n' > evil"]);
    const { code, stdout, stderr } = await tool("read", '{"path":"evil"}');
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.toString()).toBe("a\\x1b[2J\\r\\u{202e}b\n");
  });

  it("lists a folder and what a search found", async () => {
    const listed = await tool("fs_read", '{"operations":[{"mode":"Directory","path":"src"}]}');
    expect(listed.stdout.toString()).toMatch(/^ 644 +14 {2}a\.txt\n 644 +4 {2}b\.txt\n$/);
    expect((await tool("grep", '{"pattern":"t\\\\w+"}')).stdout.toString()).toBe(
      "src/a.txt:2:two\nsrc/a.txt:3:three\n",
    );
    expect((await tool("grep", '{"pattern":"nowhere"}')).stdout.toString()).toBe("nothing found\n");
    expect((await tool("glob", '{"pattern":"**/*.md"}')).stdout.toString()).toBe(`${bed.project}/README.md\n`);
  });

  it.each<[string, readonly string[], string | undefined]>([
    ["beside --json", ["read", "--json", '{"path":"src/b.txt"}'], undefined],
    ["before --json", ["read", '{"path":"src/b.txt"}', "--json"], undefined],
    ["by standard input", ["read", "--json"], '{"path":"src/b.txt"}'],
    ["by standard input, asked for", ["read", "-", "--json"], '{"path":"src/b.txt"}'],
    ["for a session by name", ["read", "--session", id, "--json", '{"path":"src/b.txt"}'], undefined],
  ])("takes its arguments %s", async (_name, args, input) => {
    const { code, stdout } = await bed.airlock(["tool", ...args], input === undefined ? {} : { input });
    expect(code).toBe(0);
    expect(JSON.parse(stdout.toString())).toMatchObject({ results: [{ text: "bee\n" }] });
  });

  it.each<[string, readonly string[], number, RegExp]>([
    ["a file that is not there", ["read", '{"path":"nothing"}'], 1, /No such file/],
    ["a field too many", ["read", '{"path":"src","foo":1}'], 2, /unknown field "foo"/],
    ["a field twice", ["read", '{"path":"a","path":"b"}'], 2, /given twice/],
    ["no JSON", ["read", "{"], 2, /no JSON/],
    ["no tool", ["Read", "{}"], 2, /no tool "Read"/],
    ["arguments twice", ["read", "{}", "--json", "{}"], 2, /given twice/],
    ["no session", ["read", "--session", "nobody", "{}"], 10, /no session/],
    ["what is denied", ["read", '{"path":"src/b.txt"}', "--session", closed], 13, /denied by policy/],
  ])("ends with its own code for %s", async (_name, args, expected, says) => {
    const { code, stdout, stderr } = await tool(...args);
    expect(stderr).toMatch(says);
    expect([code, stdout.toString()]).toEqual([expected, ""]);
  });

  it("says an error as JSON when JSON was asked for", async () => {
    const { code, stderr } = await tool("read", "--json", '{"path":"src","foo":1}');
    expect(code).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({ type: "error", code: "E_TOOL_ARGUMENTS", exit: 2 });
  });

  it.each(["SIGINT", "SIGKILL"] as const)("leaves nothing running when it gets %s", async (signal) => {
    await bed.airlock(["tools", "trust", "shell"]);
    const { container } = await bed.json<{ container: string }>(["status", "--json"]);
    const sleepers = async (): Promise<number> =>
      (await docker("top", container, "-eo", "pid,args")).match(/ sleep 60\d$/gm)?.length ?? 0;
    const child = bed.spawn(["tool", "shell", '{"command":"sleep 600 & setsid sleep 601 & sleep 602"}']);
    for (let tries = 0; (await sleepers()) < 3; tries += 1) {
      if (tries > 100) throw new Error("it never ran");
      await sleep(100);
    }
    child.kill(signal);
    await once(child, "close");
    for (let tries = 0; (await sleepers()) > 0 && tries < 50; tries += 1) await sleep(100);
    expect(await sleepers()).toBe(0);
    await bed.airlock(["tools", "reset"]);
  });

  it("writes the call and its result into the journal, which stays whole", async () => {
    const { stdout } = await bed.airlock(["log", "--json"]);
    const entries = stdout
      .toString()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { kind: string; data: object });
    const calls = entries.filter(({ kind }) => kind === "tool.call").map(({ data }) => data);
    expect(calls).toContainEqual(expect.objectContaining({ decision: "allow", caller: "cli", tool: "read" }));
    const denied = await bed.airlock(["log", closed, "--json"]);
    expect(denied.stdout.toString()).toContain('"decision":"deny"');
    expect(denied.stdout.toString()).not.toContain('"tool.result"');
    const result = entries.find(({ kind }) => kind === "tool.result");
    expect(result?.data).toMatchObject({ outcome: "done", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect((await bed.airlock(["log", "--verify"])).code).toBe(0);
  });
});
