import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import pty from "@lydell/node-pty";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { airlockScript, TerminalSession } from "../support/cli.js";
import { Lab } from "../support/lab.js";
import { Screen } from "../support/screen.js";

const numbered = (...replaced: number[]): string =>
  Array.from({ length: 30 }, (_, at) => (replaced.includes(at) ? `new ${at}\n` : `${at}\n`)).join("");
const script = `
sed -i -e 's/^3$/new 3/' -e 's/^20$/new 20/' numbers.ts
rm src/b.txt
printf 'all:\\n\\ttrue\\n' > Makefile
printf '\\033]0;title\\007\\342\\200\\256evil\\n' > "$(printf 'src/x\\033[2J')"
`;

describe("the full-screen review", () => {
  const lab = new Lab();
  const has = (path: string): boolean => existsSync(join(lab.project, path));
  beforeAll(async () => {
    lab.write("numbers.ts", numbered());
    const { code, stderr } = await lab.airlock(["run", "--on-exit", "keep", "--", "sh", "-ec", script]);
    if (code !== 0) throw new Error(stderr);
  });
  afterAll(() => lab[Symbol.asyncDispose]());

  const open = (cols: number, rows: number, env: Record<string, string> = {}): Screen =>
    new Screen(lab.terminal(["review"], { env }, { cols, rows }), cols, rows);

  it("shows, chooses a hunk, notes, applies it through the plan, and takes it back", async () => {
    const screen = open(80, 24);
    const first = await screen.waitFor(/\? help/);
    expect(screen.isOther).toBe(true);
    expect(first).toMatch(/Deletions and high risk \(3\)[\s\S]*!A Makefile[\s\S]*D src\/b\.txt[\s\S]*Everything else/);
    expect(first).toContain("$'src/x\\x1b[2J'");
    screen.type("cno build files\r");
    await screen.waitFor(/noted/);
    screen.type("/numbers\r\r");
    await screen.waitFor(/\+new 20/);
    screen.type("] ");
    await screen.waitFor(/\*[^\n]*\+new 20/);
    screen.type("a");
    await screen.waitFor(/write 1 path to the project\?/);
    await new Promise((resolve) => setTimeout(resolve, 400));
    screen.type("y\r");
    await screen.waitFor(/applied 1 path[\s\S]*Enter: back/);
    expect(readFileSync(join(lab.project, "numbers.ts"), "utf8")).toBe(numbered(20));
    await new Promise((resolve) => setTimeout(resolve, 400));
    screen.type("\r");
    await screen.waitFor(/applied 1 path; u takes it back/);
    screen.type("u");
    await screen.waitFor(/take back/);
    await new Promise((resolve) => setTimeout(resolve, 400));
    screen.type("y\r");
    await screen.waitFor(/took back/);
    expect(readFileSync(join(lab.project, "numbers.ts"), "utf8")).toBe(numbered());
    screen.type("q");
    expect(await screen.session.exit).toBe(0);
    expect((await screen.rows()).join("\n")).toContain("kept session");
    expect(screen.isOther).toBe(false);
    expect(has("Makefile")).toBe(false);
    expect((await lab.airlock(["feedback"])).stdout.toString()).toContain("- Makefile (added): no build files");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what the sandbox wrote must not reach the terminal
    expect(screen.session.output).not.toMatch(/\u001b\]|\u202e|\u0007/);
  });

  it("follows the size, shows both panes where there is room, and has no colours where none are wanted", async () => {
    const screen = open(200, 60, { NO_COLOR: "1" });
    await screen.waitFor(/\? help/);
    screen.type("/numbers\r");
    await screen.waitFor(/Everything else[^\n]*│[\s\S]*\+new 20/);
    screen.type("v");
    await screen.waitFor(/-20 +│ +21 \+new 20/);
    screen.resize(80, 24);
    await screen.waitFor(/^[^│]*\? help/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are such sequences
    expect(screen.session.output).not.toMatch(/\u001b\[(?:\d+;)*(?:3\d|9\d)m/);
    screen.type("\u0003");
    expect(await screen.session.exit).toBe(0);
  });

  it("is there at the end of a run, discards after a question, and hands the exit code on", async () => {
    const end = "echo new > new.txt; exit 42";
    const screen = new Screen(lab.terminal(["run", "--name", "ended", "--", "sh", "-c", end]));
    await screen.waitFor(/screen, discard or keep\?/);
    await new Promise((resolve) => setTimeout(resolve, 400));
    screen.type("screen\r");
    await screen.waitFor(/A +new\.txt[\s\S]*\? help/);
    screen.type("D");
    await screen.waitFor(/discard session ended, with all it made\?/);
    await new Promise((resolve) => setTimeout(resolve, 400));
    screen.type("n\r");
    await screen.waitFor(/A +new\.txt[\s\S]*\? help/);
    screen.type("D");
    await screen.waitFor(/discard session ended, with all it made\?/);
    await new Promise((resolve) => setTimeout(resolve, 400));
    screen.type("y\r");
    expect(await screen.session.exit).toBe(42);
    expect((await screen.rows()).join("\n")).toMatch(/clean|journal/);
    const sessions = await lab.json<{ id: string }[]>(["ls", "--json"]);
    expect(sessions.map(({ id }) => id)).not.toContain("ended");
  });

  it("leaves the terminal as it was after Ctrl-C, a stop with Ctrl-Z, and an end by a signal", async () => {
    const review = `node -- ${airlockScript} review`;
    const keys = "stty -a > $HOME/before; set -m";
    const steps = `${keys}; ${review}; stty -a > $HOME/one; fg; ${review}; stty -a > $HOME/two`;
    const terminal = pty.spawn("/bin/bash", ["--norc", "-c", steps], {
      cwd: lab.project,
      env: lab.env(),
      cols: 80,
      rows: 24,
    });
    const screen = new Screen(new TerminalSession(terminal));
    await screen.waitFor(/\? help/);
    screen.type("\u001a");
    const stopped = () => existsSync(join(lab.userHome, "one"));
    await expect.poll(stopped, { timeout: 30_000 }).toBe(true);
    await screen.waitFor(/\? help/);
    expect(screen.isOther).toBe(true);
    const from = screen.session.output.length;
    screen.type("\u0003");
    await screen.session.waitFor(/kept session[\s\S]*\? help/, { from });
    screen.type("q");
    await screen.session.exit;
    const states = ["before", "one", "two"].map((name) => readFileSync(join(lab.userHome, name), "utf8"));
    expect(states[0]).toContain("icanon");
    expect(states[1]).toBe(states[0]);
    expect(states[2]).toBe(states[0]);
    const killed = open(80, 24);
    await killed.waitFor(/\? help/);
    killed.session.kill("SIGTERM");
    expect(await killed.session.exit).toBe(143);
    await killed.rows();
    expect(killed.isOther).toBe(false);
  });

  it("asks line by line where that is wanted, or where a screen cannot be drawn", async () => {
    const ways = [
      [airlockScript, "review", "--plain"],
      ["/usr/bin/env", "ACCESSIBLE=1", airlockScript, "review"],
      ["/usr/bin/env", "TERM=dumb", airlockScript, "review"],
    ];
    for (const [program = "", ...args] of ways) {
      const place = { cwd: lab.project, env: lab.env(), cols: 80, rows: 24 };
      const session = new TerminalSession(pty.spawn(program, args, place));
      await session.waitFor(/diff, (?:screen, )?discard or keep\? /);
      expect(session.output).not.toContain("\u001b[?1049h");
      session.type("\u0004");
      expect(await session.exit).toBe(0);
    }
  });
});
