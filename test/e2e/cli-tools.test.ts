import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Lab } from "../support/lab.js";

interface Shown {
  readonly tools: readonly { readonly tool: string; readonly state: string }[];
  readonly trustAll: { readonly until: number; readonly callsLeft: number | null; readonly snapshot: string } | null;
}

interface Entry {
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}

describe("what tools may do without asking", () => {
  let lab: Lab;
  let id: string;

  beforeAll(async () => {
    lab = new Lab();
    id = await lab.start();
  }, 120_000);
  afterAll(async () => await lab?.[Symbol.asyncDispose]());

  const tools = (...words: string[]) => lab.airlock(["tools", "--session", id, ...words]);
  const shown = () => lab.json<Shown>(["tools", "--session", id, "--json"]);
  const shell = (command: string, session = id) =>
    lab.airlock(["tool", "shell", JSON.stringify({ command }), "--no-ask", "--session", session]);
  const journal = async (session = id): Promise<Entry[]> => {
    const { stdout } = await lab.airlock(["log", session, "--json"]);
    return stdout
      .toString()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Entry);
  };

  it("is to look around the workspace, until somebody says more", async () => {
    expect((await shown()).tools.map(({ tool, state }) => `${tool} ${state}`)).toEqual([
      "read trusted in the workspace",
      "write asks",
      "shell asks",
      "aws asks",
      "glob trusted in the workspace",
      "grep trusted in the workspace",
    ]);
    expect(await shell("echo hi")).toMatchObject({ code: 13, stdout: Buffer.alloc(0) });
  });

  it("is what was said, by the parts of a command line, and is written down before it runs", async () => {
    expect((await tools("trust", "shell:echo *")).code).toBe(0);
    expect((await shell("echo hi | echo you")).stdout.toString()).toContain("you");
    for (const command of ["echo hi; touch gone", "echo $(touch gone)", "PATH=. echo hi", "echo hi > gone"])
      expect([command, (await shell(command)).code]).toEqual([command, 13]);
    const env = await lab.airlock([
      "tool",
      "shell",
      '{"command": "echo hi", "env": {"PATH": "."}}',
      "--no-ask",
      "--session",
      id,
    ]);
    expect(env.code).toBe(13);
    expect((await lab.exec(id, "ls")).stdout.toString()).not.toContain("gone");
    const calls = (await journal()).filter(({ kind }) => kind === "tool.call");
    expect(calls.map(({ data }) => data["decision"]).slice(-6)).toEqual([
      "allow",
      "deny",
      "deny",
      "deny",
      "deny",
      "deny",
    ]);
  });

  it("can be everything, on top of a snapshot, with a number of calls, and denials hold", async () => {
    await tools("deny", "shell:rm *");
    const refused = await tools("trust-all");
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain("nobody is there to agree");
    const granted = await tools("trust-all", "--yes", "--calls", "2", "--task", "tidy up");
    expect(granted.stderr).toMatch(/no network[\s\S]*EVERYTHING IS TRUSTED until .*, 2 calls left, for "tidy up"/);
    const { trustAll } = await shown();
    const { snapshots } = await lab.json<{ snapshots: { id: string; reason: string }[] }>(["snapshots", id, "--json"]);
    expect(snapshots.find(({ id: each }) => each === trustAll?.snapshot)?.reason).toBe("trust-all");
    expect((await shell("touch a")).code).toBe(0);
    expect((await shell("/bin/rm a")).code).toBe(13);
    expect((await shell("touch b")).code).toBe(0);
    expect((await shell("touch c")).code).toBe(13);
    expect((await shown()).trustAll).toBeNull();
    expect((await lab.exec(id, "ls")).stdout.toString().split("\n")).toEqual(expect.arrayContaining(["a", "b"]));
    const resets = (await journal()).filter(({ kind }) => kind === "trust.reset");
    expect(resets.at(-1)?.data["reason"]).toBe("its last call was made");
  });

  it("ends with its time, though nobody looks, and status says how it stands", async () => {
    await tools("trust-all", "--yes", "--for", "3s");
    expect((await lab.airlock(["status", id])).stdout.toString()).toMatch(
      /^trust +EVERYTHING IS TRUSTED until .*; snapshot s\d/m,
    );
    await shell("touch in-time; mv a elsewhere");
    const ends = () =>
      readFileSync(join(lab.home, "sessions", id, "journal.jsonl"), "utf8")
        .split("\n")
        .filter((line) => line.includes('"kind":"trust.account"') && line.includes("its time is over"));
    await vi.waitFor(() => expect(ends()).toHaveLength(1), { timeout: 10_000 });
    expect(ends()[0]).toContain('"files":{"added":2,"modified":0,"deleted":1}');
    expect((await shell("touch late")).code).toBe(13);
    expect((await lab.airlock(["status", id])).stdout.toString()).toMatch(/^trust +to read the workspace/m);
  });

  it("is taken back by a reset, which says what happened and where to go back to", async () => {
    await tools("trust-all", "--yes");
    await shell("touch d");
    const { stderr } = await tools("reset");
    expect(stderr).toMatch(
      new RegExp(
        `1 call, 0 denied, 0 connections; 1 path added, 0 modified, 0 deleted; to go back: airlock restore ${id}/s\\d+`,
      ),
    );
    expect((await shell("echo hi")).code).toBe(13);
    expect((await shown()).trustAll).toBeNull();
  });

  it("is nothing where its file cannot be read, and a reset writes it anew, with what was denied at the start", async () => {
    const denying = await lab.start("--trust-tools", "shell:echo *");
    const other = join(lab.home, "sessions", denying, "trust.json");
    const begun = readFileSync(other, "utf8");
    writeFileSync(other, "{");
    expect((await shell("echo hi", denying)).code).not.toBe(0);
    await lab.airlock(["tools", "reset", "--session", denying]);
    expect(readFileSync(other, "utf8")).toBe(begun);
    const path = join(lab.home, "sessions", id, "trust.json");
    const forged = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    writeFileSync(path, JSON.stringify({ ...forged, extra: 1 }));
    expect((await lab.airlock(["tool", "read", '{"path": "README.md"}', "--session", id])).code).not.toBe(0);
    expect((await tools("reset")).code).toBe(0);
    expect((await lab.airlock(["tool", "read", '{"path": "README.md"}', "--session", id])).code).toBe(0);
  });

  it.each([
    [["trust"], 2],
    [["trust", "Shell"], 2],
    [["trust", "shel1"], 2],
    [["trust", "shell:"], 2],
    [["trust", "write:[a"], 2],
    [["frobnicate", "x"], 2],
    [["trust-all", "--yes", "--for", "soon"], 2],
    [["trust-all", "--yes", "--calls", "0"], 2],
  ])("refuses %j", async (words, code) => expect((await tools(...words)).code).toBe(code));

  it("is said line by line in the console, with a slash, as Kiro's users know it", async () => {
    const input = "/tools trust read\n/acceptall --yes --for 5m\n/tools\n/tools reset\n/quit\n/tools trust shell\n";
    const { code, stdout, stderr } = await lab.airlock(["console", id], { input });
    expect(code).toBe(0);
    expect(stderr).toContain("Kiro's old name");
    expect(stdout.toString()).toContain("EVERYTHING IS TRUSTED");
    expect((await shell("true")).code).toBe(13);
    expect((await lab.airlock(["console", id], { input: "/frobnicate\n" })).code).toBe(1);
  });

  it("is asked about at the console's own terminal, which takes further lines afterwards and says when it ends", async () => {
    const terminal = lab.terminal(["console", id]);
    await terminal.waitFor(/what can be said/);
    terminal.type("/tools trust-all --for 3s\r");
    await terminal.waitFor(/Trust everything\?/);
    await sleep(400);
    terminal.type("y\r");
    await terminal.waitFor(/EVERYTHING IS TRUSTED until/);
    await terminal.waitFor(/EVERYTHING is trusted no more .*: its time is over[\s\S]*to go back: airlock restore/);
    terminal.type("/tools\r/help\r");
    await terminal.waitFor(/read +trusted in the workspace[\s\S]*leave/);
    expect(terminal.output).not.toContain("is not known here");
    terminal.type("/quit\r");
    expect(await terminal.exit).toBe(0);
  });

  it("is said at the start, too: by flags, and by the configuration where a project's file only tightens", async () => {
    lab.write("airlock.yaml", "tools:\n  ask: [read]\n  deny: ['shell:rm *']\n");
    const other = await lab.start("--trust-tools", "shell:echo *,shell:rm *");
    expect((await shell("echo hi", other)).code).toBe(0);
    expect((await shell("rm -f x", other)).code).toBe(13);
    expect((await lab.airlock(["tool", "read", '{"path": "README.md"}', "--no-ask", "--session", other])).code).toBe(
      13,
    );
    lab.write("airlock.yaml", "tools:\n  trust: [shell]\n");
    const refused = await lab.airlock(["start"]);
    expect(refused.code).toBe(13);
    expect(refused.stderr).toContain("the tool shell without asking you");
  });

  it("ends with the command of a run, for which everything was trusted", async () => {
    lab.write("airlock.yaml", "");
    lab.write(".git/HEAD", "ref: refs/heads/release/2\n");
    const ran = await lab.airlock(["run", "--trust-all-tools", "--on-exit", "keep", "--", "true"]);
    const [, session = ""] = /kept session ([a-z0-9-]+)/.exec(ran.stderr) ?? [];
    const kinds = (await journal(session)).map(({ kind }) => kind);
    expect(ran.stderr).toMatch(
      /Every tool will run without asking[\s\S]*release\/2 is checked out[\s\S]*no network[\s\S]*AWS/,
    );
    expect(kinds.indexOf("trust.all")).toBeGreaterThan(-1);
    expect(kinds.indexOf("trust.reset")).toBeGreaterThan(kinds.indexOf("trust.all"));
    expect(existsSync(join(lab.project, "a"))).toBe(false);
  });
});
