import { createHash } from "node:crypto";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExecStreams } from "../../src/model/engine.js";
import { readInitLine, releaseFrame } from "../../src/session/sandbox/release.js";
import { proveWall } from "../../src/wall/prove.js";
import { parseReport } from "../../src/wall/report.js";
import { type Walled, WallLab } from "../support/walled.js";

let lab: WallLab;
beforeAll(async () => {
  lab = await WallLab.open();
});
afterAll(() => lab[Symbol.asyncDispose]());

const path = ["PATH", "/usr/local/bin:/usr/bin:/bin"] as const;
const never = new AbortController().signal;

/** Runs a command as the first of a sandbox and gives everything that came of it. */
async function command(args: readonly string[], { input = "", env = {}, cwd = "/" }: Start = {}): Promise<Ended> {
  const sandbox = await lab.open();
  sandbox.release({ args, cwd, env: new Map([path, ...Object.entries(env)]) });
  sandbox.streams.stdin.end(input);
  return finish(sandbox);
}

interface Start {
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function finish({ id, streams, exit }: Walled): Promise<Ended> {
  const [stdout, stderr, { exitCode }] = await Promise.all([
    text(streams.stdout),
    streams.stderr === null ? "" : text(streams.stderr),
    exit,
  ]);
  await lab.engine.removeContainer(id);
  return { code: exitCode, stdout, stderr };
}

describe("a sandbox before its release", () => {
  it("reports once, in one line, that its wall holds", async () => {
    const sandbox = await lab.open();
    const { request, state, report } = sandbox;
    expect(parseReport(report)).toMatchObject({ pid: 1, processes: 1, uid: 1000, interfaces: ["lo"], sockets: [] });
    const verdict = await proveWall({
      request,
      state,
      report,
      approvals: [],
      bases: [],
      imageVolumes: [],
      runtime: "",
      sameKernel: true,
    });
    expect(verdict.checks.filter(({ ok }) => !ok)).toEqual([]);
    sandbox.release({ args: ["echo", "done"] });
    expect(await finish(sandbox)).toMatchObject({ code: 0, stdout: "done\n" });
  });

  it.each([
    ["the host goes away", ""],
    ["the frame is short", "AIRLOCK1 100\nmode=run\0"],
    ["the frame is of another kind", "HELLO 10\n0123456789"],
    ["the length is no number", "AIRLOCK1 -1\n"],
    ["the length is beyond all bounds", "AIRLOCK1 99999999\n"],
    ["the last record has no end", "AIRLOCK1 22\nmode=run\0cwd=/\0arg=env"],
    ["a record is unknown", "AIRLOCK1 13\nmode=run\0a=b\0"],
    ["a record is there twice", "AIRLOCK1 18\nmode=run\0mode=run\0"],
    ["the folder is missing", "AIRLOCK1 17\nmode=run\0arg=env\0"],
  ])("ends with 125 and starts nothing when %s", async (_, bytes) => {
    const sandbox = await lab.open();
    sandbox.streams.stdin.end(bytes);
    const { code, stdout, stderr } = await finish(sandbox);
    expect({ code, stdout }).toEqual({ code: 125, stdout: "" });
    expect(stderr).toMatch(/^airlock: the (host|release frame)/);
  });
});

describe("the command of a sandbox", () => {
  it("gets every byte after the frame, and nothing of the frame", async () => {
    const input = Buffer.from(Array.from({ length: 1 << 20 }, (_, index) => index % 251));
    const { stdout, code } = await command(["sha256sum"], { input });
    expect({ stdout, code }).toEqual({ stdout: `${createHash("sha256").update(input).digest("hex")}  -\n`, code: 0 });
  });

  it("has the environment it was given and no other", async () => {
    const { stdout } = await command(["env", "-0"], { env: { EMPTY: "", LINES: "a\nb", EQUALS: "x=y" } });
    expect(stdout.split("\0").filter(Boolean).sort()).toEqual([
      "EMPTY=",
      "EQUALS=x=y",
      "LINES=a\nb",
      `PATH=${path[1]}`,
    ]);
  });

  it.each([
    ["0", ["true"], 0],
    ["its own code", ["sh", "-c", "exit 7"], 7],
    ["128 and the signal's number", ["sh", "-c", "kill -KILL $$"], 137],
    ["127 when it is not found", ["no-such-program"], 127],
    ["127 when its path is not there", ["/no/such/program"], 127],
    ["126 when it cannot be run", ["/etc/passwd"], 126],
    ["126 when it is a folder", ["/etc"], 126],
  ])("ends with %s", async (_, args, code) => {
    const ended = await command(args as string[]);
    expect(ended.code).toBe(code);
    if (code === 126 || code === 127) expect(ended.stderr).toMatch(/^airlock: cannot run /);
  });

  it("ends with 126 when its folder is missing or its environment is too large", async () => {
    expect(await command(["true"], { cwd: "/no/such" })).toMatchObject({
      code: 126,
      stderr: expect.stringContaining("/no/such"),
    });
    const large = await command(["true"], { env: { LARGE: "x".repeat(200_000) } });
    expect(large).toMatchObject({ code: 126, stderr: expect.stringContaining("too long") });
  });

  it("gets the signals that the sandbox gets", async () => {
    const sandbox = await lab.open();
    sandbox.release({
      args: ["bash", "-c", "trap 'echo got it; exit 9' TERM; echo ready; while :; do sleep 0.05; done"],
    });
    const line = await sandbox.streams.stdout[Symbol.asyncIterator]().next();
    expect(String(line.value)).toBe("ready\n");
    await lab.engine.killContainer(sandbox.id, "SIGTERM");
    expect((await sandbox.exit).exitCode).toBe(9);
    await lab.engine.removeContainer(sandbox.id);
  });

  it("leaves no zombie behind", async () => {
    const script =
      "for i in 1 2 3 4 5; do (sh -c 'sleep 0.05 & exit' &) ; done; sleep 0.4; ps -eo stat= | grep -c Z; true";
    expect(await command(["bash", "-c", script])).toMatchObject({ code: 0, stdout: "0\n" });
  });

  it("takes everything down with it when it ends", async () => {
    const started = Date.now();
    expect(await command(["sh", "-c", "sleep 60 & sleep 60 & exit 3"])).toMatchObject({ code: 3 });
    expect(Date.now() - started).toBeLessThan(20_000);
  });
});

describe("a sandbox with a terminal", () => {
  /** Collects what the terminal shows, and waits for a text in it. */
  function watch(sandbox: Walled): { shown: () => string; until: (wanted: string | RegExp) => Promise<void> } {
    let shown = "";
    sandbox.streams.stdout.on("data", (chunk: Buffer) => {
      shown += chunk.toString();
    });
    const until = async (wanted: string | RegExp): Promise<void> => {
      const found = () => (typeof wanted === "string" ? shown.includes(wanted) : wanted.test(shown));
      for (let waited = 0; !found() && waited < 10_000; waited += 20) await sleep(20);
      if (!found()) throw new Error(`${String(wanted)} is not in ${JSON.stringify(shown)}`);
    };
    return { shown: () => shown, until };
  }

  async function openTerminal(args: readonly string[]): Promise<[Walled, ReturnType<typeof watch>]> {
    const sandbox = await lab.open({ spec: { tty: true } });
    const seen = watch(sandbox);
    await lab.engine.resizeContainer(sandbox.id, { columns: 91, rows: 33 });
    sandbox.release({ args, env: new Map([path, ["TERM", "xterm"], ["PS1", "> "], ["SECRET", "hunter2"]]) });
    return [sandbox, seen];
  }

  const shell = ["bash", "--norc", "--noprofile", "-i"];

  it("shows nothing of the frame, has the given size, and ends with the shell", async () => {
    const [sandbox, { shown, until }] = await openTerminal(shell);
    await until("> ");
    sandbox.streams.stdin.write("stty size; tty; exit 5\r");
    await until(/33 91[\s\S]*\/dev\/(console|pts)/);
    expect((await sandbox.exit).exitCode).toBe(5);
    expect(shown()).not.toMatch(/hunter2|mode=run/);
    await lab.engine.removeContainer(sandbox.id);
  });

  it("does job control: Ctrl-C, Ctrl-Z, fg", async () => {
    const [sandbox, { shown, until }] = await openTerminal(shell);
    await until("> ");
    expect(shown()).not.toContain("no job control");
    sandbox.streams.stdin.write("sleep 100\r");
    await sleep(300);
    sandbox.streams.stdin.write("\x03");
    sandbox.streams.stdin.write("echo code $?\r");
    await until("code 130");
    sandbox.streams.stdin.write("sleep 101\r");
    await sleep(300);
    sandbox.streams.stdin.write("\x1a");
    await until(/Stopped\s+sleep 101/);
    sandbox.streams.stdin.write("fg\r");
    await sleep(300);
    sandbox.streams.stdin.write("\x03");
    sandbox.streams.stdin.write("jobs; echo left $?; exit\r");
    await until("left 0");
    await sandbox.exit;
    await lab.engine.removeContainer(sandbox.id);
  });

  it("ends a command on Ctrl-C, and Ctrl-Z does not hang one that no shell started", async () => {
    const [sandbox, { until }] = await openTerminal([
      "python3",
      "-c",
      "import time\nfor i in range(2000):\n print('tick', i, flush=True); time.sleep(0.02)",
    ]);
    await until("tick 5");
    sandbox.streams.stdin.write("\x1a");
    await until("tick 60");
    sandbox.streams.stdin.write("\x03");
    expect((await sandbox.exit).exitCode).toBe(130);
    await lab.engine.removeContainer(sandbox.id);
  });

  it("runs a full-screen editor", async () => {
    const [sandbox, { until }] = await openTerminal(["sh", "-c", "vim /tmp/note; cat /tmp/note"]);
    await until("~");
    sandbox.streams.stdin.write("ihello from vim\x1b");
    await sleep(200);
    sandbox.streams.stdin.write(":wq\r");
    await until("hello from vim\r\n");
    expect((await sandbox.exit).exitCode).toBe(0);
    await lab.engine.removeContainer(sandbox.id);
  });
});

describe("a command beside the first", () => {
  async function enter(
    sandbox: Walled,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<ExecStreams> {
    const exec = await lab.engine.exec({ container: sandbox.id, command: ["/airlock/init", "enter"], tty: false });
    const line = await readInitLine(exec.stdout, {
      timeoutMs: 10_000,
      signal: never,
      onEnd: () => new Error("no line") as never,
    });
    expect(line).toBe("ready");
    exec.stdin.write(releaseFrame({ mode: "run", cwd: "/tmp", env: new Map(Object.entries(env)), args }));
    return exec;
  }

  it("has the sandbox's environment under its own, every byte of its input, and its own exit code", async () => {
    const sandbox = await lab.open();
    sandbox.release({ mode: "hold", env: new Map([path, ["GIVEN", "first"], ["KEPT", "yes"]]) });
    await using exec = await enter(sandbox, ["sh", "-c", "cat; pwd; env | sort; exit 4"], {
      GIVEN: "second",
      EXTRA: "1",
    });
    exec.stdin.end("input\n");
    const stdout = await text(exec.stdout);
    expect(stdout.split("\n")).toEqual(
      expect.arrayContaining(["input", "/tmp", "GIVEN=second", "KEPT=yes", "EXTRA=1"]),
    );
    expect(stdout).not.toMatch(/HOSTNAME=/);
    expect(await exec.exitCode()).toBe(4);
    await lab.engine.killContainer(sandbox.id, "SIGTERM");
    expect((await sandbox.exit).exitCode).toBe(0);
    await lab.engine.removeContainer(sandbox.id);
  });

  it("is found and killed by its token, with all it started, and nothing else is", async () => {
    const sandbox = await lab.open();
    sandbox.release({ mode: "hold" });
    await using doomed = await enter(sandbox, ["sh", "-c", "setsid sleep 111 & sleep 112 & echo up; wait"], {
      AIRLOCK_EXEC: "one",
    });
    await using other = await enter(sandbox, ["sh", "-c", "echo up; sleep 113"], { AIRLOCK_EXEC: "two" });
    await Promise.all([doomed, other].map(({ stdout }) => stdout[Symbol.asyncIterator]().next()));
    expect(await sandbox.run(["/airlock/init", "kill", "one", "KILL"])).toEqual({ code: 0, output: "" });
    expect(await doomed.exitCode()).toBe(137);
    const left = await sandbox.run(["ps", "-eo", "args="]);
    expect(left.output).toMatch(/sleep 113/);
    expect(left.output).not.toMatch(/sleep 11[12]/);
    await lab.engine.removeContainer(sandbox.id);
  });
});

describe("the program itself", () => {
  it("compiles without a warning, and looks around in milliseconds", async () => {
    const sandbox = await lab.open();
    sandbox.release({ mode: "hold" });
    const built = await sandbox.run([
      "sh",
      "-c",
      "gcc -std=c11 -O2 -Wall -Wextra -Werror -static -o /tmp/init /usr/src/airlock-init/*.c",
    ]);
    expect(built).toEqual({ code: 0, output: "" });
    const measure = `import subprocess, time
times = []
for _ in range(30):
  start = time.perf_counter()
  subprocess.run(["/tmp/init", "sandbox"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
  times.append(time.perf_counter() - start)
print(sorted(times)[15] * 1000)`;
    const { output } = await sandbox.run(["python3", "-c", measure]);
    expect(Number(output)).toBeLessThan(25);
    await lab.engine.removeContainer(sandbox.id);
  });
});
