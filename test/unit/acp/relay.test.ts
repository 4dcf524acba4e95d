import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AcpDesk, Permission, Wanted } from "../../../src/acp/desk.js";
import type { AskEditor } from "../../../src/acp/editor-questions.js";
import { PathMap } from "../../../src/acp/path-map.js";
import { AcpRelay } from "../../../src/acp/relay.js";
import type { JournalEvent } from "../../../src/model/journal.js";

/** What is looked into of a message. */
interface Fields {
  readonly [name: string]: unknown;
  readonly update?: Fields;
  readonly outcome?: { readonly outcome: string; readonly optionId?: string };
  readonly cwd?: string;
  readonly locations?: unknown;
  readonly rawInput?: unknown;
  readonly content?: unknown;
  readonly mcpServers?: unknown;
  readonly options?: readonly { readonly optionId: string; readonly kind: string }[];
  readonly toolCall?: { readonly title?: string };
  readonly prompt?: readonly { readonly uri?: string }[];
}

interface Sent {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: Fields;
  readonly result?: Fields;
  readonly error?: { readonly code: number; readonly message: string };
}

type Decide = (wanted: Wanted, ask: AskEditor, signal: AbortSignal) => Promise<Permission>;

const denied: Permission = { kind: "deny", why: "no", option: null };

/** A relay between two lists of what was sent. */
class Bed {
  readonly editor: Sent[] = [];
  readonly agent: Sent[] = [];
  readonly events: JournalEvent[] = [];
  readonly modes: boolean[] = [];
  readonly said: string[] = [];
  readonly relay: AcpRelay;

  constructor(decide: Decide = async () => denied, inside = "/home/me/project") {
    const paths = new PathMap({ host: "/home/me/project", inside });
    const desk: AcpDesk = {
      folderInside: async (cwd) => (cwd.startsWith("/home/me/project") ? paths.toInside(cwd) : null),
      toInside: paths.toInside,
      toHost: paths.toHost,
      isHidden: async (path) => path.endsWith("/.env"),
      record: async (event) => void this.events.push(event),
      decide,
      noticeMode: async (isUnasked) => void this.modes.push(isUnasked),
      say: (text) => void this.said.push(text),
    };
    const take = (list: Sent[]) => (message: object) => void list.push(JSON.parse(JSON.stringify(message)) as Sent);
    this.relay = new AcpRelay({ toEditor: take(this.editor), toAgent: take(this.agent), desk });
  }

  fromEditor(message: object): Promise<void> {
    return this.relay.fromEditor(Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message })));
  }

  fromAgent(message: object): Promise<void> {
    return this.relay.fromAgent(Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message })));
  }

  /** Has the agent answer what it was asked last. */
  answer(result: unknown): Promise<void> {
    return this.fromAgent({ id: this.agent.at(-1)?.id, result });
  }

  async open(cwd = "/home/me/project"): Promise<void> {
    await this.fromEditor({ id: "new", method: "session/new", params: { cwd, mcpServers: [] } });
    await this.answer({ sessionId: "s" });
  }
}

const initialize = { id: 0, method: "initialize", params: { protocolVersion: 1, clientCapabilities: { fs: {} } } };
const options = [
  { optionId: "yes", name: "Yes", kind: "allow_once" },
  { optionId: "ever", name: "Always", kind: "allow_always" },
  { optionId: "trust-0", name: "No", kind: "reject_once" },
];
const permission = (id: number, toolCall: object = {}) => ({
  id,
  method: "session/request_permission",
  params: { sessionId: "s", toolCall: { toolCallId: "c", ...toolCall }, options },
});
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("what an editor is told of an agent", () => {
  test("is nothing that would be run on its host", async () => {
    const bed = new Bed();
    await bed.fromEditor(initialize);
    expect(bed.agent[0]?.params).toEqual({
      protocolVersion: 1,
      clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
    });
    const run = { command: "sh", args: ["-c", "id"] };
    await bed.answer({
      protocolVersion: 1,
      agentCapabilities: {
        loadSession: true,
        mcpCapabilities: { http: true },
        sessionCapabilities: { list: {}, close: {} },
      },
      authMethods: [
        { id: "a", name: "A", _meta: { "terminal-auth": run } },
        { id: "b", name: "B", type: "terminal", ...run },
        { id: "c", name: "C", type: "env_var", vars: ["SECRET"] },
      ],
      _meta: run,
    });
    expect(bed.editor).toEqual([
      {
        jsonrpc: "2.0",
        id: 0,
        result: {
          protocolVersion: 1,
          agentCapabilities: {
            loadSession: false,
            promptCapabilities: {},
            mcpCapabilities: { http: false, sse: false },
            sessionCapabilities: { close: {} },
          },
          authMethods: [{ id: "a", name: "A" }],
        },
      },
    ]);
  });

  test("another version of the protocol is none", async () => {
    const bed = new Bed();
    await bed.fromEditor(initialize);
    await bed.answer({ protocolVersion: 2 });
    expect(bed.editor[0]?.error?.message).toContain("cannot be understood");
  });
});

describe("what goes in", () => {
  test("no server of the host, no folder outside the project, no unknown method", async () => {
    const bed = new Bed();
    const mcpServers = [{ name: "db", command: "/usr/bin/db", args: [], env: [{ name: "KEY", value: "secret" }] }];
    await bed.fromEditor({ id: 1, method: "session/new", params: { cwd: "/etc", mcpServers } });
    await bed.fromEditor({ id: 2, method: "session/load", params: { sessionId: "s", cwd: "/home/me/project" } });
    await bed.fromEditor({ id: 3, method: "_editor/run", params: {} });
    expect(bed.editor.map(({ error }) => error?.code)).toEqual([-32602, -32601, -32601]);
    expect(bed.agent).toEqual([]);
    await bed.fromEditor({ id: 4, method: "session/new", params: { cwd: "/home/me/project/a", mcpServers } });
    expect(bed.agent[0]?.params).toEqual({ cwd: "/home/me/project/a", mcpServers: [] });
    expect(bed.said.join()).toContain("db");
    expect(JSON.stringify(bed.events)).not.toContain("secret");
  });

  test("a prompt is written down first, without the file that is hidden", async () => {
    const bed = new Bed();
    await bed.open();
    const resource = { uri: "file:///home/me/project/.env", text: "TOKEN=1" };
    const prompt = [
      { type: "text", text: "fix it" },
      { type: "resource", resource },
    ];
    await bed.fromEditor({ id: 9, method: "session/prompt", params: { sessionId: "s", prompt, _meta: { a: 1 } } });
    expect(JSON.stringify(bed.agent)).not.toContain("TOKEN");
    expect(bed.agent.at(-1)?.params?.prompt?.[0]).toEqual({ type: "text", text: "fix it" });
    expect(bed.events.at(-1)).toMatchObject({ kind: "acp.prompt", data: { text: "fix it" } });
    await bed.answer({ stopReason: "end_turn" });
    expect(bed.editor.at(-1)).toMatchObject({ id: 9, result: { stopReason: "end_turn" } });
  });

  test("paths are said as each side has them", async () => {
    const bed = new Bed(undefined, "/workspace");
    await bed.open("/home/me/project/src");
    expect(bed.agent[0]?.params?.cwd).toBe("/workspace/src");
    const link = { type: "resource_link", name: "a", uri: "file:///home/me/project/a%20b.txt#L3" };
    await bed.fromEditor({ id: 9, method: "session/prompt", params: { sessionId: "s", prompt: [link] } });
    expect(bed.agent.at(-1)?.params?.prompt?.[0]?.uri).toBe("file:///workspace/a%20b.txt#L3");
    const update = {
      sessionUpdate: "tool_call",
      toolCallId: "c",
      title: "edit",
      locations: [{ path: "/workspace/a.txt", line: 1 }],
      rawInput: { path: "/workspace/a.txt", _meta: 1 },
      _meta: { terminal_info: {} },
    };
    await bed.fromAgent({ method: "session/update", params: { sessionId: "s", update } });
    const shown = bed.editor.at(-1)?.params?.update;
    expect(shown?.locations).toEqual([{ path: "/home/me/project/a.txt", line: 1 }]);
    expect(shown?.rawInput).toEqual({ path: "/workspace/a.txt", _meta: 1 });
    expect(shown).not.toHaveProperty("_meta");
  });

  test("a mode that asks nobody is noticed before the agent has it", async () => {
    const bed = new Bed();
    await bed.open();
    for (const modeId of ["yolo", "bypassPermissions", "full-access", "default"])
      await bed.fromEditor({ id: modeId, method: "session/set_mode", params: { sessionId: "s", modeId } });
    const set = { sessionId: "s", configId: "allow_all", type: "boolean", value: true };
    await bed.fromEditor({ id: "config", method: "session/set_config_option", params: set });
    expect(bed.modes).toEqual([true, true, true, false, true]);
    expect(bed.agent.filter(({ method }) => method?.startsWith("session/set"))).toHaveLength(5);
  });

  test("an id is used once at a time, and a cancelled request is cancelled by its number inside", async () => {
    const bed = new Bed();
    await bed.open();
    const prompt = { id: "p", method: "session/prompt", params: { sessionId: "s", prompt: [] } };
    await bed.fromEditor(prompt);
    const inside = bed.agent.at(-1)?.id;
    await bed.fromEditor(prompt);
    expect(bed.editor.at(-1)).toMatchObject({ id: "p", error: { code: -32600 } });
    await bed.fromEditor({ method: "$/cancel_request", params: { requestId: "p" } });
    expect(bed.agent.at(-1)).toMatchObject({ method: "$/cancel_request", params: { requestId: inside } });
    await bed.relay.close("it has ended");
    expect(bed.editor.at(-1)).toMatchObject({ id: "p", error: { message: "it has ended" } });
  });
});

describe("what an agent asks for", () => {
  test.each([
    "fs/read_text_file",
    "fs/write_text_file",
    "terminal/create",
    "elicitation/create",
    "_zed/run",
    "authenticate",
  ])("%s does not reach the editor", async (method) => {
    const bed = new Bed();
    await bed.open();
    const before = bed.editor.length;
    await bed.fromAgent({ id: 5, method, params: { sessionId: "s", path: "/etc/passwd", command: "sh" } });
    expect(bed.agent.at(-1)).toMatchObject({ id: 5, error: { code: -32601 } });
    await bed.fromAgent({ method, params: {} });
    expect(bed.editor).toHaveLength(before);
  });

  test("a denial is answered without the editor, which is told of it", async () => {
    const wanted: Wanted[] = [];
    const bed = new Bed(async (what) => {
      wanted.push(what);
      return denied;
    });
    await bed.open();
    const content = [{ type: "diff", path: "/home/me/project/x", oldText: null, newText: "x" }];
    const call = { toolCallId: "c", title: "Run", kind: "execute", rawInput: { command: "ls" }, content };
    await bed.fromAgent({
      method: "session/update",
      params: { sessionId: "s", update: { sessionUpdate: "tool_call", ...call } },
    });
    await bed.fromAgent(permission(1));
    await settled();
    // What it said before belongs to what it asks now.
    expect(wanted[0]?.call).toEqual({
      kind: "execute",
      title: "Run",
      input: { command: "ls" },
      places: ["/home/me/project/x"],
    });
    expect(bed.agent.at(-1)).toMatchObject({ id: 1, result: { outcome: { optionId: "trust-0" } } });
    expect(bed.editor.some(({ method }) => method === "session/request_permission")).toBe(false);
    expect(bed.editor.at(-1)?.params?.update?.content).toEqual([
      content[0],
      expect.objectContaining({ type: "content" }),
    ]);
  });

  test("what is trusted is allowed once, and a failure denies", async () => {
    const bed = new Bed(async () => ({ kind: "allow", why: "", option: null }));
    await bed.open();
    await bed.fromAgent(permission(1));
    await settled();
    expect(bed.agent.at(-1)?.result?.outcome?.optionId).toBe("yes");
    const broken = new Bed(async () => Promise.reject(new Error("the journal is full")));
    await broken.open();
    await broken.fromAgent(permission(1));
    await settled();
    expect(broken.agent.at(-1)?.result?.outcome?.optionId).toBe("trust-0");
    // Of a conversation that nobody opened.
    const other = new Bed(async () => ({ kind: "allow", why: "", option: null }));
    await other.fromAgent(permission(1));
    await settled();
    expect(other.agent.at(-1)?.result?.outcome).toEqual({ outcome: "cancelled" });
  });

  test("an editor is asked under names of ours, without what the agent would remember", async () => {
    const choices: unknown[] = [];
    const bed = new Bed(async (_wanted, ask, signal) => {
      choices.push(await ask({ lines: ["why"], tiers: ["git *"] }, signal));
      return { kind: "deny", why: "", option: null };
    });
    await bed.open();
    await bed.fromAgent(permission(1, { title: "ls\u202e" }));
    const asked = bed.editor.at(-1);
    expect(asked?.params?.options?.map((each) => [each.optionId, each.kind])).toEqual([
      ["option-0", "allow_once"],
      ["option-1", "reject_once"],
      ["trust-0", "allow_always"],
    ]);
    expect(asked?.params?.toolCall?.title).toBe("ls\\u{202e}");
    // The agent's own answer to it is none, and its name for "no" is not ours for "from now on".
    await bed.fromAgent({ id: asked?.id, result: { outcome: { outcome: "selected", optionId: "trust-0" } } });
    expect(choices).toEqual([]);
    await bed.fromEditor({ id: asked?.id, result: { outcome: { outcome: "selected", optionId: "option-1" } } });
    await settled();
    expect(choices).toEqual([{ kind: "option", option: options[2] }]);
  });

  test("a question is taken back when the agent cancels it, and when the agent is gone", async () => {
    const choices: unknown[] = [];
    const bed = new Bed(async (_wanted, ask, signal) => {
      choices.push(await ask({ lines: [], tiers: [] }, signal));
      return { kind: "cancelled" };
    });
    await bed.open();
    await bed.fromAgent(permission(1));
    const { id } = bed.editor.at(-1) ?? {};
    await bed.fromAgent({ method: "$/cancel_request", params: { requestId: 1 } });
    await settled();
    expect(bed.editor.at(-1)).toMatchObject({ method: "$/cancel_request", params: { requestId: id } });
    expect(bed.agent.at(-1)?.result?.outcome).toEqual({ outcome: "cancelled" });
    await bed.fromAgent(permission(2));
    await bed.relay.close("gone");
    expect(choices).toEqual([null, null]);
  });

  test("a loop asks no more than a few times at once", async () => {
    const bed = new Bed(() => new Promise(() => undefined));
    await bed.open();
    for (let id = 0; id < 20; id += 1) await bed.fromAgent(permission(id));
    expect(bed.agent.filter(({ result }) => result?.outcome?.outcome === "cancelled")).toHaveLength(12);
  });
});

test("whatever either side says, the other hears only the protocol", async () => {
  const methods = [
    "session/update",
    "session/request_permission",
    "session/new",
    "session/prompt",
    "fs/read_text_file",
    "x",
  ];
  const json = fc.jsonValue({ maxDepth: 4 });
  const params = fc.record(
    {
      sessionId: fc.oneof(fc.constant("s"), json),
      update: json,
      toolCall: json,
      options: json,
      prompt: json,
      cwd: json,
    },
    { requiredKeys: [] },
  );
  const message = fc.record(
    {
      jsonrpc: fc.constantFrom("2.0", "1.0"),
      id: fc.oneof(fc.nat(5), fc.string(), json),
      method: fc.constantFrom(...methods),
      params: fc.oneof(params, json),
      result: json,
      error: json,
    },
    { requiredKeys: ["jsonrpc"] },
  );
  const line = fc.oneof(
    message.map((each) => Buffer.from(JSON.stringify(each))),
    fc.uint8Array({ maxLength: 60 }),
    fc.constant(null),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), line), { maxLength: 12 }), async (lines) => {
      const bed = new Bed();
      await bed.open();
      for (const [isEditor, bytes] of lines)
        await (isEditor ? bed.relay.fromEditor(bytes) : bed.relay.fromAgent(bytes));
      await settled();
      const asked = bed.editor.flatMap(({ method }) => method ?? []);
      expect(asked.filter((method) => method !== "session/update")).toEqual([]);
      for (const { method, id, params: given } of bed.agent) {
        if (method === undefined) continue;
        expect(typeof id).toBe("number");
        expect(["session/new", "session/prompt"]).toContain(method);
        if (method === "session/new") expect(given?.mcpServers).toEqual([]);
      }
    }),
    { numRuns: Number(process.env["AIRLOCK_RUNS"] ?? 200) },
  );
});
