import { PassThrough } from "node:stream";
import { Client, type ClientOptions, type JSONRPCMessage, type Transport } from "@modelcontextprotocol/client";
import { AirlockError } from "../../src/base/errors.js";
import type { Desk, DeskAnswer, DeskCall } from "../../src/mcp/desk.js";
import { serveStdio } from "../../src/mcp/serve-stdio.js";
import type { Question } from "../../src/model/question.js";
import type { ToolOutcome } from "../../src/model/tool.js";

/** A question about a shell command, as a session would ask it. */
export function questionAbout(command: string, risk: readonly string[] = []): Question {
  return {
    id: "q1",
    session: "brisk-otter-3f2a",
    caller: "mcp:test",
    askedAt: 0,
    deadline: Date.now() + 60_000,
    subject: {
      kind: "tool",
      tool: "shell",
      arguments: { command },
      folder: "/project",
      touches: [],
      risk,
      why: "no rule covers it",
      tiers: ["git *", "all of shell"],
    },
  };
}

/** A desk without a sandbox, for what the protocol does: its shell knows a few words, and it remembers what it was asked. */
export class PaperDesk implements Desk {
  readonly calls: DeskCall[] = [];
  readonly ended: { readonly command: string; readonly aborted: boolean }[] = [];
  gone: AirlockError | null = null;
  applyWishes: string[] = [];

  async sessionId(): Promise<string> {
    if (this.gone !== null) throw this.gone;
    return "brisk-otter-3f2a";
  }

  async callTool(call: DeskCall): Promise<ToolOutcome> {
    await this.sessionId();
    this.calls.push(call);
    const command = String(call.arguments["command"] ?? "");
    const outcome = await this.#run(command, call);
    this.ended.push({ command, aborted: call.signal.aborted });
    return outcome;
  }

  async #run(command: string, call: DeskCall): Promise<ToolOutcome> {
    if (command === "wait") {
      await new Promise<void>((resolve) => {
        if (call.signal.aborted) resolve();
        call.signal.addEventListener("abort", () => resolve(), { once: true });
      });
      return { kind: "failed", text: "cancelled" };
    }
    if (command === "throw") throw new AirlockError("E_ENGINE_LOST", "the sandbox died", { hint: "airlock status" });
    if (command === "deny")
      return { kind: "denied", code: "policy", text: "denied by policy: deny shell (airlock.yaml)" };
    if (command.startsWith("ask")) return this.#ask(command, call);
    if (command === "picture") {
      const image = { path: "/a.png", mode: "image", media_type: "image/png", size: 3, base64: "AAAA" };
      return { kind: "done", result: { results: [image, { path: "/b", mode: "line", text: "b" }] } };
    }
    if (command === "print") {
      call.onOutput("first\nsecond\n");
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    return { kind: "done", result: { exitCode: 0, stdout: `${command}\n`, stderr: "" } };
  }

  async #ask(command: string, call: DeskCall): Promise<ToolOutcome> {
    const answer = (await call.askClient?.(questionAbout(command), call.signal)) ?? null;
    if (answer === null) return { kind: "denied", code: "pending", text: "not run: airlock approve answers it" };
    if (answer.verdict === "deny")
      return { kind: "denied", code: "person", text: `the user denied this: ${answer.reason ?? "-"}` };
    return { kind: "done", result: { exitCode: 0, stdout: `${answer.scope} ${answer.tier}`, stderr: "" } };
  }

  async snapshot(message: string): Promise<DeskAnswer> {
    return { session: await this.sessionId(), id: "s1", files: 1, bytes: 2, message };
  }

  async restore(snapshot: string): Promise<DeskAnswer> {
    return { session: await this.sessionId(), restored: snapshot, before: "s2" };
  }

  async diff(paths: readonly string[]): Promise<DeskAnswer> {
    return { session: await this.sessionId(), changes: [{ path: paths[0] ?? "a.txt", kind: "modified" }], left: 0 };
  }

  async status(): Promise<DeskAnswer> {
    return { session: await this.sessionId(), state: "running", project: "/project", workspace: "/project" };
  }

  async requestApply(reason: string): Promise<DeskAnswer> {
    this.applyWishes.push(reason);
    const session = await this.sessionId();
    return { session, applied: false, changes: 1, command: `airlock review ${session}` };
  }

  async patch(): Promise<string> {
    return "--- a/a.txt\n+++ b/a.txt\n";
  }

  async feedback(): Promise<string> {
    return "- a.txt (modified): no\n";
  }

  async journal(): Promise<string> {
    return '{"seq":1}\n';
  }
}

/** The client's end of a pair of streams. */
class StreamTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #input: PassThrough;
  readonly #output: PassThrough;
  #rest = "";

  constructor(input: PassThrough, output: PassThrough) {
    this.#input = input;
    this.#output = output;
  }

  async start(): Promise<void> {
    this.#input.on("data", (chunk: Buffer) => {
      const lines = (this.#rest + chunk.toString()).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) this.onmessage?.(JSON.parse(line) as JSONRPCMessage);
    });
    this.#input.on("end", () => this.onclose?.());
  }

  async send(message: JSONRPCMessage): Promise<void> {
    this.#output.write(`${JSON.stringify(message)}\n`);
  }

  async close(): Promise<void> {
    this.#output.end();
    this.onclose?.();
  }
}

/** A server over a pair of streams, spoken to line by line. */
export class PaperLine implements AsyncDisposable {
  readonly toServer = new PassThrough();
  readonly fromServer = new PassThrough();
  readonly problems: string[] = [];
  readonly desk: Desk;
  readonly served: Promise<void>;
  readonly #stop = new AbortController();

  constructor(desk: Desk = new PaperDesk(), elicitation = true) {
    this.desk = desk;
    this.served = serveStdio({
      parts: { desk, version: "0.0.0", elicitation },
      input: this.toServer,
      output: this.fromServer,
      signal: this.#stop.signal,
      onProblem: (text) => this.problems.push(text),
    });
  }

  async client(era: "legacy" | "modern", options: ClientOptions = {}): Promise<Client> {
    const client = new Client(
      { name: "test-client", version: "1.0.0" },
      { ...options, versionNegotiation: { mode: era === "modern" ? { pin: "2026-07-28" } : "legacy" } },
    );
    return client;
  }

  transport(): Transport {
    return new StreamTransport(this.fromServer, this.toServer);
  }

  /** Collects the server's messages as they come. */
  messages(): Record<string, unknown>[] {
    const seen: Record<string, unknown>[] = [];
    let rest = "";
    this.fromServer.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) seen.push(JSON.parse(line) as Record<string, unknown>);
    });
    return seen;
  }

  say(message: unknown): void {
    this.toServer.write(`${typeof message === "string" ? message : JSON.stringify(message)}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.served;
  }
}
