import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterAll, describe, expect, it } from "vitest";
import { TestBed, treeChecksum } from "../support/cli.js";

const bed = new TestBed();
afterAll(() => bed[Symbol.asyncDispose]());

const run = (args: readonly string[], input?: string | Uint8Array) =>
  bed.airlock(["run", "--quiet", "--on-exit", "discard", ...args], input === undefined ? {} : { input });
const text = ({ stdout }: { readonly stdout: Buffer }): string => stdout.toString();
const mebibyte = 1024 ** 2;

describe("the streams of a run", () => {
  it("keeps stdout and stderr apart and adds nothing to either with --quiet", async () => {
    const result = await run(["--", "sh", "-c", "printf out; printf err >&2"]);
    expect(result).toMatchObject({ code: 0, stdout: Buffer.from("out"), stderr: "err" });
  });

  it("carries 5 MB of random bytes both ways unchanged", async () => {
    const bytes = randomBytes(5_000_000);
    const { code, stdout } = await run(["--", "cat"], bytes);
    expect(code).toBe(0);
    expect(stdout.equals(bytes)).toBe(true);
  });

  it("carries bytes that are no text, the control bytes of terminals and engines too", async () => {
    const bytes = Buffer.from(Array.from({ length: 4096 }, (_, index) => index % 256));
    const { stdout } = await run(["cat"], bytes);
    expect(stdout.equals(bytes)).toBe(true);
  });

  it("tells the command where its input ends", async () => {
    expect(text(await run(["--", "sort"], "b\nc\na\n"))).toBe("a\nb\nc\n");
    expect(text(await run(["--", "wc", "-c"], "x".repeat(70_000))).trim()).toBe("70000");
    expect(text(await run(["--", "wc", "-c"], "")).trim()).toBe("0");
  });

  it("ends with the command although its input was never read", async () => {
    const result = await run(["--", "sh", "-c", "exit 3"], randomBytes(3_000_000));
    expect(result.code).toBe(3);
  });

  it.each([
    ["a command that dies of SIGPIPE", ["yes"]],
    ["one that ignores SIGPIPE", ["python3", "-c", "while True: print('y')"]],
  ])("ends when nobody reads the output of %s", async (_, command) => {
    const child = bed.spawn(["run", "--quiet", "--on-exit", "discard", "--", ...command]);
    child.stdin?.end();
    await once(child.stdout as Readable, "data");
    child.stdout?.destroy();
    const [code, signal] = await once(child, "exit", { signal: AbortSignal.timeout(20_000) });
    expect({ code, signal }).toMatchObject({ code: expect.any(Number), signal: null });
    expect(await bed.leftovers()).toEqual([]);
  });

  it("lets a large output through a pipe without growing", async () => {
    const size = process.env["AIRLOCK_TEST_LONG"] === "1" ? 1024 * mebibyte : 64 * mebibyte;
    const command = `head -c ${size} /dev/zero; sleep 1`;
    const child = bed.spawn(["run", "--quiet", "--on-exit", "discard", "--", "sh", "-c", command]);
    child.stdin?.end();
    let seen = 0;
    let peakKiB = 0;
    for await (const chunk of child.stdout as Readable) {
      seen += (chunk as Buffer).length;
      if (seen === size) {
        const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
        peakKiB = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]);
      }
    }
    expect(seen).toBe(size);
    expect(peakKiB).toBeGreaterThan(0);
    expect(peakKiB).toBeLessThan(256 * 1024);
  });

  it("waits for a slow reader instead of filling memory", async () => {
    const child = bed.spawn([
      "run",
      "--quiet",
      "--on-exit",
      "discard",
      "--",
      "head",
      "-c",
      `${200 * mebibyte}`,
      "/dev/zero",
    ]);
    child.stdin?.end();
    await once(child.stdout as Readable, "readable");
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
    let seen = 0;
    for await (const chunk of child.stdout as Readable) seen += (chunk as Buffer).length;
    expect(seen).toBe(200 * mebibyte);
    expect(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1])).toBeLessThan(256 * 1024);
  });
});

describe("the exit code of a run", () => {
  it.each([
    [0, ["true"]],
    [1, ["false"]],
    [42, ["sh", "-c", "exit 42"]],
    [125, ["sh", "-c", "exit 125"]],
    [126, ["/etc/passwd"]],
    [127, ["no-such-program"]],
    [128 + 9, ["sh", "-c", "kill -KILL $$"]],
    [128 + 15, ["sh", "-c", "kill -TERM $$"]],
    [128 + 11, ["sh", "-c", "kill -SEGV $$"]],
  ])("is %i for %j", async (code, command) => {
    expect(await run(["--", ...command])).toMatchObject({ code });
  });

  it.each([
    ["an unknown option", ["--no-such-option", "--", "true"], /unknown option/],
    ["no command", [], /missing required argument/],
    ["a missing image", ["--image", "airlock-test/none:1", "--pids", "100", "--", "true"], /airlock-test\/none:1/],
    ["a refused path", ["--path", "/", "--", "true"], /\//],
    ["a bad size", ["--memory", "lots", "--", "true"], /--memory/],
    ["an unknown runtime", ["--runtime", "no-such-runtime", "--", "true"], /no-such-runtime/],
    ["a missing env file", ["--env-file", "nope.env", "--", "true"], /nope\.env/],
    ["a folder that is none", ["--project", "/nonexistent", "--", "true"], /nonexistent/],
  ])("is 125 for %s, and nothing is left", async (_, args, message) => {
    const result = await run(args);
    expect(result).toMatchObject({ code: 125, stdout: Buffer.alloc(0), stderr: expect.stringMatching(message) });
    expect(await bed.leftovers()).toEqual([]);
  });
});

describe("what a run is given", () => {
  it("starts in the folder where its caller stands", async () => {
    const { stdout } = await bed.airlock(["run", "-q", "--on-exit", "discard", "--", "pwd"], {
      cwd: join(bed.project, "src"),
    });
    expect(stdout.toString().trim()).toBe(join(bed.project, "src"));
  });

  it("hands every word after the command to the command", async () => {
    const shell = ["sh", "-c", 'printf "%s|" "$@"', "sh"];
    const words = ["--on-exit", "keep", "-q", "--", "--help", "", "a b", "ü", "*"];
    expect(text(await run([...shell, ...words]))).toBe(`${words.join("|")}|`);
    expect(text(await run(["--", ...shell, ...words]))).toBe(`${words.join("|")}|`);
  });

  it("passes --env and --env-file on, the option over the file, and a bare name from the caller", async () => {
    writeFileSync(join(bed.root, "vars"), "# note\nFROM_FILE=a=b\nBOTH=file\n\n");
    const { stdout } = await bed.airlock(
      [
        ...["run", "-q", "--on-exit", "discard", "--env-file", join(bed.root, "vars")],
        ...["-e", "BOTH=flag", "-e", "BARE", "-e", "NOT_SET", "--", "sh", "-c"],
        'echo "$FROM_FILE $BOTH $BARE"; env | grep -c -e NOT_SET -e CALLER_ONLY',
      ],
      { env: { BARE: "from here", CALLER_ONLY: "x" } },
    );
    expect(stdout.toString()).toBe("a=b flag from here\n0\n");
  });

  it("keeps an env file from changing Airlock itself", async () => {
    const file = join(bed.root, "hostile");
    writeFileSync(
      file,
      "NODE_OPTIONS=--require=/nonexistent/hook.js\nAIRLOCK_HOME=/nonexistent\nDOCKER_HOST=unix:///none\n",
    );
    const { code, stdout, stderr } = await run(["--env-file", file, "--", "printenv", "DOCKER_HOST"]);
    expect({ code, stderr, out: stdout.toString() }).toEqual({ code: 0, stderr: "", out: "unix:///none\n" });
  });

  it("writes a summary in JSON", async () => {
    const file = join(bed.root, "summary.json");
    const command = "echo x > new; echo y >> README.md; rm src/b.txt; exit 7";
    const { code } = await run(["--summary", file, "--", "sh", "-c", command]);
    expect(code).toBe(7);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({
      session: expect.stringMatching(/^[a-z0-9-]+$/),
      exitCode: 7,
      changes: { added: 1, modified: 1, deleted: 1 },
      kept: false,
    });
  });
});

describe("what a run leaves", () => {
  it("leaves the project as it was and nothing on the engine, whatever the command does", async () => {
    mkdirSync(join(bed.project, "deep/er"), { recursive: true });
    bed.write("deep/er/file", "kept");
    bed.write("run.sh", "#!/bin/sh\n", 0o755);
    const before = treeChecksum(bed.project);
    const wreck =
      "chmod -R 777 .; echo >> README.md; rm -rf deep .git src; ln -s /etc README2; mkdir new; touch run.sh";
    expect(await run(["--", "sh", "-c", wreck])).toMatchObject({ code: 0 });
    expect(treeChecksum(bed.project)).toBe(before);
    expect(await bed.leftovers()).toEqual([]);
    expect(await bed.json(["ls", "--json"])).toEqual([]);
  });

  it("keeps a session without a terminal, its change in the layer, nothing running", async () => {
    // Engine objects carry the name, so tests that were killed must not stand in the way.
    const name = `kept-${process.pid}`;
    const before = treeChecksum(bed.project);
    const { code, stderr } = await bed.airlock(["run", "--name", name, "--", "sh", "-c", "echo x > new"]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain(`airlock: kept session ${name}`);
    expect(treeChecksum(bed.project)).toBe(before);
    expect(await bed.json(["ls", "--json"])).toMatchObject([{ id: name, state: "stopped" }]);
    expect(await bed.leftovers()).toEqual(expect.not.arrayContaining([`airlock-${name}-1`]));
    expect(text(await bed.airlock(["diff", "--name-only"])).trim()).toBe("new");
    expect(await bed.json(["discard", "--json", name])).toMatchObject({ clean: true });
  });
});
