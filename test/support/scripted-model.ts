import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

/** One thing that the model does: a call of a tool of the server named airlock, or of one of the agent's own. */
export interface ModelStep {
  readonly tool: string | RegExp;
  readonly arguments: Readonly<Record<string, unknown>>;
}

type Json = Record<string, unknown>;

/** A tool as the request offers it: its full name, and the namespace it stands in where there is one. */
interface OfferedTool {
  readonly name: string;
  readonly namespace: string | null;
}

interface Turn {
  readonly tools: readonly OfferedTool[];
  /** Texts of the results that tools have given so far. */
  readonly results: readonly string[];
  readonly stream: boolean;
}

const list = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);
const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

function anthropicTurn(body: Json): Turn {
  const blocks = list(body["messages"]).flatMap(({ content }) => list(content));
  return {
    tools: list(body["tools"]).map(({ name }) => ({ name: String(name), namespace: null })),
    results: blocks.filter(({ type }) => type === "tool_result").map(({ content }) => asText(content)),
    stream: body["stream"] === true,
  };
}

function responsesTurn(body: Json): Turn {
  return {
    tools: list(body["tools"]).flatMap(({ type, name, tools }): OfferedTool[] =>
      type === "namespace"
        ? list(tools).map((tool) => ({ name: String(tool["name"]), namespace: String(name) }))
        : [{ name: String(name ?? type), namespace: null }],
    ),
    results: list(body["input"])
      .filter(({ type }) => type === "function_call_output")
      .map(({ output }) => asText(output)),
    stream: true,
  };
}

function chatTurn(body: Json): Turn {
  return {
    tools: list(body["tools"]).map((tool) => ({ name: String((tool["function"] as Json)["name"]), namespace: null })),
    results: list(body["messages"])
      .filter(({ role }) => role === "tool")
      .map(({ content }) => asText(content)),
    stream: body["stream"] === true,
  };
}

function geminiTurn(body: Json, stream: boolean): Turn {
  const parts = list(body["contents"]).flatMap(({ parts: some }) => list(some));
  return {
    tools: list(body["tools"]).flatMap((tool) =>
      list(tool["functionDeclarations"]).map(({ name }) => ({ name: String(name), namespace: null })),
    ),
    results: parts.filter((part) => "functionResponse" in part).map(({ functionResponse }) => asText(functionResponse)),
    stream,
  };
}

/** The events of a stream, each a line `event:` where it has a name, and a line `data:`. */
function sendEvents(response: ServerResponse, events: readonly Json[], { named = false, done = false } = {}): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  for (const event of events) {
    if (named) response.write(`event: ${String(event["type"])}\n`);
    response.write(`data: ${JSON.stringify(event)}\n\n`);
  }
  response.end(done ? "data: [DONE]\n\n" : "");
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

/** What the model says in one turn: a call, or its last words. */
type Saying =
  | { readonly kind: "call"; readonly id: string; readonly tool: OfferedTool; readonly input: Json }
  | { readonly kind: "text"; readonly text: string };

function sayAnthropic(response: ServerResponse, saying: Saying, stream: boolean): void {
  const block =
    saying.kind === "text"
      ? { type: "text", text: saying.text }
      : { type: "tool_use", id: saying.id, name: saying.tool.name, input: saying.input };
  const stop_reason = saying.kind === "text" ? "end_turn" : "tool_use";
  const usage = { input_tokens: 10, output_tokens: 10 };
  const message = { id: "msg_1", type: "message", role: "assistant", model: "scripted", usage };
  if (!stream) {
    sendJson(response, { ...message, content: [block], stop_reason, stop_sequence: null });
    return;
  }
  const start = saying.kind === "text" ? { type: "text", text: "" } : { ...block, input: {} };
  const delta =
    saying.kind === "text"
      ? { type: "text_delta", text: saying.text }
      : { type: "input_json_delta", partial_json: JSON.stringify(saying.input) };
  const events = [
    { type: "message_start", message: { ...message, content: [], stop_reason: null, stop_sequence: null } },
    { type: "content_block_start", index: 0, content_block: start },
    { type: "content_block_delta", index: 0, delta },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 10 } },
    { type: "message_stop" },
  ];
  sendEvents(response, events, { named: true });
}

function sayResponses(response: ServerResponse, saying: Saying): void {
  const item =
    saying.kind === "text"
      ? {
          type: "message",
          id: "m1",
          status: "completed",
          role: "assistant",
          content: [{ type: "output_text", text: saying.text, annotations: [] }],
        }
      : {
          type: "function_call",
          id: `f${saying.id}`,
          status: "completed",
          call_id: saying.id,
          name: saying.tool.name,
          ...(saying.tool.namespace === null ? {} : { namespace: saying.tool.namespace }),
          arguments: JSON.stringify(saying.input),
        };
  const usage = {
    input_tokens: 10,
    output_tokens: 10,
    total_tokens: 20,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens_details: { reasoning_tokens: 0 },
  };
  const about = { id: "resp_1", object: "response", model: "scripted" };
  const events = [
    { type: "response.created", response: { ...about, status: "in_progress", output: [] } },
    { type: "response.output_item.added", output_index: 0, item },
    { type: "response.output_item.done", output_index: 0, item },
    { type: "response.completed", response: { ...about, status: "completed", output: [item], usage } },
  ];
  sendEvents(response, events, { named: true });
}

function sayChat(response: ServerResponse, saying: Saying, stream: boolean): void {
  const call =
    saying.kind === "text"
      ? { content: saying.text }
      : {
          content: null,
          tool_calls: [
            {
              index: 0,
              id: saying.id,
              type: "function",
              function: { name: saying.tool.name, arguments: JSON.stringify(saying.input) },
            },
          ],
        };
  const finish_reason = saying.kind === "text" ? "stop" : "tool_calls";
  const usage = { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 };
  const about = { id: "chat_1", created: 1, model: "scripted" };
  const said = { role: "assistant", ...call };
  if (!stream) {
    const choices = [{ index: 0, message: said, finish_reason }];
    sendJson(response, { ...about, object: "chat.completion", choices, usage });
    return;
  }
  const chunk = { ...about, object: "chat.completion.chunk" };
  const events = [
    { ...chunk, choices: [{ index: 0, delta: said, finish_reason: null }] },
    { ...chunk, choices: [{ index: 0, delta: {}, finish_reason }], usage },
  ];
  sendEvents(response, events, { done: true });
}

function sayGemini(response: ServerResponse, saying: Saying, stream: boolean): void {
  const part =
    saying.kind === "text" ? { text: saying.text } : { functionCall: { name: saying.tool.name, args: saying.input } };
  const answer = {
    candidates: [{ index: 0, content: { role: "model", parts: [part] }, finishReason: "STOP" }],
    usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 10, totalTokenCount: 20 },
    modelVersion: "scripted",
  };
  if (stream) sendEvents(response, [answer]);
  else sendJson(response, answer);
}

async function bodyOf(message: IncomingMessage): Promise<Json> {
  let text = "";
  for await (const piece of message) text += String(piece);
  return text === "" ? {} : (JSON.parse(text) as Json);
}

/** Where a model listens; by default anywhere on the loopback, without TLS. */
interface ModelPlace {
  readonly address: string;
  readonly port: number;
  readonly key: string;
  readonly cert: string;
}

/**
 * A model on this machine that does what it is told: each turn it makes the call whose number is that of the results it has been given, then
 * says that it is done. It speaks as Anthropic's, OpenAI's (both ways) and Google's do, so that real agents run against it offline.
 */
export class ScriptedModel implements AsyncDisposable {
  readonly #server: Server;
  readonly #steps: readonly ModelStep[];
  /** Names of all tools that were ever offered. */
  readonly offered = new Set<string>();
  /** Results as the model was last shown them. */
  results: readonly string[] = [];
  /** What was asked for, for when a test fails. */
  readonly asked: string[] = [];
  /** Headers that carried a key. */
  readonly keys = new Set<string>();

  private constructor(steps: readonly ModelStep[], place: ModelPlace | null) {
    this.#steps = steps;
    const serve = (message: IncomingMessage, response: ServerResponse): void => {
      this.#answer(message, response).catch((error: unknown) => {
        this.asked.push(`failed: ${String(error)}`);
        response.destroy();
      });
    };
    this.#server = place === null ? createServer(serve) : createTlsServer({ key: place.key, cert: place.cert }, serve);
  }

  static async start(steps: readonly ModelStep[], place: ModelPlace | null = null): Promise<ScriptedModel> {
    const model = new ScriptedModel(steps, place);
    const { port, address } = place ?? { port: 0, address: "127.0.0.1" };
    await new Promise<void>((resolve, reject) => {
      model.#server.once("error", reject);
      model.#server.listen(port, address, resolve);
    });
    return model;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #say({ tools, results }: Turn): Saying {
    for (const { name, namespace } of tools) this.offered.add(namespace === null ? name : `${namespace}/${name}`);
    if (results.length > this.results.length) this.results = results;
    const step = this.#steps[results.length];
    const fits = ({ name, namespace }: OfferedTool): boolean =>
      step?.tool instanceof RegExp
        ? step.tool.test(name)
        : namespace === null
          ? new RegExp(`airlock[_-]+${step?.tool}$`).test(name)
          : /airlock/.test(namespace) && name === step?.tool;
    const tool = tools.find(fits);
    if (step === undefined || tool === undefined) return { kind: "text", text: "All done." };
    return { kind: "call", id: `call_${results.length}`, tool, input: { ...step.arguments } };
  }

  async #answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (message.url ?? "").split("?")[0] ?? "";
    this.asked.push(`${message.method} ${message.url}`);
    for (const name of ["authorization", "x-api-key", "x-goog-api-key"]) {
      const value = message.headers[name];
      if (typeof value === "string") this.keys.add(value);
    }
    const body = await bodyOf(message);
    if (path.endsWith("/count_tokens")) return sendJson(response, { input_tokens: 10 });
    if (path.endsWith(":countTokens")) return sendJson(response, { totalTokens: 10 });
    if (path.endsWith("/messages")) {
      const turn = anthropicTurn(body);
      return sayAnthropic(response, this.#say(turn), turn.stream);
    }
    if (path.endsWith("/responses")) return sayResponses(response, this.#say(responsesTurn(body)));
    if (path.endsWith("/chat/completions")) {
      const turn = chatTurn(body);
      return sayChat(response, this.#say(turn), turn.stream);
    }
    if (/:(stream)?generateContent$/i.test(path)) {
      const turn = geminiTurn(body, /:stream/.test(path));
      return sayGemini(response, this.#say(turn), turn.stream);
    }
    if (path.endsWith("/models"))
      return sendJson(response, { object: "list", data: [{ id: "scripted", object: "model" }] });
    sendJson(response, {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
