import { messageOf } from "../base/errors.js";
import { escapeText } from "../base/escape.js";
import { parseMessage, tooLargeText } from "../base/json-message.js";
import { isRpcMessage, type RpcId, type RpcMessage, rpcCodes, rpcIdOf } from "../base/json-rpc.js";
import type { AcpDesk } from "./desk.js";
import { EditorQuestions } from "./editor-questions.js";
import { FromAgent } from "./from-agent.js";
import {
  cancelParams,
  fileOfBlock,
  initializeParams,
  maskAgent,
  maskClient,
  newSessionParams,
  type PromptBlock,
  promptParams,
  sessionParams,
  translate,
} from "./protocol.js";

interface Ends {
  readonly toEditor: (message: object) => void;
  readonly toAgent: (message: object) => void;
  readonly desk: AcpDesk;
}

interface Open {
  /** The editor's own id. */
  readonly id: RpcId;
  /** What the editor is given of the agent's answer; null: it cannot be understood. */
  readonly read: (result: unknown) => object | null;
}

const mostOpen = 256;
const mostSessions = 256;

/** Modes in which agents ask nobody any more, by the names that they give them. */
const unaskedMode =
  /^(?:yolo|bypass[-_]?permissions|(?:agent[-_]?)?full[-_]?access|danger.*|allow[-_]?all.*|auto[-_]?approve.*|trust[-_]?all.*)$/i;

class Refused extends Error {
  readonly code: number;

  constructor(code: number, text: string) {
    super(text);
    this.code = code;
  }
}

const refuse = (code: number, text: string): Refused => new Refused(code, `Airlock: ${text}`);

function parsedWith<T>(
  schema: { safeParse(value: unknown): { success: true; data: T } | { success: false } },
  params: unknown,
): T {
  const parsed = schema.safeParse(params);
  if (!parsed.success) throw refuse(rpcCodes.params, "the request has not the form that it should have");
  return parsed.data;
}

/**
 * Stands between an editor and the agent in a sandbox. To the editor it is the agent, to the agent it is the editor; what either says is
 * understood before the other hears of it, and what is not known here goes no further. The editor does nothing on the host for the agent.
 */
export class AcpRelay {
  readonly #ends: Ends;
  readonly #open = new Map<number, Open>();
  readonly #questions: EditorQuestions;
  readonly #agent: FromAgent;
  readonly #folders = new Map<string, string>();
  #count = 0;

  constructor(ends: Ends) {
    this.#ends = ends;
    this.#questions = new EditorQuestions(ends.toEditor);
    this.#agent = new FromAgent({
      ...ends,
      questions: this.#questions,
      answered: (message) => this.#answered(message),
      folderOf: (session) => this.#folders.get(session) ?? null,
    });
  }

  /** One line of the editor's; null: it was too long. Lines are to be given one after the other. */
  async fromEditor(line: Uint8Array | null): Promise<void> {
    const parsed = line === null ? { ok: false as const, problem: tooLargeText } : parseMessage(line);
    const value = parsed.ok ? parsed.value : null;
    if (!parsed.ok) return this.#refuse(null, rpcCodes.parse, parsed.problem);
    if (!isRpcMessage(value)) return this.#refuse(rpcIdOf(value), rpcCodes.invalid, "no message of JSON-RPC 2.0");
    if (value.method === undefined) return this.#questions.take(value);
    if (!("id" in value)) return await this.#notified(value.method, value.params);
    const id = rpcIdOf(value);
    if (id === null) return this.#refuse(null, rpcCodes.invalid, "the id of a request is a string or a number");
    try {
      await this.#requested(id, value.method, value.params ?? {});
    } catch (error) {
      const code = error instanceof Refused ? error.code : rpcCodes.internal;
      this.#refuse(id, code, messageOf(error));
    }
  }

  /** One line of the agent's. */
  async fromAgent(line: Uint8Array | null): Promise<void> {
    await this.#agent.take(line);
  }

  /** The agent is gone: whatever the editor waits for is answered with that. */
  async close(why: string): Promise<void> {
    for (const { id } of this.#open.values()) this.#refuse(id, rpcCodes.internal, why);
    this.#open.clear();
    this.#questions.close();
    await this.#agent.close();
  }

  #refuse(id: RpcId | null, code: number, message: string): void {
    this.#ends.toEditor({ jsonrpc: "2.0", id, error: { code, message } });
  }

  #pass(id: RpcId, method: string, params: object, read: Open["read"]): void {
    if (this.#open.size >= mostOpen) throw refuse(rpcCodes.internal, `${mostOpen} requests are worked on already`);
    if ([...this.#open.values()].some((each) => each.id === id))
      throw refuse(rpcCodes.invalid, "a request with this id is still worked on");
    const number = this.#count;
    this.#count += 1;
    this.#open.set(number, { id, read });
    this.#ends.toAgent({ jsonrpc: "2.0", id: number, method, params });
  }

  // An answer to what nobody asked is dropped.
  #answered({ id: number, result, error }: RpcMessage): void {
    const open = typeof number === "number" ? this.#open.get(number) : undefined;
    if (open === undefined) return;
    this.#open.delete(number as number);
    const { toEditor, desk } = this.#ends;
    if (error !== undefined) {
      const { code, message } = (typeof error === "object" && error !== null ? error : {}) as Record<string, unknown>;
      const known = Number.isSafeInteger(code) ? (code as number) : rpcCodes.internal;
      this.#refuse(open.id, known, escapeText(String(message ?? "the agent failed")).slice(0, 4_000));
      return;
    }
    const read = open.read(result);
    if (read === null) this.#refuse(open.id, rpcCodes.internal, "Airlock: the agent's answer cannot be understood");
    else toEditor({ jsonrpc: "2.0", id: open.id, result: translate(read, desk.toHost) });
  }

  async #requested(id: RpcId, method: string, given: object): Promise<void> {
    const { desk } = this.#ends;
    const params = translate(given, desk.toInside) as object;
    const plain = (result: unknown): object | null =>
      typeof result === "object" && result !== null ? result : result == null ? {} : null;
    if (method === "initialize") {
      const masked = maskClient(parsedWith(initializeParams, params));
      this.#pass(id, method, masked, maskAgent);
    } else if (method === "authenticate" || method === "logout") this.#pass(id, method, params, plain);
    else if (method === "session/new") await this.#newSession(id, params);
    else if (method === "session/prompt") await this.#prompt(id, given);
    else if (
      method === "session/set_mode" ||
      method === "session/set_model" ||
      method === "session/set_config_option"
    ) {
      await this.#setting(method, params);
      this.#pass(id, method, params, plain);
    } else if (method === "session/close") this.#pass(id, method, parsedWith(sessionParams, params), plain);
    else throw refuse(rpcCodes.noMethod, `${escapeText(method).slice(0, 100)} is not passed on to the agent`);
  }

  async #newSession(id: RpcId, params: object): Promise<void> {
    const { desk } = this.#ends;
    const { cwd, mcpServers, additionalDirectories } = parsedWith(newSessionParams, params);
    const folder = await desk.folderInside(cwd);
    if (folder === null)
      throw refuse(
        rpcCodes.params,
        `${escapeText(cwd)} is not in the project of this sandbox; start it there, or with --project`,
      );
    const servers = (mcpServers ?? []).map(({ name }) => escapeText(name ?? "?").slice(0, 100));
    if (servers.length > 0)
      desk.say(`MCP servers are programs of the host, and not passed on to the agent: ${servers.join(", ")}`);
    if ((additionalDirectories ?? []).length > 0)
      desk.say("further folders are not passed on to the agent: airlock acp --path FOLDER shows one");
    await desk.record({ kind: "acp.session", data: { folder, withheld: servers } });
    this.#pass(id, "session/new", { cwd: folder, mcpServers: [] }, (result) => {
      const opened = sessionParams.safeParse(result);
      if (!opened.success) return null;
      if (this.#folders.size < mostSessions) this.#folders.set(opened.data.sessionId, folder);
      return opened.data;
    });
  }

  // What the editor holds of a file that is hidden would else go in with the prompt.
  async #block(block: PromptBlock): Promise<unknown> {
    const { desk } = this.#ends;
    const file = fileOfBlock(block);
    if (file === null || !(await desk.isHidden(file))) return translate(block, desk.toInside);
    desk.say(`${escapeText(file)} is hidden from the sandbox, and not passed on`);
    return { type: "text", text: `(${escapeText(desk.toInside(file))} is hidden from this sandbox)` };
  }

  async #prompt(id: RpcId, params: object): Promise<void> {
    const { sessionId, prompt } = parsedWith(promptParams, params);
    const blocks = await Promise.all(prompt.map((block) => this.#block(block)));
    const text = prompt.flatMap((each) => (typeof each["text"] === "string" ? [each["text"]] : [])).join("\n");
    const files = prompt.flatMap((each) => fileOfBlock(each) ?? []);
    await this.#ends.desk.record({ kind: "acp.prompt", data: { session: sessionId, text, files } });
    const read = (result: unknown): object | null =>
      typeof result === "object" && result !== null && "stopReason" in result ? result : null;
    this.#pass(id, "session/prompt", { sessionId, prompt: blocks }, read);
  }

  async #setting(method: string, params: object): Promise<void> {
    const { desk } = this.#ends;
    const { modeId, configId, value } = parsedWith(sessionParams, params);
    await desk.record({ kind: "acp.setting", data: { method, modeId, configId, value } });
    const names = [modeId, value, value === true || value === "on" ? configId : null];
    const isUnasked = names.some((name) => typeof name === "string" && unaskedMode.test(name));
    if (isUnasked || modeId !== undefined) await desk.noticeMode(isUnasked);
  }

  async #notified(method: string, params: unknown): Promise<void> {
    const { toAgent } = this.#ends;
    if (method === "session/cancel") {
      const parsed = sessionParams.safeParse(params);
      if (parsed.success) toAgent({ jsonrpc: "2.0", method, params: { sessionId: parsed.data.sessionId } });
    } else if (method === "$/cancel_request") {
      const parsed = cancelParams.safeParse(params);
      const found = [...this.#open].find(([, { id }]) => parsed.success && id === parsed.data.requestId);
      if (found !== undefined) toAgent({ jsonrpc: "2.0", method, params: { requestId: found[0] } });
    }
  }
}
