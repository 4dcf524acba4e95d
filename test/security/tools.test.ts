import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AirlockError } from "../../src/base/errors.js";
import type { Answer } from "../../src/model/question.js";
import type { ToolOutcome, TrustSubject } from "../../src/model/tool.js";
import type { TrustDecision, TrustVerdict } from "../../src/model/trust.js";
import { callTool, type ToolGuard, type ToolQuestion } from "../../src/session/tools/call-tool.js";
import { OpenGuard, ToolLab } from "../support/tool-lab.js";

let tools: ToolLab;
beforeAll(async () => {
  tools = await ToolLab.open();
  await tools.shell(`
    mkdir -p out/deep /tmp/outside/deep; echo secret > /tmp/outside/f; echo secret > /tmp/outside/deep/f
    ln -s /tmp/outside/f link; ln -s /tmp/outside dir; ln -s dir chain; ln -s /tmp/outside/new dangling; ln -s loop loop
    ln -s ../../../../../../../../../tmp/outside/f out/up; ln -s /proc/self/root/tmp/outside/f magic`);
});
afterAll(() => tools[Symbol.asyncDispose]());

/** Trusts the workspace; what is said of the rest is the test's. */
class WorkspaceGuard extends OpenGuard {
  readonly questions: ToolQuestion[] = [];
  answer: () => Promise<Answer | null> = async () => null;

  readonly outside: TrustVerdict;

  constructor(outside: TrustVerdict) {
    super();
    this.outside = outside;
  }

  override async decide(subject: TrustSubject): Promise<TrustDecision> {
    const paths = "paths" in subject ? subject.paths : "folder" in subject ? [subject.folder] : [];
    const inside = paths.every((path) => `${path}/`.startsWith(`${tools.lab.project}/`));
    return { verdict: inside ? "allow" : this.outside, rule: "workspace", why: "outside", tiers: [] };
  }

  override async ask(question: ToolQuestion): Promise<Answer | null> {
    this.questions.push(question);
    return await this.answer();
  }
}

const call = (guard: ToolGuard, name: string, args: unknown): Promise<ToolOutcome> =>
  callTool(tools.toolbox, guard, { name, arguments: args, caller: "test" });

const yes: Answer = { verdict: "allow", scope: "once", tier: null, reason: null, edited: null, by: "test" };

describe("a path that leads out of what is trusted", () => {
  it.each<[string, string, object]>([
    ["a link to a file", "read", { path: "link" }],
    ["a link on the way", "read", { path: "dir/deep/f" }],
    ["a chain of links", "read", { path: "chain/f" }],
    ["a relative link", "read", { path: "out/up" }],
    ["a link through /proc", "read", { path: "magic" }],
    ["`..`", "read", { path: "out/../../../../../../../../tmp/outside/f" }],
    ["its absolute name", "read", { path: "/tmp/outside/f" }],
    ["one of several", "read", { operations: [{ path: "README.md" }, { path: "link" }] }],
    ["a folder behind a link", "read", { mode: "Directory", path: "dir" }],
    ["an image behind a link", "imageRead", { paths: ["link"] }],
    ["a search behind a link", "read", { mode: "Search", path: "link", pattern: "secret" }],
    ["a new file behind a dangling link", "write", { command: "create", path: "dangling", file_text: "x" }],
    ["a new file behind a linked folder", "write", { command: "create", path: "dir/new", file_text: "x" }],
    ["an existing file behind a link", "write", { command: "append", path: "link", new_str: "x" }],
    ["glob behind a link", "glob", { path: "dir", pattern: "**" }],
    ["grep of a linked file", "grep", { path: "link", pattern: "secret" }],
    ["grep behind a link", "grep", { path: "chain", pattern: "secret" }],
    ["a command's folder", "shell", { command: "cat f", cwd: "dir" }],
  ])("is denied: %s", async (_name, tool, args) => {
    const guard = new WorkspaceGuard("deny");
    expect(await call(guard, tool, args)).toMatchObject({ kind: "denied", code: "policy" });
    expect(JSON.stringify(guard.events)).not.toContain("secret\\n");
    const { stdout } = await tools.shell("ls /tmp/outside; cat /tmp/outside/f");
    expect(stdout).toBe("deep\nf\nsecret\n");
  });

  it("is shown as it is to who is asked", async () => {
    const guard = new WorkspaceGuard("ask");
    expect(await call(guard, "read", { path: "chain/f" })).toMatchObject({ kind: "denied", code: "pending" });
    expect(guard.questions[0]?.touches).toEqual([`${tools.lab.project}/chain/f`, "/tmp/outside/f"]);
    guard.answer = async () => yes;
    expect(await call(guard, "read", { path: "chain/f" })).toMatchObject({ kind: "done" });
  });

  it("a link to itself is an error, not a wait", async () => {
    expect(await call(new WorkspaceGuard("deny"), "read", { path: "loop" })).toMatchObject({ kind: "failed" });
  });

  it("found below a folder is not followed", async () => {
    const guard = new WorkspaceGuard("deny");
    const outcome = await call(guard, "grep", { pattern: "secret" });
    expect(outcome).toMatchObject({ kind: "done", result: { matches: 0 } });
    expect(await call(guard, "glob", { pattern: "**/f" })).toMatchObject({ kind: "done", result: { files: [] } });
  });
});

describe("a path that is changed between decision and opening", () => {
  it("gives nothing of where it was not decided to lead", async () => {
    await tools.shell("mkdir -p swap/a; echo public > swap/a/f; ln -sfn /tmp/outside swap/b");
    const swapping = tools.call("shell", {
      timeout: 30,
      command: `exec python3 -c '
import ctypes, os, time
libc = ctypes.CDLL(None)
end = time.time() + 6
while time.time() < end:
  libc.renameat2(-100, b"swap/a", -100, b"swap/b", 2)
'`,
    });
    swapping.catch(() => undefined);
    await sleep(300);
    const guard = new WorkspaceGuard("deny");
    const kinds = new Map<string, number>();
    for (const end = Date.now() + 4_000; Date.now() < end; ) {
      const outcome = await call(guard, "read", { path: "swap/a/f" });
      if (outcome.kind === "done") expect(JSON.stringify(outcome.result)).not.toContain("secret");
      kinds.set(outcome.kind, (kinds.get(outcome.kind) ?? 0) + 1);
      const written = await call(guard, "write", { command: "create", path: "swap/a/w", file_text: "x" });
      kinds.set(`write ${written.kind}`, (kinds.get(`write ${written.kind}`) ?? 0) + 1);
    }
    await swapping;
    // Both sides of the race were met, so that it was one.
    expect(kinds.get("done")).toBeGreaterThan(10);
    expect(kinds.get("denied")).toBeGreaterThan(10);
    expect((await tools.shell("ls /tmp/outside")).stdout).toBe("deep\nf\n");
  });

  it("while a person thinks, is not what they said yes to", async () => {
    await tools.shell("mkdir -p /tmp/asked; echo asked > /tmp/asked/f");
    const guard = new WorkspaceGuard("ask");
    guard.answer = async () => {
      if (guard.questions.length > 1) return null;
      await tools.shell("rm -r /tmp/asked; ln -s outside /tmp/asked");
      return yes;
    };
    const outcome = await call(guard, "read", { path: "/tmp/asked/f" });
    expect(outcome).toMatchObject({ kind: "denied" });
    expect(guard.questions[1]?.touches).toEqual(["/tmp/asked/f", "/tmp/outside/f"]);
  });

  it("a file that was replaced meanwhile is not overwritten", async () => {
    await tools.shell("echo one > cas");
    const swapping = tools.call("shell", {
      timeout: 20,
      command: "for i in $(seq 400); do echo $i > cas.new; mv cas.new cas; done",
    });
    await Promise.all(
      Array.from({ length: 40 }, () => tools.call("write", { command: "append", path: "cas", new_str: "added\n" })),
    );
    await swapping;
    const { stdout } = await tools.shell("cat cas; ls -A | grep -c '^.airlock-' || true");
    expect(stdout).toMatch(/^400\n(added\n)*0\n$/);
  });
});

describe("who guards", () => {
  it("and cannot write down what it decided, lets nothing run", async () => {
    const guard = new OpenGuard();
    guard.record = async () => {
      throw new AirlockError("E_JOURNAL_WRITE", "no space left");
    };
    const running = call(guard, "shell", { command: "touch ran" });
    await expect(running).rejects.toMatchObject({ code: "E_JOURNAL_WRITE" });
    expect((await tools.shell("ls ran")).exit_status).toBe("2");
  });

  it("has written the decision before anything runs", async () => {
    const guard = new OpenGuard();
    const seen: string[] = [];
    guard.record = async ({ kind }) => {
      const { stdout } = await tools.shell("ls began 2>/dev/null; true");
      seen.push(`${kind} ${stdout.trim()}`);
    };
    await call(guard, "shell", { command: "touch began" });
    expect(seen).toEqual(["tool.call ", "tool.result began"]);
  });

  it("is asked again about what a person edited, where a denial stays one", async () => {
    const guard = new WorkspaceGuard("ask");
    guard.answer = async () => ({ ...yes, edited: { path: "README.md" } });
    expect(await call(guard, "read", { path: "/etc/hostname" })).toMatchObject({
      kind: "done",
      result: { results: [{ path: `${tools.lab.project}/README.md` }] },
    });
    const strict = new WorkspaceGuard("ask");
    strict.answer = async () => ({ ...yes, edited: { path: "/tmp/outside/f" } });
    const decide = strict.decide.bind(strict);
    strict.decide = async (subject) => {
      const decision = await decide(subject);
      const denied = "paths" in subject && subject.paths.includes("/tmp/outside/f");
      return denied ? { ...decision, verdict: "deny" } : decision;
    };
    expect(await call(strict, "read", { path: "/etc/hostname" })).toMatchObject({ kind: "denied", code: "policy" });
  });

  it("keeps the values of variables out of the journal", async () => {
    const guard = new OpenGuard();
    await call(guard, "shell", { command: "true", env: { TOKEN: "hunter2" } });
    expect(JSON.stringify(guard.events)).toContain("TOKEN");
    expect(JSON.stringify(guard.events)).not.toContain("hunter2");
  });
});

describe("what runs in the sandbox", () => {
  it("can neither trace the tool server nor reach its ends, nor the process that waits for the next command", async () => {
    // Server, own guard, the waiting guard and its child.
    const { stdout } = await tools.shell(`sleep 0.2; exec python3 -c '
import ctypes, os, subprocess
pids = [int(pid) for pid in subprocess.check_output(["pgrep", "-x", "toolserver"]).split()]
libc = ctypes.CDLL(None, use_errno=True)
def attempt(name, work):
  try:
    work(); print(name, "worked")
  except OSError as error:
    print(name, error.errno in (1, 13))
print(len(pids))
for pid in pids:
  attempt("ptrace", lambda: libc.ptrace(16, pid, 0, 0) == 0 or (_ for _ in ()).throw(OSError(ctypes.get_errno(), "")))
  for name in ("fd/0", "fd/1", "mem", "environ"): attempt(name, lambda: open(f"/proc/{pid}/{name}", "rb"))
attempt("write", lambda: open("/airlock/toolserver", "wb"))
'`);
    const each = ["ptrace", "fd/0", "fd/1", "mem", "environ"].map((name) => `${name} True\n`).join("");
    expect(stdout.replace("write False", "write True")).toBe(`4\n${each.repeat(4)}write True\n`);
  });

  it("can kill the process that waits for the next command, which runs all the same", async () => {
    for (let round = 0; round < 3; round += 1) {
      const killed = await tools.shell("sleep 0.1; kill -9 $(pgrep -x toolserver | sed 1d | grep -vx $PPID); echo $?");
      expect(killed.stdout).toBe("0\n");
      expect((await tools.shell(`echo ${"x".repeat(100_000)} | wc -c`)).stdout).toBe("100001\n");
    }
  });

  it("gets nothing of other calls: no descriptor, no input", async () => {
    const busy = tools.call("shell", { command: "sleep 2" });
    await tools.shell("true", { persistent: true });
    const [one, kept] = [
      await tools.shell("ls /proc/self/fd"),
      await tools.shell("ls /proc/self/fd", { persistent: true }),
    ];
    for (const { stdout } of [one, kept]) expect(stdout.trim().split("\n")).toEqual(["0", "1", "2", "3"]);
    await busy;
  });

  it("does not survive its call as a bomb of processes", async () => {
    const result = await tools.shell("bomb() { bomb | bomb & }; bomb; sleep 60", { timeout: 1.5 });
    expect(result.timed_out).toBe(true);
    expect((await tools.processes()).length).toBeLessThan(10);
    expect((await tools.shell("echo alive")).stdout).toBe("alive\n");
  });
});
