import { setTimeout as sleep } from "node:timers/promises";
import type { Client, ClientOptions, ElicitResult } from "@modelcontextprotocol/client";
import { describe, expect, test } from "vitest";
import { AirlockError } from "../../../src/base/errors.js";
import { listedTools } from "../../../src/mcp/tool-list.js";
import { PaperDesk, PaperLine } from "../../support/paper-desk.js";

const eras = ["legacy", "modern"] as const;

async function connected(line: PaperLine, era: "legacy" | "modern", options: ClientOptions = {}): Promise<Client> {
  const client = await line.client(era, options);
  await client.connect(line.transport());
  return client;
}

const withForms: ClientOptions = { capabilities: { elicitation: { form: {} } } };

async function asked(
  line: PaperLine,
  era: "legacy" | "modern",
  reply: ElicitResult | Promise<ElicitResult>,
): Promise<{ readonly client: Client; readonly seen: string[] }> {
  const client = await line.client(era, withForms);
  const seen: string[] = [];
  client.setRequestHandler("elicitation/create", async ({ params }) => {
    seen.push(params.message);
    return reply;
  });
  await client.connect(line.transport());
  return { client, seen };
}

const textOf = ({ content }: { content: readonly unknown[] }): string => (content[0] as { text: string }).text;

describe.each(eras)("the server, spoken to by the protocol's own client (%s)", (era) => {
  test("lists every tool in a fixed order, with annotations and both schemas", async () => {
    await using line = new PaperLine();
    const client = await connected(line, era);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(listedTools);
    expect(tools.filter(({ annotations }) => annotations?.readOnlyHint === true).map(({ name }) => name)).toEqual([
      "read",
      "glob",
      "grep",
      "diff",
      "status",
    ]);
    for (const tool of tools) {
      expect(tool.inputSchema.type).toBe("object");
      expect(tool.outputSchema?.["type"]).toBe("object");
    }
    await client.close();
  });

  test("hands back structured content and the same as text", async () => {
    await using line = new PaperLine();
    const client = await connected(line, era);
    const result = await client.callTool({ name: "shell", arguments: { command: "hello" } });
    expect(result.structuredContent).toEqual({ exitCode: 0, stdout: "hello\n", stderr: "" });
    expect(JSON.parse(textOf(result))).toEqual(result.structuredContent);
    expect((line.desk as PaperDesk).calls[0]?.caller).toBe("mcp:test-client");
    await client.close();
  });

  test("hands on a picture as one", async () => {
    await using line = new PaperLine();
    const client = await connected(line, era);
    const { content, structuredContent } = await client.callTool({ name: "shell", arguments: { command: "picture" } });
    expect(content[1]).toEqual({ type: "image", data: "AAAA", mimeType: "image/png" });
    expect(structuredContent).toEqual({
      results: [
        { path: "/a.png", mode: "image", media_type: "image/png", size: 3 },
        { path: "/b", mode: "line", text: "b" },
      ],
    });
    expect(JSON.parse(textOf({ content }))).toEqual(structuredContent);
    await client.close();
  });

  test("answers a denial with an error that names the rule", async () => {
    await using line = new PaperLine();
    const client = await connected(line, era);
    const result = await client.callTool({ name: "shell", arguments: { command: "deny" } });
    expect(result.isError).toBe(true);
    expect(textOf(result)).toBe("denied by policy: deny shell (airlock.yaml)");
    await client.close();
  });

  test("answers what went wrong with the message and the hint, and goes on", async () => {
    await using line = new PaperLine();
    const client = await connected(line, era);
    const result = await client.callTool({ name: "shell", arguments: { command: "throw" } });
    expect(textOf(result)).toBe("the sandbox died\nhint: airlock status");
    const next = await client.callTool({ name: "shell", arguments: { command: "true" } });
    expect(next.isError).toBeUndefined();
    await client.close();
  });

  test("tells how a call goes on to a client that asked", async () => {
    await using line = new PaperLine();
    const client = await connected(line, era);
    const told: unknown[] = [];
    await client.callTool(
      { name: "shell", arguments: { command: "print" } },
      { onprogress: (step) => told.push(step) },
    );
    expect(told).toEqual([{ progress: 1, message: "second" }]);
    await client.close();
  });

  test("cancels the call that the client cancels, and only that one", async () => {
    await using line = new PaperLine();
    const desk = line.desk as PaperDesk;
    const client = await connected(line, era);
    const stop = new AbortController();
    const waiting = client.callTool({ name: "shell", arguments: { command: "wait" } }, { signal: stop.signal });
    const other = client.callTool({ name: "shell", arguments: { command: "print" } });
    while (desk.calls.length < 2) await sleep(5);
    stop.abort();
    await expect(waiting).rejects.toThrow();
    expect((await other).isError).toBeUndefined();
    expect(desk.ended).toContainEqual({ command: "wait", aborted: true });
    expect(desk.ended).toContainEqual({ command: "print", aborted: false });
    await client.close();
  });

  test("cancels what a client leaves running when it goes", async () => {
    await using line = new PaperLine();
    const desk = line.desk as PaperDesk;
    const client = await connected(line, era);
    const waiting = client.callTool({ name: "shell", arguments: { command: "wait" } });
    waiting.catch(() => undefined);
    while (desk.calls.length === 0) await sleep(5);
    await client.close();
    await line.served;
    while (desk.ended.length === 0) await sleep(5);
    expect(desk.ended).toEqual([{ command: "wait", aborted: true }]);
  });

  test("lists and reads the session's resources, and no other session's", async () => {
    await using line = new PaperLine();
    const client = await connected(line, era);
    const { resources } = await client.listResources();
    expect(resources.map(({ uri }) => uri)).toEqual([
      "airlock://session/brisk-otter-3f2a/diff",
      "airlock://session/brisk-otter-3f2a/status",
      "airlock://session/brisk-otter-3f2a/feedback",
      "airlock://session/brisk-otter-3f2a/journal",
    ]);
    const { contents } = await client.readResource({ uri: resources[0]?.uri ?? "" });
    expect(contents).toMatchObject([{ mimeType: "text/x-diff", text: "--- a/a.txt\n+++ b/a.txt\n" }]);
    for (const uri of [
      "airlock://session/other-0000/diff",
      "airlock://session/brisk-otter-3f2a/secret",
      "file:///etc/passwd",
    ])
      await expect(client.readResource({ uri })).rejects.toThrow(/not found/i);
    await client.close();
  });

  test("points from a diff to the patch, and applies nothing itself", async () => {
    await using line = new PaperLine();
    const client = await connected(line, era);
    const diff = await client.callTool({ name: "diff", arguments: {} });
    expect(diff.content[1]).toMatchObject({ type: "resource_link", uri: "airlock://session/brisk-otter-3f2a/diff" });
    const wish = await client.callTool({ name: "request_apply", arguments: { reason: "done" } });
    expect(wish.structuredContent).toMatchObject({ applied: false, command: "airlock review brisk-otter-3f2a" });
    expect((line.desk as PaperDesk).applyWishes).toEqual(["done"]);
    await client.close();
  });

  test.each([
    ["yes, once", { kind: "ok", stdout: "once null" }],
    ["yes, and from now on: git *", { kind: "ok", stdout: "session 0" }],
    ["no", { kind: "denied" }],
    ["YES, ONCE", { kind: "denied" }],
    [undefined, { kind: "denied" }],
  ] as const)("asks the client's person: %s", async (answer, expected) => {
    await using line = new PaperLine();
    const { client, seen } = await asked(line, era, {
      action: "accept",
      content: answer === undefined ? {} : { answer },
    });
    const result = await client.callTool({ name: "shell", arguments: { command: "ask git pull" } });
    expect(seen).toHaveLength(1);
    expect(seen[0]).toContain("  command: ask git pull");
    if (expected.kind === "ok") expect(result.structuredContent).toMatchObject({ stdout: expected.stdout });
    else expect(textOf(result)).toMatch(/^the user denied this/);
    expect((line.desk as PaperDesk).calls).toHaveLength(1);
    await client.close();
  });

  test("a form that is declined denies with the reason, one that is closed leaves the question to other places", async () => {
    await using line = new PaperLine();
    const { client } = await asked(line, era, { action: "decline", content: { reason: "use npm ci" } });
    const declined = await client.callTool({ name: "shell", arguments: { command: "ask x" } });
    expect(textOf(declined)).toBe("the user denied this: use npm ci");
    await client.close();
    await using second = new PaperLine();
    const other = await asked(second, era, { action: "cancel" });
    const closed = await other.client.callTool({ name: "shell", arguments: { command: "ask x" } });
    expect(textOf(closed)).toBe("not run: airlock approve answers it");
    await other.client.close();
  });

  test("asks no client that has not said that it can be asked, and none at all when told so", async () => {
    await using line = new PaperLine();
    const client = await connected(line, era);
    expect(textOf(await client.callTool({ name: "shell", arguments: { command: "ask x" } }))).toMatch(/^not run/);
    expect((line.desk as PaperDesk).calls[0]?.askClient).toBeNull();
    await client.close();
    await using silent = new PaperLine(new PaperDesk(), false);
    const able = await asked(silent, era, { action: "accept", content: { answer: "yes, once" } });
    expect(textOf(await able.client.callTool({ name: "shell", arguments: { command: "ask x" } }))).toMatch(/^not run/);
    expect(able.seen).toEqual([]);
    await able.client.close();
  });

  test("a session that is gone is said so by every tool, and the server goes on", async () => {
    await using line = new PaperLine();
    const client = await connected(line, era);
    (line.desk as PaperDesk).gone = new AirlockError("E_SESSION_NOT_FOUND", 'session "x" was discarded', {
      hint: "airlock start",
    });
    for (const name of ["shell", "status", "diff", "snapshot"]) {
      const result = await client.callTool({ name, arguments: name === "shell" ? { command: "true" } : {} });
      expect(result.isError).toBe(true);
      expect(textOf(result)).toBe('session "x" was discarded\nhint: airlock start');
    }
    expect((await client.listTools()).tools).toHaveLength(listedTools.length);
    await client.close();
  });

  test.each(["Shell", "sheⅼl", "__proto__", "constructor", "shell ", ""])(
    "knows no tool by the name %j",
    async (name) => {
      await using line = new PaperLine();
      const client = await connected(line, era);
      await expect(client.callTool({ name, arguments: {} })).rejects.toThrow();
      expect((line.desk as PaperDesk).calls).toEqual([]);
      await client.close();
    },
  );

  test("fifty calls at once are all answered, each with its own", async () => {
    await using line = new PaperLine();
    const client = await connected(line, era);
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, index) => client.callTool({ name: "shell", arguments: { command: `c${index}` } })),
    );
    expect(results.map(({ structuredContent }) => (structuredContent as { stdout: string }).stdout)).toEqual(
      Array.from({ length: 50 }, (_, index) => `c${index}\n`),
    );
    await client.close();
  });
});
