import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { treeChecksum } from "../support/cli.js";
import { docker, Lab } from "../support/lab.js";
import { connectClient } from "../support/mcp-client.js";

let lab: Lab;
let session: string;

beforeAll(async () => {
  lab = new Lab();
  session = (await lab.airlock(["start"])).stdout.toString().trim();
});

afterAll(() => lab[Symbol.asyncDispose]());

const textOf = ({ content }: { content: readonly unknown[] }): string => (content[0] as { text: string }).text;

interface Recorded {
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}

async function recordedCalls(): Promise<Recorded["data"][]> {
  const { stdout } = await lab.airlock(["log", session, "--json"]);
  const entries = stdout
    .toString()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Recorded);
  return entries.filter(({ kind }) => kind === "tool.call").map(({ data }) => data);
}

/** A client whose person answers every question with the same words. */
async function answering(
  era: "legacy" | "modern",
  answer: string,
  reason?: string,
): Promise<Client & AsyncDisposable & { asked: string[] }> {
  const asked: string[] = [];
  const client = await connectClient(lab, era, {
    options: { capabilities: { elicitation: { form: {} } } },
    prepare: (each) =>
      each.setRequestHandler("elicitation/create", ({ params }) => {
        asked.push(params.message);
        return { action: "accept", content: reason === undefined ? { answer } : { answer, reason } };
      }),
  });
  return Object.assign(client, { asked });
}

/** Answers what waits next, as a person in another terminal would. */
async function answerNext(word: "--yes" | "--deny", ...more: readonly string[]): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const [next] = await lab.json<{ id: string }[]>(["approve", "--list", "--json"]);
    if (next !== undefined) {
      expect((await lab.airlock(["approve", word, next.id, ...more])).code).toBe(0);
      return;
    }
    await sleep(50);
  }
  throw new Error("nothing was asked");
}

const shell = (client: Client, command: string): ReturnType<Client["callTool"]> =>
  client.callTool({ name: "shell", arguments: { command } });

describe.each(["legacy", "modern"] as const)("a session's tools over MCP (%s)", (era) => {
  test("what is not trusted is asked of the client's person, and runs in the sandbox when allowed", async () => {
    const before = treeChecksum(lab.project);
    await using client = await answering(era, "yes, once");
    const result = await shell(client, "echo \u001b[31mred > made.txt; rm -r src; pwd");
    expect(result.structuredContent).toMatchObject({ exit_status: "0", stdout: `${lab.project}\n` });
    expect(client.asked).toHaveLength(1);
    expect(client.asked[0]).toContain("echo \\x1b[31mred > made.txt");
    const read = await client.callTool({
      name: "read",
      arguments: { operations: [{ mode: "Line", path: "made.txt" }] },
    });
    expect(textOf(read)).toContain("red");
    expect(client.asked).toHaveLength(1);
    expect(treeChecksum(lab.project)).toBe(before);
    expect(existsSync(join(lab.project, "made.txt"))).toBe(false);
    await shell(client, "mkdir -p src && rm made.txt");
    expect((await recordedCalls()).at(-1)).toMatchObject({ caller: "mcp:test", tool: "shell", decision: "allow" });
  });

  test("a no reaches the agent with its reason, and nothing runs", async () => {
    await using client = await answering(era, "no", "not on a Friday");
    const result = await shell(client, "touch never.txt");
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain("not on a Friday");
    const listed = await client.callTool({ name: "glob", arguments: { pattern: "never.txt" } });
    expect(listed.structuredContent).toMatchObject({ files: [] });
    expect((await recordedCalls()).at(-2)).toMatchObject({ tool: "shell", decision: "deny" });
  });

  test("the question of a client that cannot ask is left to airlock approve", async () => {
    await using client = await connectClient(lab, era);
    const [allowed] = await Promise.all([shell(client, "echo yes"), answerNext("--yes")]);
    expect(allowed.structuredContent).toMatchObject({ stdout: "yes\n" });
    const [denied] = await Promise.all([shell(client, "echo no"), answerNext("--deny", "--reason", "not on a Friday")]);
    expect(denied.isError).toBe(true);
    expect(textOf(denied)).toContain("not on a Friday");
  });

  test("a question that its client's person leaves lying is answered by airlock approve, and the other way round", async () => {
    let answer: (given: { action: "accept"; content: { answer: string } } | { action: "cancel" }) => void = () =>
      undefined;
    let asked = 0;
    await using client = await connectClient(lab, era, {
      options: { capabilities: { elicitation: { form: {} } } },
      prepare: (each) =>
        each.setRequestHandler("elicitation/create", () => {
          asked += 1;
          return new Promise((resolve) => {
            answer = resolve;
          });
        }),
    });
    const first = shell(client, "echo first");
    await answerNext("--yes");
    // A client of 2026 asks for the rest of its call when the form is closed.
    answer({ action: "cancel" });
    expect((await first).structuredContent).toMatchObject({ stdout: "first\n" });
    const second = shell(client, "echo second");
    for (let tries = 0; tries < 200 && asked < 2; tries += 1) await sleep(50);
    const [waiting] = await lab.json<{ id: string }[]>(["approve", "--list", "--json"]);
    answer({ action: "accept", content: { answer: "yes, once" } });
    expect((await second).structuredContent).toMatchObject({ stdout: "second\n" });
    expect((await lab.airlock(["approve", "--deny", waiting?.id ?? "none"])).code).toBe(10);
    expect((await recordedCalls()).slice(-2).map(({ by }) => by)).toEqual(["approve", "mcp"]);
  });

  test("a mistake in the arguments is the call's answer", async () => {
    await using client = await answering(era, "yes, once");
    for (const given of [{}, { command: 1 }, { command: "true", __extra: 1 }, { command: "a\u0000b" }]) {
      const result = await client.callTool({ name: "shell", arguments: given });
      expect(result.isError).toBe(true);
      expect(textOf(result)).toMatch(/^shell: /);
    }
    expect(client.asked).toEqual([]);
  });

  test("a client that goes takes its command with it", async () => {
    const client = await answering(era, "yes, once");
    const name = `airlock-left-${era}`;
    const call = shell(client, `exec -a ${name} sleep 300`);
    call.catch(() => undefined);
    const { container } = await lab.json<{ container: string }>(["status", session, "--json"]);
    const running = async (): Promise<boolean> => (await docker("top", container, "-eo", "pid,args")).includes(name);
    for (let tries = 0; !(await running()) && tries < 200; tries += 1) await sleep(50);
    expect(await running()).toBe(true);
    await client.close();
    for (let tries = 0; (await running()) && tries < 200; tries += 1) await sleep(50);
    expect(await running()).toBe(false);
  });

  test("a sandbox that dies under a call is said so, and the next call has another", async () => {
    await using client = await answering(era, "yes, once");
    const call = shell(client, "touch /tmp/begun; sleep 300");
    const { container } = await lab.json<{ container: string }>(["status", session, "--json"]);
    for (let tries = 0; tries < 200; tries += 1) {
      const begun = await docker("exec", container, "ls", "/tmp/begun").catch(() => "");
      if (begun !== "") break;
      await sleep(50);
    }
    await docker("kill", container);
    const result = await call;
    expect(result.isError).toBe(true);
    const next = await shell(client, "echo alive");
    expect(next.structuredContent).toMatchObject({ stdout: "alive\n" });
  });
});

describe("flags about trust", () => {
  test("say for a session that runs what airlock tools would, as often as a client begins", async () => {
    for (let turn = 0; turn < 2; turn += 1) {
      await using client = await connectClient(lab, "modern", { args: ["--trust-tools=shell:touch *,read"] });
      const allowed = await shell(client, "touch trusted.txt");
      expect(allowed.structuredContent).toMatchObject({ exit_status: "0" });
      const [other] = await Promise.all([shell(client, "rm trusted.txt"), answerNext("--deny")]);
      expect(other.isError).toBe(true);
    }
    const { rules } = await lab.json<{ rules: { pattern: string | null }[] }>(["tools", "--json"]);
    expect(rules.filter(({ pattern }) => pattern === "touch *")).toHaveLength(1);
    await lab.airlock(["tools", "reset"]);
  });

  test("--trust-all-tools takes a snapshot first", async () => {
    await using client = await connectClient(lab, "legacy", { args: ["--trust-all-tools"] });
    expect((await shell(client, "rm -rf src; true")).structuredContent).toMatchObject({ exit_status: "0" });
    const { structuredContent } = await client.callTool({ name: "status", arguments: {} });
    expect(structuredContent).toMatchObject({
      snapshots: expect.arrayContaining([expect.objectContaining({ message: "before trust-all" })]),
    });
    await lab.airlock(["tools", "reset"]);
  });

  test("--untrust-fs-read asks before anything is read", async () => {
    await using client = await connectClient(lab, "legacy", { args: ["--untrust-fs-read"] });
    const reading = client.callTool({ name: "read", arguments: { operations: [{ path: "README.md" }] } });
    const [result] = await Promise.all([reading, answerNext("--deny")]);
    expect(result.isError).toBe(true);
    await lab.airlock(["tools", "reset"]);
  });
});
