import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ended, Lab, until } from "../support/lab.js";

interface Waiting {
  readonly id: string;
  readonly session: string;
  readonly subject: { readonly tool: string; readonly tiers: readonly string[] };
}

describe("a tool that is not trusted", () => {
  let lab: Lab;
  let id: string;

  beforeAll(async () => {
    lab = new Lab();
    id = await lab.start();
  }, 120_000);
  afterAll(async () => await lab?.[Symbol.asyncDispose]());

  const call = (command: string) =>
    lab.spawn(["tool", "shell", JSON.stringify({ command }), "--session", id, "--json"]);
  const waiting = () => lab.json<Waiting[]>(["approve", "--list", "--json"]);

  async function question(): Promise<Waiting> {
    let found: Waiting | undefined;
    await until(async () => {
      [found] = await waiting();
      return found !== undefined;
    });
    return found as Waiting;
  }

  it("waits for a person, whose yes lets this call through and no other", async () => {
    const child = call("echo one");
    const end = ended(child);
    const { id: asked, session, subject } = await question();
    expect({ session, tool: subject.tool }).toEqual({ session: id, tool: "shell" });
    expect((await lab.airlock(["approve", "--yes", asked])).code).toBe(0);
    expect((await end).code).toBe(0);
    expect(await waiting()).toEqual([]);
  });

  it("is denied by a person's no, and the agent is told why", async () => {
    const end = ended(call("echo two"));
    const { id: asked } = await question();
    await lab.airlock(["approve", "--deny", asked, "--reason", "not today"]);
    const { code, stderr } = await end;
    expect(code).toBe(13);
    expect(stderr).toContain("not today");
  });

  it("is shown without a character that could draw anything else", async () => {
    const child = call("printf '\u001b[2J\r\n| tool: read'; \u202e");
    const end = ended(child);
    const { id: asked } = await question();
    const { stdout } = await lab.airlock(["approve", "--list"]);
    const text = stdout.toString();
    expect(text).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
    expect(text.match(/^\| tool: /gm)).toHaveLength(1);
    await lab.airlock(["approve", "--deny", asked]);
    await end;
  });

  it("is answered once: a second answer comes too late", async () => {
    const end = ended(call("echo three"));
    const { id: asked } = await question();
    const codes = await Promise.all([
      lab.airlock(["approve", "--yes", asked]),
      lab.airlock(["approve", "--deny", asked]),
    ]);
    expect(codes.map(({ code }) => code).sort()).toEqual([0, 10]);
    await end;
    expect((await lab.airlock(["approve", "--yes", asked])).code).toBe(10);
  });

  it("waits no more when its caller has gone", async () => {
    const child = call("echo four");
    const end = ended(child);
    await question();
    child.kill("SIGKILL");
    await end;
    expect(await waiting()).toEqual([]);
  });

  // Only what is typed after the question stands there is an answer.
  async function answered(command: string, answers: readonly (readonly [RegExp, string])[]): Promise<number> {
    const terminal = lab.terminal(["tool", "shell", JSON.stringify({ command }), "--session", id]);
    for (const [pattern, text] of answers) {
      await terminal.waitFor(pattern);
      await sleep(300);
      terminal.type(text);
    }
    return await terminal.exit;
  }

  it("is asked about at the caller's own terminal, where there is one: Enter is no", async () => {
    expect(await answered("echo five", [[/no or \?/, "yes\r"]])).toBe(0);
    expect(
      await answered("echo six", [
        [/no or \?/, "\r"],
        [/why not/, "\r"],
      ]),
    ).toBe(13);
  });

  it("is trusted from now on when the person says so", async () => {
    expect(
      await answered("echo seven", [
        [/no or \?/, "trust\r"],
        [/without asking/, "3\r"],
      ]),
    ).toBe(0);
    expect((await lab.airlock(["tool", "shell", '{"command":"echo eight"}', "--session", id])).code).toBe(0);
  });
});

describe("a host that no rule decides", () => {
  let lab: Lab;
  let id: string;

  beforeAll(async () => {
    lab = new Lab();
    id = await lab.start("--network", "ask");
  }, 120_000);
  afterAll(async () => await lab?.[Symbol.asyncDispose]());

  const visit = (host: string) => lab.spawn(["exec", id, "--", "curl", "-sS", "-m", "30", `http://${host}/`]);

  async function question(): Promise<{ readonly id: string; readonly subject: { readonly name: string } }> {
    for (;;) {
      const [found] = await lab.json<{ id: string; subject: { name: string } }[]>(["approve", "--list", "--json"]);
      if (found !== undefined) return found;
      await sleep(50);
    }
  }

  it("waits for a person; no is a rule for a while, and nobody is asked again", async () => {
    const end = ended(visit("unwanted.example"));
    const { id: asked, subject } = await question();
    expect(subject).toMatchObject({ kind: "network", name: "unwanted.example", port: 80 });
    expect(subject).toMatchObject({ program: "curl -sS -m 30 http://unwanted.example/" });
    await lab.airlock(["approve", "--deny", asked]);
    await end;
    const { rules } = await lab.json<{ rules: { action: string; pattern: string; until: number | null }[] }>([
      "network",
      "show",
      id,
      "--json",
    ]);
    expect(rules).toContainEqual(expect.objectContaining({ action: "deny", pattern: "unwanted.example:80" }));
    expect(rules.at(-1)?.until).toBeGreaterThan(Date.now());
    await ended(visit("unwanted.example"));
    expect(await lab.json(["approve", "--list", "--json"])).toEqual([]);
  });

  it("is let through by a yes, and always is written into the user's own configuration", async () => {
    const end = ended(visit("wanted.example"));
    await question();
    const terminal = lab.terminal(["approve", id]);
    await terminal.waitFor(/no or \?/);
    await sleep(300);
    terminal.type("always\r");
    expect(await terminal.exit).toBe(0);
    await end;
    expect(readFileSync(join(lab.userHome, ".config/airlock/config.yaml"), "utf8")).toContain("- wanted.example:80");
    const { stdout } = await lab.airlock(["network", "log", id, "--json"]);
    // The name leads nowhere; but it was not the policy that said no.
    expect(stdout.toString()).toMatch(/"name":"wanted.example"[^\n]*"decision":"failed"/);
  });
});

describe("a question to who sits at the terminal of a run", () => {
  const lab = new Lab();
  afterAll(async () => await lab[Symbol.asyncDispose]());
  const visit = "curl -sS -m 30 http://wanted.example/";

  it("is asked in its place; the command hears nothing of the answer, and goes on", async () => {
    const script = `(${visit} 2>&1; echo visited) & read line; echo "heard: $line"; wait`;
    const terminal = lab.terminal(["run", "--network", "ask", "--on-exit", "discard", "--", "sh", "-c", script]);
    await terminal.waitFor(/wants a connection[\s\S]*wanted\.example:80[\s\S]*curl -sS[\s\S]*no or \?/);
    await sleep(300);
    terminal.type("yes\r");
    await terminal.waitFor(/visited/);
    expect(terminal.output).not.toContain("heard");
    expect(terminal.output).not.toContain("denied");
    terminal.type("mine\r");
    await terminal.waitFor(/heard: mine/);
    expect(await terminal.exit).toBe(0);
  });

  it("is over when somebody answers it in another place: what is typed then is the command's again", async () => {
    const script = `(${visit} 2>&1; echo visited) & read line; echo "heard: $line"; wait`;
    const terminal = lab.terminal(["run", "--network", "ask", "--on-exit", "discard", "--", "sh", "-c", script]);
    await terminal.waitFor(/no or \?/);
    const [waiting] = await lab.json<{ id: string }[]>(["approve", "--list", "--json"]);
    expect(await lab.airlock(["approve", "--deny", waiting?.id ?? ""])).toMatchObject({ code: 0 });
    await terminal.waitFor(/answered in another place[\s\S]*visited/);
    terminal.type("mine\r");
    await terminal.waitFor(/heard: mine/);
    expect(await terminal.exit).toBe(0);
  });

  it("leaves a full-screen program as it was, also when it is not answered but ended by Ctrl-C", async () => {
    const script = `(sleep 1; ${visit} >/dev/null 2>&1) & exec vim -N README.md`;
    const terminal = lab.terminal(["run", "--network", "ask", "--on-exit", "discard", "--", "sh", "-c", script]);
    await terminal.waitFor(/# sample/);
    await terminal.waitFor(/no or \?/);
    await sleep(300);
    const from = terminal.output.length;
    terminal.type("\u0003");
    await terminal.waitFor(/# sample/, { from });
    terminal.type(":q!\r");
    expect(await terminal.exit).toBe(0);
  });
});
