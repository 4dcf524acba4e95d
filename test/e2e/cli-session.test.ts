import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestBed } from "../support/cli.js";

const bed = new TestBed();
const first = `one-${process.pid}-aleph`;
const second = `one-${process.pid}-bet`;
const secret = `s3cr3t-${process.pid}-value`;

beforeAll(async () => {
  for (const name of [first, second]) {
    const started = await bed.airlock(["start", "-q", "--name", name, "-e", `TOKEN=${secret}`]);
    expect(started).toMatchObject({ code: 0, stdout: Buffer.from(`${name}\n`), stderr: "" });
  }
});
afterAll(() => bed[Symbol.asyncDispose]());

const exec = (args: readonly string[], input?: string) =>
  bed.airlock(["exec", ...args], input === undefined ? {} : { input });
const output = async (args: readonly string[]): Promise<string> => (await exec(args)).stdout.toString().trim();
const processesOf = async (id: string): Promise<string> =>
  output([id, "--", "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"]);

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("it never came true");
}

describe("exec", () => {
  it.each([
    [0, ["true"]],
    [42, ["sh", "-c", "exit 42"]],
    [126, ["/etc/passwd"]],
    [127, ["no-such-program"]],
    [128 + 9, ["sh", "-c", "kill -KILL $$"]],
  ])("ends with %i for %j", async (code, command) => {
    expect(await exec([first, "--", ...command])).toMatchObject({ code });
  });

  it("passes stdin on to its end and keeps the outputs apart", async () => {
    const result = await exec([first, "--", "sh", "-c", "sort; printf err >&2"], "b\na\n");
    expect(result).toMatchObject({ code: 0, stdout: Buffer.from("a\nb\n"), stderr: "err" });
  });

  it("carries every byte value unchanged", async () => {
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7) % 256));
    const { stdout } = await bed.airlock(["exec", first, "--", "cat"], { input: bytes });
    expect(stdout.equals(bytes)).toBe(true);
  });

  it("runs several at once, each with its own output, over the same files", async () => {
    const commands = [1, 2, 3, 4].map((number) =>
      output([
        first,
        "--",
        "sh",
        "-c",
        `echo ${number} > f${number}; sleep 1; cat f1 f2 f3 f4 | tr -d '\\n'; echo :${number}`,
      ]),
    );
    expect(await Promise.all(commands)).toEqual(["1234:1", "1234:2", "1234:3", "1234:4"]);
    expect(await output([second, "--", "ls"])).not.toContain("f1");
  });

  it("takes a unique beginning of an id, and the newest session of the project without one", async () => {
    expect(await output([first.slice(0, -3), "--", "hostname"])).toBe(first);
    expect(await output(["--", "hostname"])).toBe(second);
  });

  it.each([
    ["an ambiguous id", `one-${process.pid}-`, /several|ambiguous|fits/],
    ["an unknown id", "no-such-session", /no-such-session/],
  ])("refuses %s: 125 of exec, 10 of status, one line of JSON", async (_, id, message) => {
    expect(await exec([id, "--", "true"])).toMatchObject({ code: 125, stderr: expect.stringMatching(message) });
    const status = await bed.airlock(["status", "--json", id]);
    expect(status).toMatchObject({ code: 10, stdout: Buffer.alloc(0) });
    expect(status.stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(JSON.parse(status.stderr)).toMatchObject({
      type: "error",
      exit: 10,
      message: expect.stringMatching(message),
    });
  });

  it("dies with everything it began when its CLI is terminated, and nothing else does", async () => {
    const other = bed.spawn(["exec", first, "--", "sleep", "7654"]);
    const child = bed.spawn(["exec", first, "--", "sh", "-c", "sleep 4321 & setsid sleep 4322 & wait"]);
    await until(async () => {
      const seen = await processesOf(first);
      return ["7654", "4321", "4322"].every((number) => seen.includes(`sleep ${number}`));
    });
    child.kill("SIGTERM");
    const [code] = await once(child, "exit", { signal: AbortSignal.timeout(20_000) });
    expect(code).toBe(143);
    const left = await processesOf(first);
    expect(left).not.toMatch(/sleep 432[12]/);
    expect(left).toContain("sleep 7654");
    other.kill("SIGTERM");
    await once(other, "exit", { signal: AbortSignal.timeout(20_000) });
  });

  it("hands Ctrl-C of its terminal to the command", async () => {
    const session = bed.terminal(["exec", first, "--", "sh", "-c", "tty; exec sleep 5432"]);
    await session.waitFor(/\/dev\/(pts|console)/);
    session.type("\x03");
    expect(await session.exit).toBe(130);
    expect(await processesOf(first)).not.toContain("sleep 5432");
  });
});

describe("a started session", () => {
  it("is listed as running, and its status is one JSON value that shows the proof", async () => {
    const rows = await bed.json<{ id: string; state: string }[]>(["ls", "--json"]);
    expect(rows.map(({ id, state }) => [id, state])).toEqual([
      [second, "running"],
      [first, "running"],
    ]);
    const status = JSON.stringify(await bed.json(["status", "--json", first]));
    expect(status).toContain(first);
    expect((await bed.airlock(["status", first])).stdout.toString()).toContain(bed.project);
  });

  it("keeps a secret's value out of the engine's description, the journal, the state and every command line", async () => {
    expect(await output([first, "--", "printenv", "TOKEN"])).toBe(secret);
    expect(await output(["-e", `OTHER=${secret}2`, first, "--", "printenv", "OTHER"])).toBe(`${secret}2`);
    await bed.withEngine(async (engine, labels) => {
      const containers = await engine.listContainers({ ...labels, "airlock.role": "sandbox" });
      expect(containers).toHaveLength(2);
      for (const { id } of containers) expect(JSON.stringify(await engine.inspectContainer(id))).not.toContain(secret);
    });
    for (const entry of readdirSync(bed.home, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) expect(readFileSync(join(entry.parentPath, entry.name), "utf8")).not.toContain(secret);
    }
    const supervisors = readdirSync("/proc").flatMap((pid) => {
      try {
        const commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return commandLine.includes(`supervise\0${first}`)
          ? [commandLine + readFileSync(`/proc/${pid}/environ`, "utf8")]
          : [];
      } catch {
        return [];
      }
    });
    expect(supervisors).toHaveLength(1);
    expect(supervisors[0]).not.toContain(secret);
  });

  it("gets its sandbox back with its files after it has stopped", async () => {
    await exec([second, "--", "sh", "-c", "echo work > kept.txt; echo mine > ~/note"]);
    await bed.withEngine(async (engine, labels) => {
      for (const { id } of await engine.listContainers({ ...labels, "airlock.session": second }))
        await engine.killContainer(id, "SIGKILL");
    });
    await until(async () => {
      const rows = await bed.json<{ id: string; state: string }[]>(["ls", "--json"]);
      return rows.find(({ id }) => id === second)?.state !== "running";
    });
    expect(await output([second, "--", "sh", "-c", "cat kept.txt ~/note"])).toBe("work\nmine");
    expect(await bed.json(["ls", "--json"])).toContainEqual(expect.objectContaining({ id: second, state: "running" }));
  });

  it("opens a shell at a terminal", async () => {
    const session = bed.terminal(["shell", first]);
    await session.waitFor(/[$#] $/);
    session.type("echo $((6*7)) `hostname`\r");
    await session.waitFor(new RegExp(`42 ${first}`));
    session.type("exit 5\r");
    expect(await session.exit).toBe(5);
  });
});
