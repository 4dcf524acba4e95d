import { messageOf } from "../base/errors.js";
import { escapeText } from "../base/escape.js";
import { parseMessage } from "../base/json-message.js";
import { isRpcMessage, type RpcId, type RpcMessage, rpcCodes, rpcIdOf } from "../base/json-rpc.js";
import type { AcpDesk, Permission } from "./desk.js";
import type { EditorQuestions } from "./editor-questions.js";
import {
  cancelParams,
  type PermissionOption,
  type PermissionRequest,
  permissionParams,
  translate,
  updateParams,
} from "./protocol.js";
import { ToolCalls } from "./tool-calls.js";

interface Parts {
  readonly toEditor: (message: object) => void;
  readonly toAgent: (message: object) => void;
  readonly desk: AcpDesk;
  readonly questions: EditorQuestions;
  /** Told of an answer to something that the editor asked. */
  readonly answered: (message: RpcMessage) => void;
  /** Where a conversation takes place, inside. */
  readonly folderOf: (session: string) => string | null;
}

// A person who is asked by a loop would say anything; each call that is told of is an entry in the journal.
const mostAsked = 8;
const mostEntries = 400;
const windowMs = 10_000;
const longestWhy = 4_000;

const optionFor = (options: readonly PermissionOption[], kind: "allow" | "deny"): PermissionOption | undefined => {
  const [once, always] =
    kind === "allow" ? (["allow_once", "allow_always"] as const) : (["reject_once", "reject_always"] as const);
  return options.find((each) => each.kind === once) ?? options.find((each) => each.kind === always);
};

/** What an agent says, all of it the sandbox's claim: what it shows is passed on, what it asks for is decided, the rest goes no further. */
export class FromAgent {
  readonly #parts: Parts;
  readonly #calls = new ToolCalls();
  readonly #asked = new Map<RpcId, AbortController>();
  readonly #running = new Set<Promise<void>>();
  #window = { since: 0, entries: 0 };

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** One line; null: it was too long. Resolved when the next may come. */
  async take(line: Uint8Array | null): Promise<void> {
    const parsed = line === null ? null : parseMessage(line);
    // Programs that start an agent print now and then where only the protocol belongs.
    if (parsed?.ok !== true || !isRpcMessage(parsed.value)) return;
    const message = parsed.value;
    const { method, params } = message;
    if (method === undefined) return this.#parts.answered(message);
    if ("id" in message) return this.#requested(rpcIdOf(message), method, params);
    if (method === "session/update") await this.#updated(params);
    else if (method === "$/cancel_request") {
      const cancelled = cancelParams.safeParse(params);
      if (cancelled.success) this.#asked.get(cancelled.data.requestId)?.abort();
    }
  }

  async close(): Promise<void> {
    for (const controller of this.#asked.values()) controller.abort();
    await Promise.all(this.#running);
  }

  #requested(id: RpcId | null, method: string, params: unknown): void {
    if (id === null) return;
    const { toAgent } = this.#parts;
    const fail = (code: number, message: string): void => toAgent({ jsonrpc: "2.0", id, error: { code, message } });
    if (method !== "session/request_permission") {
      fail(
        rpcCodes.noMethod,
        "Airlock: this editor does nothing on its host; use your own tools, which run in the sandbox",
      );
      return;
    }
    const parsed = permissionParams.safeParse(params);
    if (!parsed.success) fail(rpcCodes.params, "Airlock: the request has not the form that it should have");
    else if (this.#asked.has(id)) fail(rpcCodes.invalid, "Airlock: a request with this id is still worked on");
    else this.#ask(id, parsed.data);
  }

  #ask(id: RpcId, request: PermissionRequest): void {
    const answer = (outcome: object): void => this.#parts.toAgent({ jsonrpc: "2.0", id, result: { outcome } });
    if (this.#asked.size >= mostAsked) {
      answer({ outcome: "cancelled" });
      return;
    }
    const controller = new AbortController();
    this.#asked.set(id, controller);
    const run = this.#permit(request, controller.signal)
      .then(answer, () => answer({ outcome: "cancelled" }))
      .finally(() => {
        this.#asked.delete(id);
        this.#running.delete(run);
      });
    this.#running.add(run);
  }

  async #permit(request: PermissionRequest, signal: AbortSignal): Promise<object> {
    const { desk, questions, folderOf } = this.#parts;
    const { sessionId, toolCall, options } = request;
    const folder = folderOf(sessionId);
    if (folder === null) throw new Error("there is no such conversation");
    const isTold = this.#calls.has(sessionId, toolCall.toolCallId);
    const { asked, content } = this.#calls.take(sessionId, toolCall.toolCallId, toolCall);
    const wanted = { use: toolCall.toolCallId, call: asked, folder };
    let permission: Permission;
    try {
      permission = await desk.decide(
        wanted,
        (shown, over) =>
          questions.ask(
            { ...request, toolCall: { ...toolCall, content } },
            shown,
            AbortSignal.any([signal, over]),
            desk.toHost,
          ),
        signal,
      );
    } catch (error) {
      permission = { kind: "deny", why: `it could not be decided: ${messageOf(error)}`, option: null };
    }
    if (permission.kind === "cancelled") return { outcome: "cancelled" };
    const { kind, why, option } = permission;
    if (kind === "deny" && option === null) {
      desk.say(escapeText(why).slice(0, longestWhy));
      if (isTold) this.#tellDenied(request, content, why);
    }
    const chosen = option ?? optionFor(options, kind);
    return chosen === undefined ? { outcome: "cancelled" } : { outcome: "selected", optionId: chosen.optionId };
  }

  // The protocol has no word for the reason, so the person is told it in their editor.
  #tellDenied({ sessionId, toolCall }: PermissionRequest, content: readonly unknown[], why: string): void {
    const { toEditor, desk } = this.#parts;
    const text = `Airlock: ${escapeText(why).slice(0, longestWhy)}`;
    const word = { type: "content", content: { type: "text", text } };
    const { toolCallId } = toolCall;
    const update = { sessionUpdate: "tool_call_update", toolCallId, content: [...content, word] };
    toEditor({ jsonrpc: "2.0", method: "session/update", params: translate({ sessionId, update }, desk.toHost) });
  }

  async #updated(params: unknown): Promise<void> {
    const parsed = updateParams.safeParse(params);
    if (!parsed.success) return;
    const { toEditor, desk } = this.#parts;
    const { sessionId, update } = parsed.data;
    const { sessionUpdate, toolCallId } = update;
    const isCall = sessionUpdate === "tool_call" || sessionUpdate === "tool_call_update";
    if (isCall && typeof toolCallId === "string" && toolCallId.length <= 256)
      await this.#journal(sessionId, toolCallId, update);
    toEditor({ jsonrpc: "2.0", method: "session/update", params: translate({ sessionId, update }, desk.toHost) });
  }

  async #journal(session: string, use: string, update: Readonly<Record<string, unknown>>): Promise<void> {
    const { status, asked, isNews } = this.#calls.take(session, use, update);
    if (!isNews || this.#isFlooded()) return;
    const data = { session, use, title: asked.title, kind: asked.kind, status };
    await this.#parts.desk.record({ kind: "acp.tool", data, isOutcome: true });
  }

  #isFlooded(): boolean {
    const now = Date.now();
    if (now - this.#window.since > windowMs) this.#window = { since: now, entries: 0 };
    this.#window.entries += 1;
    return this.#window.entries > mostEntries;
  }
}
