import { readFileSync } from "node:fs";
import { join } from "node:path";
import pty from "@lydell/node-pty";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { airlockScript, TerminalSession, TestBed, treeChecksum } from "../support/cli.js";

const bed = new TestBed();
afterEach(() => bed.airlock(["discard", "--all"]));
afterAll(() => bed[Symbol.asyncDispose]());

const esc = "\x1b";
const discarding = ["run", "--quiet", "--on-exit", "discard", "--"];
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("a run at a terminal", () => {
  it("gives the command a terminal of the same size and type, and passes colours on", async () => {
    const script = "tty; stty size; echo $TERM; printf '\\033[31mred\\033[0m\\n'; test -t 2 && echo three";
    const session = bed.terminal([...discarding, "sh", "-c", script]);
    expect(await session.exit).toBe(0);
    expect(session.output).toMatch(/\/dev\/(pts\/\d+|console)\r\n24 80\r\nxterm-256color\r\n/);
    expect(session.output).toContain(`${esc}[31mred${esc}[0m`);
    expect(session.output).toContain("three");
  });

  it("follows a change of size", async () => {
    const script = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.1; done";
    const session = bed.terminal([...discarding, "bash", "-c", script]);
    await session.waitFor(/ready/);
    session.resize(101, 37);
    await session.waitFor(/37 101/);
    expect(await session.exit).toBe(0);
  });

  it("hands Ctrl-C to the command, not to the CLI", async () => {
    const handled = bed.terminal([
      ...discarding,
      "bash",
      "-c",
      "trap 'echo caught; exit 8' INT; echo ready; while :; do sleep 0.1; done",
    ]);
    await handled.waitFor(/ready/);
    handled.type("\x03");
    expect(await handled.exit).toBe(8);
    expect(handled.output).toContain("caught");
    const plain = bed.terminal([...discarding, "sh", "-c", "echo ready; exec sleep 600"]);
    await plain.waitFor(/ready/);
    plain.type("\x03");
    expect(await plain.exit).toBe(130);
  });

  it("has job control in a shell: Ctrl-Z, fg, Ctrl-C, Ctrl-D", async () => {
    const session = bed.terminal([...discarding, "bash", "--norc", "-i"], { env: { PS1: "" } });
    await session.waitFor(/[$#] $/, { timeoutMs: 8_000 });
    expect(session.output).not.toContain("no job control");
    session.type("sleep 500\r");
    await session.waitFor(/sleep 500\r\n/);
    await pause(300);
    session.type("\x1a");
    await session.waitFor(/Stopped/, { timeoutMs: 8_000 });
    session.type("fg\r");
    await session.waitFor(/sleep 500\r\n.*sleep 500\r\n/s, { timeoutMs: 8_000 });
    await pause(300);
    session.type("\x03");
    await pause(200);
    session.type("echo again $((40+2))\r");
    await session.waitFor(/again 42/);
    session.type("\x04");
    expect(await session.exit).toBe(0);
  });

  it("runs vim: it opens, edits, writes and quits, and the host's file stays", async () => {
    const before = treeChecksum(bed.project);
    const session = bed.terminal(["run", "--quiet", "--on-exit", "keep", "--", "vim", "-u", "NONE", "src/a.txt"]);
    await session.waitFor(/three/);
    session.type("ggItyped \x1b");
    await session.waitFor(/typed/);
    session.type(":wq\r");
    expect(await session.exit).toBe(0);
    expect(treeChecksum(bed.project)).toBe(before);
    const { stdout } = await bed.airlock(["exec", "--", "cat", "src/a.txt"]);
    expect(stdout.toString()).toBe("typed one\ntwo\nthree\n");
  });

  it("runs less: it pages and quits", async () => {
    const session = bed.terminal([...discarding, "sh", "-c", "seq 1 500 > n; exec less n"]);
    await session.waitFor(/\b23\b/);
    expect(session.output).not.toMatch(/\b46\b/);
    session.type(" ");
    await session.waitFor(/\b46\b/);
    session.type("q");
    expect(await session.exit).toBe(0);
  });

  it("leaves the terminal as it was, whether the command ends, is killed or never starts", async () => {
    const command = (end: string): string =>
      `node -- ${airlockScript} run -q --on-exit discard -- sh -c 'stty raw -echo; ${end}'`;
    const script = [
      "stty -a > $HOME/before",
      ...["exit 3", "kill -KILL $$"].map(command),
      `node -- ${airlockScript} run -q --image no/such:image -- true`,
      "stty -a > $HOME/after",
    ].join("\n");
    const terminal = pty.spawn("/bin/sh", ["-c", script], { cwd: bed.project, env: bed.env(), cols: 80, rows: 24 });
    expect(await new TerminalSession(terminal).exit).toBe(0);
    const [before, after] = ["before", "after"].map((name) => readFileSync(join(bed.userHome, name), "utf8"));
    expect(before).toContain("icanon");
    expect(after).toBe(before);
  });
});

describe("the review after a run", () => {
  const question = /\[keep\] /;
  const review = async (): Promise<TerminalSession> => {
    const session = bed.terminal([
      "run",
      "--",
      "sh",
      "-c",
      "echo new > added.txt; echo more >> README.md; rm src/b.txt",
    ]);
    await session.waitFor(question);
    return session;
  };
  const states = async (): Promise<string[]> =>
    (await bed.json<{ state: string }[]>(["ls", "--json"])).map(({ state }) => state);

  it("shows what changed, and Enter keeps the session", async () => {
    const session = await review();
    expect(session.output).toContain("1 added, 1 modified, 1 deleted");
    expect(session.output).toMatch(/src\/b\.txt/);
    session.type("\r");
    expect(await session.exit).toBe(0);
    expect(await states()).toEqual(["stopped"]);
  });

  it("discards, with the receipt, when told so", async () => {
    const session = await review();
    session.type("discard\r");
    expect(await session.exit).toBe(0);
    expect(await states()).toEqual([]);
    expect(await bed.leftovers()).toEqual([]);
  });

  it("shows the diff and asks again", async () => {
    const session = await review();
    const from = session.output.length;
    session.type("diff\r");
    const shown = await session.waitFor(/\+[^\n]*new/, { from, timeoutMs: 8_000 });
    expect(shown).toContain("added.txt");
    await session.waitFor(question, { from, timeoutMs: 8_000 });
    session.type("keep\r");
    expect(await session.exit).toBe(0);
    expect(await states()).toEqual(["stopped"]);
  });

  it("takes nothing for an answer that was typed before the question", async () => {
    const session = bed.terminal(["run", "--", "sh", "-c", "echo x > new; echo ready; sleep 1"]);
    await session.waitFor(/ready/);
    session.type("discard\r");
    await session.waitFor(question);
    await pause(700);
    expect(await states()).toEqual(["stopped"]);
    session.type("\r");
    expect(await session.exit).toBe(0);
    expect(await states()).toEqual(["stopped"]);
  });

  it("keeps the session on Ctrl-C, on Ctrl-D and when the terminal goes away", async () => {
    for (const leave of [
      (session: TerminalSession) => session.type("\x03"),
      (session: TerminalSession) => session.type("\x04"),
      (session: TerminalSession) => session.kill("SIGHUP"),
    ]) {
      const session = await review();
      leave(session);
      await session.exit;
      expect(await states()).toEqual(["stopped"]);
      await bed.airlock(["discard", "--all"]);
    }
  });

  it("hands the command's exit code on", async () => {
    const session = bed.terminal(["run", "--", "sh", "-c", "exit 42"]);
    await session.waitFor(question);
    session.type("\r");
    expect(await session.exit).toBe(42);
  });
});
