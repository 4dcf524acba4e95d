import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listedTools } from "../../src/mcp/tool-list.js";
import { treeChecksum } from "../support/cli.js";
import { Lab } from "../support/lab.js";
import { connectClient } from "../support/mcp-client.js";

let lab: Lab;

beforeAll(() => {
  lab = new Lab();
});

afterAll(() => lab[Symbol.asyncDispose]());

const textOf = ({ content }: { content: readonly unknown[] }): string => (content[0] as { text: string }).text;

describe("airlock mcp", () => {
  test("starts a session where none runs, and every later client joins it", async () => {
    const before = treeChecksum(lab.project);
    const ids = await Promise.all(
      (["legacy", "modern", "legacy"] as const).map(async (era) => {
        await using client = await connectClient(lab, era);
        expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(listedTools);
        const { structuredContent } = await client.callTool({ name: "status", arguments: {} });
        expect(structuredContent).toMatchObject({ state: "running", project: lab.project, workspace: lab.project });
        return (structuredContent as { session: string }).session;
      }),
    );
    expect(new Set(ids).size).toBe(1);
    expect(await lab.json<unknown[]>(["ls", "--json"])).toHaveLength(1);
    expect(treeChecksum(lab.project)).toBe(before);
  });

  test("shows what the session changed, and goes back to a snapshot", async () => {
    await using client = await connectClient(lab, "modern");
    const { structuredContent: taken } = await client.callTool({ name: "snapshot", arguments: { message: "before" } });
    const { id } = taken as { id: string };
    await lab.airlock(["exec", "--", "sh", "-c", "echo changed >> src/a.txt; echo new > src/new.txt"]);
    const { structuredContent: diff, content } = await client.callTool({ name: "diff", arguments: {} });
    expect(diff).toMatchObject({ left: 0, changes: [{ path: "src/a.txt" }, { path: "src/new.txt", kind: "added" }] });
    const { uri } = content[1] as { uri: string };
    const { contents } = await client.readResource({ uri });
    expect((contents[0] as { text: string }).text).toContain("+changed");
    const wish = await client.callTool({ name: "request_apply", arguments: { reason: "done\u001b[2J" } });
    expect(wish.structuredContent).toMatchObject({ applied: false, changes: 2 });
    // It waits for a person, who sees it until something was decided.
    const asked = /mcp:test asks for a review of 2 changes: "done\\x1b\[2J"; airlock review /;
    expect((await lab.airlock(["approve", "--list"])).stderr).toMatch(asked);
    expect((await lab.airlock(["status"])).stdout.toString()).toMatch(asked);
    await lab.airlock(["apply", "--yes", "src/new.txt"]);
    expect((await lab.airlock(["status"])).stdout.toString()).not.toContain("asks for a review");
    expect((await lab.airlock(["undo", "--yes"])).code).toBe(0);
    const { structuredContent: back } = await client.callTool({ name: "restore", arguments: { snapshot: id } });
    expect(back).toMatchObject({ restored: id });
    const { structuredContent: after } = await client.callTool({ name: "diff", arguments: {} });
    expect(after).toMatchObject({ changes: [] });
    await lab.airlock(["exec", "--", "sh", "-c", "mkfifo src/pipe; echo x > src/x.txt"]);
    expect((await lab.airlock(["apply", "--yes", "--allow-risk"])).code).toBe(0);
    const { structuredContent: told } = await client.callTool({ name: "status", arguments: {} });
    expect(told).toMatchObject({ rejected: [{ path: "src/pipe", kind: "added", reason: expect.any(String) }] });
    const session = (told as { session: string }).session;
    const note = await client.readResource({ uri: `airlock://session/${session}/feedback` });
    expect((note.contents[0] as { text: string }).text).toMatch(/^A person reviewed[\s\S]*\n- src\/pipe \(added\): \S/);
    const journal = (await lab.airlock(["log"])).stdout.toString();
    expect(journal).toContain("apply.requested");
    expect(journal).toContain("done\\x1b[2J");
  });

  test("keeps its standard output for the protocol, and ends with its client", async () => {
    const { code, stdout } = await lab.airlock(["mcp"], { input: '{"jsonrpc":"2.0","id":1,"method":"ping"}\n' });
    expect(code).toBe(0);
    for (const line of stdout.toString().trim().split("\n").filter(Boolean))
      expect(JSON.parse(line)).toHaveProperty("jsonrpc");
  });

  test("serves only a session that is there", async () => {
    await using client = await connectClient(lab, "legacy", { args: ["--session", "no-such-0000"] });
    const result = await client.callTool({ name: "status", arguments: {} });
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain('no session "no-such-0000"');
  });

  test("says after a discard that the session is gone, and goes on", async () => {
    const bed = new Lab();
    try {
      await using client = await connectClient(bed, "modern");
      const { structuredContent } = await client.callTool({ name: "status", arguments: {} });
      await bed.airlock(["discard", (structuredContent as { session: string }).session]);
      for (const name of ["status", "diff", "snapshot"]) {
        const result = await client.callTool({ name, arguments: {} });
        expect(result.isError).toBe(true);
        expect(textOf(result)).toMatch(/was discarded/);
      }
      expect((await client.listTools()).tools).toHaveLength(listedTools.length);
    } finally {
      await bed[Symbol.asyncDispose]();
    }
  });

  test("a project that cannot be had is said so by each call", async () => {
    const bed = new Lab();
    try {
      rmSync(join(bed.project, ".git"), { recursive: true });
      await using client = await connectClient(bed, "legacy", { args: ["--project", "/"] });
      const result = await client.callTool({ name: "status", arguments: {} });
      expect(result.isError).toBe(true);
      expect(textOf(result)).toMatch(/\//);
    } finally {
      await bed[Symbol.asyncDispose]();
    }
  });

  test.each([
    [["mcp", "--http", "0.0.0.0:0"], /could be reached by other machines/],
    [["mcp", "--http", "nonsense"], /is not an address/],
    [["mcp", "--http", "evil.example:80"], /is not an address/],
    [["mcp", "--http", "127.0.0.1:70000"], /is not an address/],
    [["mcp", "install", "emacs"], /Allowed choices are kiro, claude, codex/],
  ])("%j is a mistake", async (args, text) => {
    const { code, stderr } = await lab.airlock(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(text);
  });

  test("a token of one's own has to be long", async () => {
    const { code, stderr } = await lab.airlock(["mcp", "--http", "127.0.0.1:0"], {
      env: { AIRLOCK_MCP_TOKEN: "short" },
    });
    expect(code).toBe(2);
    expect(stderr).toContain("AIRLOCK_MCP_TOKEN");
    expect(stderr).not.toContain("short");
  });

  test("nothing of the protocol is read by any other command", () => {
    const { outputs } = JSON.parse(readFileSync(new URL("../../dist/meta.json", import.meta.url), "utf8")) as {
      outputs: Record<string, { inputs: Record<string, unknown> }>;
    };
    const inputs = Object.keys(outputs["dist/airlock.cjs"]?.inputs ?? {});
    expect(inputs).toContain("src/mcp/server.ts");
    expect(
      inputs.filter((input) => /modelcontextprotocol|jsonc-parser|smol-toml|zod\/v4\/classic/.test(input)),
    ).toEqual([]);
    expect(Object.keys(outputs["dist/mcp-sdk.cjs"]?.inputs ?? {}).some((input) => /zod/.test(input))).toBe(false);
  });

  test("install and uninstall leave the home as it was", async () => {
    const before = readdirSync(lab.userHome, { recursive: true });
    for (const client of ["kiro", "claude", "codex", "gemini", "opencode", "copilot"]) {
      const { files } = await lab.json<{ files: { change: string }[] }>(["mcp", "install", client, "--json"]);
      expect(files.every(({ change }) => change === "written")).toBe(true);
    }
    for (const client of ["kiro", "claude", "codex", "gemini", "opencode", "copilot"])
      expect((await lab.airlock(["mcp", "uninstall", client])).code).toBe(0);
    expect(readdirSync(lab.userHome, { recursive: true })).toEqual(before);
  });
});
