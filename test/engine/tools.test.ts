import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker } from "../support/lab.js";
import { type ShellResult, ToolLab } from "../support/tool-lab.js";

let tools: ToolLab;
beforeAll(async () => {
  tools = await ToolLab.open();
});
afterAll(() => tools[Symbol.asyncDispose]());

interface Read {
  readonly results: readonly Readonly<Record<string, unknown>>[];
}

const read = async (operation: unknown): Promise<Readonly<Record<string, unknown>>> => {
  const { results } = await tools.done<Read>("read", { operations: [operation] });
  return results[0] ?? {};
};

const png = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex");

describe("read", () => {
  it.each<[string, object, object]>([
    ["everything", {}, { text: "one\ntwo\nthree\n", start_line: 1, end_line: 3 }],
    ["a range", { start_line: 2, end_line: 2 }, { text: "two\n", start_line: 2, end_line: 2 }],
    ["the end", { start_line: -2 }, { text: "two\nthree\n", start_line: 2, end_line: 3 }],
    ["all but the end", { end_line: -2 }, { text: "one\ntwo\n", start_line: 1, end_line: 2 }],
    ["before the beginning", { start_line: -9, end_line: 1 }, { text: "one\n", start_line: 1, end_line: 1 }],
    ["behind the end", { start_line: 9 }, { text: "" }],
    ["by offset and limit", { offset: 1, limit: 1 }, { text: "two\n", start_line: 2, end_line: 2 }],
  ])("lines: %s", async (_name, range, expected) => {
    expect(await read({ mode: "Line", path: "src/a.txt", ...range })).toMatchObject(expected);
  });

  it("a folder, as deep as told, without what is to be left out", async () => {
    const { entries } = (await read({ mode: "Directory", path: ".", depth: 1, ignore: [".git"] })) as {
      entries: { path: string; type: string }[];
    };
    expect(entries.map(({ path, type }) => `${path} ${type}`)).toEqual([
      "README.md file",
      "src folder",
      "src/a.txt file",
      "src/b.txt file",
    ]);
  });

  it("what a file says about a text, in any case, with the lines around", async () => {
    expect(await read({ mode: "Search", path: "src/a.txt", pattern: "TWO", context_lines: 1 })).toMatchObject({
      matches: 1,
      lines: [
        { line: 1, match: false, text: "one" },
        { line: 2, match: true, text: "two" },
        { line: 3, match: false, text: "three" },
      ],
    });
  });

  it("an image by its bytes, whatever its name", async () => {
    await tools.shell(
      `printf '${png.toString("hex")}' | xxd -r -p > picture.txt || python3 -c 'import sys; open("picture.txt","wb").write(bytes.fromhex("${png.toString("hex")}"))'; cp src/a.txt text.png`,
    );
    expect(await read({ mode: "Image", image_paths: ["picture.txt"] })).toMatchObject({
      media_type: "image/png",
      base64: png.toString("base64"),
    });
    expect(await tools.failure("read", { operations: [{ mode: "Image", path: "text.png" }] })).toMatch(/no PNG/);
    expect(await tools.done("imageRead", { paths: ["picture.txt"] })).toMatchObject({ results: [{ mode: "image" }] });
  });

  it("bytes that are no text as base64, exactly", async () => {
    await tools.shell("printf 'a\\377b\\000c' > bytes");
    expect(await read({ path: "bytes" })).toMatchObject({
      binary: true,
      base64: Buffer.from("a\xffb\0c", "latin1").toString("base64"),
    });
  });

  it("several at once, with what failed in its place", async () => {
    const { results } = await tools.done<Read>("fs_read", {
      operations: [{ path: "src/b.txt" }, { path: "nothing" }, { path: "src" }, { path: "/dev/zero" }],
    });
    expect(results).toMatchObject([
      { text: "bee\n" },
      { error: expect.stringMatching(/^ENOENT/) },
      { error: expect.stringMatching(/^EISDIR/) },
      { error: expect.stringMatching(/^EINVAL: is no regular file/) },
    ]);
  });

  it("not for ever from a pipe", async () => {
    await tools.shell("mkfifo pipe");
    expect(await tools.failure("read", { path: "pipe" })).toMatch(/no regular file/);
  });
});

describe("write", () => {
  const content = async (path: string): Promise<string> => (await tools.shell(`cat ${path}`)).stdout;

  it("creates, with the folders on the way, and replaces", async () => {
    expect(await tools.done("write", { command: "create", path: "new/deep/file", file_text: "x\n" })).toMatchObject({
      created: true,
    });
    expect(await tools.done("fsWrite", { command: "create", path: "new/deep/file", content: "y\n" })).toMatchObject({
      created: false,
    });
    expect(await content("new/deep/file")).toBe("y\n");
  });

  it("replaces what is in exactly one place, and says where else it is", async () => {
    await tools.done("write", { command: "create", path: "r", file_text: "a\nb\na\n" });
    const again = { command: "str_replace", path: "r", old_str: "a", new_str: "c" };
    expect(await tools.failure("write", again)).toMatch(/2 times \(lines 1, 3\)/);
    expect(await tools.failure("write", { ...again, old_str: "z" })).toMatch(/not in the file/);
    await tools.done("write", { command: "strReplace", path: "r", oldStr: "b\na", newStr: "$& $1 \\n" });
    expect(await content("r")).toBe("a\n$& $1 \\n\n");
    await tools.done("write", { command: "create", path: "r", file_text: "a a\n" });
    await tools.done("write", { ...again, replace_all: true });
    expect(await content("r")).toBe("c c\n");
  });

  it("inserts after a line and appends, with a feed where one is missing", async () => {
    await tools.shell("printf 'one\\ntwo' > lines");
    await tools.done("write", { command: "insert", path: "lines", insert_line: 0, new_str: "zero" });
    await tools.done("write", { command: "insert", path: "lines", insert_line: 3, new_str: "three\n" });
    await tools.done("write", { command: "append", path: "lines", new_str: "four" });
    expect(await content("lines")).toBe("zero\none\ntwo\nthree\nfour");
    const beyond = { command: "insert", path: "lines", insert_line: 9, new_str: "x" };
    expect(await tools.failure("write", beyond)).toMatch(/only 5 lines/);
  });

  it("keeps a file's mode and bytes that are no text, and leaves nothing beside it", async () => {
    await tools.shell("mkdir m; printf '\\377 old \\376' > m/x; chmod 751 m/x");
    await tools.done("write", { command: "str_replace", path: "m/x", old_str: "old", new_str: "new" });
    const { stdout } = await tools.shell("stat -c %a m/x; od -An -tx1 m/x; ls -A m");
    expect(stdout).toBe("751\n ff 20 6e 65 77 20 fe\nx\n");
  });

  it("loses none of fifty appends at once", async () => {
    await tools.done("write", { command: "create", path: "many", file_text: "" });
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        tools.done("write", { command: "append", path: "many", new_str: `${index}\n` }),
      ),
    );
    expect((await tools.shell("sort -n many | uniq | wc -l")).stdout.trim()).toBe("50");
  });

  it("leaves the project on the host as it is", async () => {
    await tools.done("write", { command: "create", path: "src/b.txt", file_text: "changed" });
    expect(readFileSync(join(tools.lab.project, "src/b.txt"), "utf8")).toBe("bee\n");
  });
});

describe("shell", () => {
  it("keeps both outputs apart, and has an empty input, a folder, variables and a group of its own", async () => {
    expect(await tools.shell("cat; echo out; echo err >&2; exit 3")).toEqual({
      exit_status: "3",
      stdout: "out\n",
      stderr: "err\n",
    });
    const { stdout } = await tools.shell('pwd; echo "$A $AIRLOCK"; ps -o pgid= -o sid= -p $$', {
      cwd: "src",
      env: { A: "b c" },
    });
    const [folder, variables, group] = stdout.split("\n");
    expect([folder, variables]).toEqual([join(tools.lab.project, "src"), "b c 1"]);
    const [pgid, sid] = (group ?? "").trim().split(/\s+/);
    expect(pgid).toBe(sid);
  });

  it("says which signal ended it as a shell does", async () => {
    expect((await tools.shell("kill -SEGV $$")).exit_status).toBe("139");
  });

  it("a gigabyte of output keeps its two ends, and costs no memory on either side", async () => {
    const rssBefore = process.memoryUsage().rss;
    const result = await tools.shell("echo first; head -c 1000000000 /dev/zero | tr '\\0' x; echo; echo last");
    expect(result.stdout_bytes).toBe(1_000_000_012);
    expect(result.stdout).toMatch(/^first\nx+\n\[… \d+ bytes were cut here …\]\nx+\nlast\n$/);
    expect(result.stdout.length).toBeLessThan(70_000);
    expect(process.memoryUsage().rss - rssBefore).toBeLessThan(60_000_000);
    const { stdout } = await tools.shell("cat /proc/$(pgrep -o -x toolserver)/status | grep VmHWM");
    expect(Number(stdout.match(/\d+/)?.[0])).toBeLessThan(16_000);
  });

  it("marks binary output and does not mangle it", async () => {
    const result = await tools.shell("printf '\\000\\377\\001'");
    expect(result.stdout).toMatch(/^\[binary output: 3 bytes/);
    expect(Buffer.from(result.stdout_base64 ?? "", "base64")).toEqual(Buffer.from([0, 255, 1]));
  });

  it("cuts no character in two", async () => {
    const { stdout } = await tools.shell("for i in $(seq 40000); do printf 'é€'; done");
    expect(stdout.replace(/\n\[….*…\]\n/, "")).toMatch(/^[é€]+$/);
  });

  it("fifty at once are fifty answers", async () => {
    const all = await Promise.all(Array.from({ length: 50 }, (_, index) => tools.shell(`sleep 0.1; echo ${index}`)));
    expect(all.map(({ stdout }) => stdout)).toEqual(Array.from({ length: 50 }, (_, index) => `${index}\n`));
  });

  it("shows what is printed while it runs", async () => {
    const seen: string[] = [];
    let first = 0;
    const running = tools.call(
      "shell",
      { command: "echo a; sleep 0.5; echo b" },
      {
        onOutput: (piece) => {
          first ||= performance.now();
          seen.push(piece.toString());
        },
      },
    );
    await running;
    expect(performance.now() - first).toBeGreaterThan(300);
    expect(seen.join("")).toBe("a\nb\n");
  });
});

// Every way that a process has to get away from the one that started it.
const escapes = `
sleep 7001 &
nohup sleep 7002 >/dev/null 2>&1 &
setsid sleep 7003 &
(setsid sh -c 'sleep 7004 & exec sleep 7005' &)
setsid sh -c 'trap "" TERM HUP INT; (trap "" TERM; sleep 7006) & wait' &
python3 -c '
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 100)
        time.sleep(7007)
    os._exit(0)
os.wait()
'
`;

const left = async (): Promise<string[]> =>
  (await tools.processes()).filter((line) => /sleep [78]0\d\d$|sleep\(7007\)/.test(line));

describe("the end of a command", () => {
  it("is the end of everything it started", async () => {
    expect((await tools.shell(`${escapes} echo over`)).stdout).toBe("over\n");
    expect(await left()).toEqual([]);
  });

  it("comes with its time, and says so", async () => {
    const started = performance.now();
    const result = await tools.shell(`${escapes} echo before; trap '' TERM; sleep 8001`, { timeout: 0.5 });
    expect(result).toMatchObject({ timed_out: true, stdout: "before\n", exit_status: "137" });
    expect(performance.now() - started).toBeLessThan(3_000);
    expect(await left()).toEqual([]);
  });

  it("comes when the caller cancels; a gentle command may clean up", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 300);
    const result = await tools.done<ShellResult>(
      "shell",
      { command: `${escapes} trap 'echo bye; exit 5' TERM; sleep 8002 & wait` },
      { signal: controller.signal },
    );
    expect(result).toMatchObject({ cancelled: true, stdout: "bye\n" });
    expect(await left()).toEqual([]);
  });

  it("comes when what watches over it is killed from inside", async () => {
    const text = await tools.failure("shell", { command: `${escapes} kill -9 $PPID; sleep 8003` });
    expect(text).toMatch(/was killed/);
    for (let tries = 0; (await left()).length > 0 && tries < 20; tries += 1) await sleep(50);
    expect(await left()).toEqual([]);
    expect((await tools.shell("echo on")).stdout).toBe("on\n");
  });
});

describe("a kept shell", () => {
  const kept = (command: string, caller = "keeper", more = {}): Promise<ShellResult> =>
    tools.done<ShellResult>("shell", { command, persistent: true, ...more }, { caller });

  it("keeps folder, variables and functions, for its caller alone", async () => {
    await kept("cd src; X=5; f() { echo f$X; }; export Y=6");
    expect((await kept("pwd; f; sh -c 'echo $Y'; cat; echo it\\'s")).stdout).toBe(
      `${join(tools.lab.project, "src")}\nf5\n6\nit's\n`,
    );
    expect((await kept("echo [$X]", "another")).stdout).toBe("[]\n");
    expect((await kept("pwd", "keeper", { cwd: "/tmp" })).stdout).toBe("/tmp\n");
  });

  it("answers each command with its own end and output", async () => {
    expect(await kept("echo no >&2; false")).toMatchObject({ exit_status: "1", stderr: "no\n" });
    expect((await kept("if")).exit_status).toBe("2");
    expect(await kept("exit 7")).toMatchObject({ exit_status: "7", shell_ended: true });
    expect((await kept("echo [$X]")).stdout).toBe("[]\n");
  });

  it("takes commands one after the other", async () => {
    const all = await Promise.all(Array.from({ length: 20 }, (_, index) => kept(`echo ${index}; N=$((N+1)); echo $N`)));
    expect(all.map(({ stdout }) => stdout)).toEqual(
      Array.from({ length: 20 }, (_, index) => `${index}\n${index + 1}\n`),
    );
  });

  it("ends with the command that was cancelled in it, and with it what it had started", async () => {
    await kept("sleep 8004 & echo");
    expect((await left()).length).toBe(1);
    expect(await kept("sleep 8005; touch never", "keeper", { timeout: 0.3 })).toMatchObject({ timed_out: true });
    expect(await left()).toEqual([]);
    expect((await tools.shell("ls never")).exit_status).toBe("2");
    expect((await kept("echo again")).stdout).toBe("again\n");
  });
});

describe("glob and grep", () => {
  it("find files by pattern, braces and depth", async () => {
    await tools.shell(
      "mkdir -p g/a/b node_modules/x; touch g/1.ts g/a/2.tsx g/a/b/3.js node_modules/x/4.ts; ln -s / g/root",
    );
    const find = async (pattern: string, more = {}): Promise<string[]> =>
      (await tools.done<{ files: string[] }>("glob", { pattern, ...more })).files.map((path) =>
        path.slice(tools.lab.project.length + 1),
      );
    expect(await find("**/*.{ts,tsx}")).toEqual(["g/1.ts", "g/a/2.tsx"]);
    expect(await find("*.ts", { path: "g" })).toEqual(["g/1.ts"]);
    expect(await find("**/*.js", { max_depth: 1 })).toEqual([]);
    expect(await find("**", { path: "node_modules" })).toEqual(["node_modules/x/4.ts"]);
  });

  it("search by regular expression inside the sandbox", async () => {
    await tools.shell(
      "mkdir -p s; printf 'alpha 12\\nbeta\\ngamma 345\\n' > s/x.c; printf 'alpha 9\\n' > s/y.h; printf 'alpha\\0' > s/bin",
    );
    const grep = (args: object): Promise<unknown> => tools.done("grep", { path: "s", ...args });
    expect(await grep({ pattern: "^\\w+\\s(?:\\d{2,}?)$" })).toMatchObject({
      lines: [
        { path: "x.c", line: 1, text: "alpha 12" },
        { path: "x.c", line: 3, text: "gamma 345" },
      ],
    });
    expect(await grep({ pattern: "ALPHA", case_sensitive: false, output_mode: "count" })).toMatchObject({
      files: [
        { path: "x.c", matches: 1 },
        { path: "y.h", matches: 1 },
      ],
    });
    expect(await grep({ pattern: "alpha", include: "*.{h,hpp}", output_mode: "files_with_matches" })).toMatchObject({
      files: [{ path: "y.h" }],
    });
    expect(await tools.failure("grep", { pattern: "(?=x)" })).toMatch(/look-around/);
    expect(await tools.failure("grep", { pattern: "a(b" })).toMatch(/cannot be used/);
  });
});

describe("a search that takes too long", () => {
  it("ends when its caller cancels, and takes nothing else with it", async () => {
    const controller = new AbortController();
    await tools.shell("mkdir -p slow; for i in $(seq 30); do printf 'a%.0s' $(seq 4000) > slow/$i; done");
    const other = tools.shell("sleep 1; echo other");
    setTimeout(() => controller.abort(), 150);
    const outcome = await tools.call(
      "grep",
      { path: "slow", pattern: "(a*)*(a*)*(a*)*\\1b" },
      { signal: controller.signal },
    );
    expect(outcome).toMatchObject({ kind: "failed", text: expect.stringMatching(/cancelled/) });
    expect((await other).stdout).toBe("other\n");
  });
});

describe("a tool server that goes away", () => {
  it("fails the calls on it clearly, leaves nothing running, and the next call starts another", async () => {
    const running = tools.call("shell", { command: `${escapes} sleep 8006` });
    running.catch(() => undefined);
    await sleep(400);
    // Its guards have its name, and are younger.
    await docker("exec", await tools.container(), "sh", "-c", "kill -9 $(pgrep -o -x toolserver)");
    await expect(running).rejects.toMatchObject({ code: "E_TOOL_SERVER" });
    expect((await tools.shell("echo back")).stdout).toBe("back\n");
    for (let tries = 0; (await left()).length > 0 && tries < 40; tries += 1) await sleep(50);
    expect(await left()).toEqual([]);
    expect(tools.guard.events.at(-3)).toMatchObject({ kind: "tool.result", data: { outcome: "lost" } });
  });

  it("with its sandbox: the call fails, and the next one gets the sandbox back", async () => {
    await tools.shell("printf kept > kept-over");
    const before = await tools.container();
    const running = tools.call("shell", { command: "sleep 8007" });
    running.catch(() => undefined);
    await sleep(300);
    await docker("kill", before);
    await expect(running).rejects.toMatchObject({ code: "E_TOOL_SERVER" });
    expect((await tools.shell("cat kept-over")).stdout).toBe("kept");
    expect(await tools.container()).not.toBe(before);
  });
});

describe("a session that is saved and goes back", () => {
  it("lets a running call end after a snapshot, and has its tools again after a restore", async () => {
    await tools.shell("echo before > state");
    const running = tools.shell("for i in $(seq 30); do sleep 0.05; echo $i; done");
    await tools.lab.json(["snapshot", tools.session, "--json"]);
    expect((await running).stdout.trim().split("\n")).toHaveLength(30);
    await tools.shell("echo after > state");
    await tools.lab.json(["restore", `${tools.session}/s1`, "--json"]);
    expect((await tools.shell("cat state")).stdout).toBe("before\n");
  });
});

describe("the tool server's source", () => {
  it("compiles without a warning", async () => {
    const { stdout, stderr, exit_status } = await tools.shell(
      "gcc -std=c11 -O2 -Wall -Wextra -Werror -static -o /tmp/server /usr/src/airlock-toolserver/*.c && echo built",
    );
    expect([stdout, stderr, exit_status]).toEqual(["built\n", "", "0"]);
  });
});

describe("paths", () => {
  it("aws says what is missing in a session without it", async () => {
    const call = { service_name: "s3api", operation_name: "list-buckets", region: "eu-central-1", label: "x" };
    expect(await tools.call("use_aws", call)).toMatchObject({
      result: { exit_status: "69", stderr: expect.stringContaining("airlock run --aws") },
    });
  });

  it("are decided on as they were given and as they lead", async () => {
    symlinkSync("/etc/hostname", join(tools.lab.project, "outward"));
    await tools.call("read", { path: "src/../outward" });
    expect(tools.guard.subjects.at(-1)).toEqual({
      tool: "read",
      paths: [join(tools.lab.project, "outward"), "/etc/hostname"],
    });
  });
});

describe("a discarded session", () => {
  it("has no tools any more", async () => {
    const running = tools.call("shell", { command: "sleep 8008" });
    running.catch(() => undefined);
    await sleep(300);
    await tools.lab.airlock(["discard", tools.session]);
    await expect(running).rejects.toMatchObject({ code: "E_TOOL_SERVER" });
    await expect(tools.call("shell", { command: "true" })).rejects.toMatchObject({ code: "E_SESSION_NOT_FOUND" });
  });
});
