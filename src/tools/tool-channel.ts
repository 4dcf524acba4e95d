import { AirlockError, messageOf } from "../base/errors.js";
import { escapeText } from "../base/escape.js";
import type { ByteChannel } from "../model/engine.js";
import { Capture, type Captured } from "./capture.js";
import {
  AnswerCutter,
  answerTypes,
  callFrame,
  cancelFrame,
  inputFrames,
  maxInputBytes,
  maxRunningCalls,
  type Operation,
  parseAnswerRecords,
  type Records,
  toolProtocolVersion,
  toolServerBroken,
} from "./frames.js";

/** One thing that the tool server is asked for. */
export interface ServerCall {
  readonly operation: Operation;
  readonly records: Records;
  readonly input?: Uint8Array;
  /** Bytes wanted of the beginning and of the end of each stream. */
  readonly head: number;
  readonly tail: number;
  /** When to end it, whatever it does. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onOutput?: ((piece: Buffer) => void) | undefined;
}

/** What the tool server answered. */
export interface ServerAnswer {
  readonly records: ReadonlyMap<string, string>;
  readonly out: Captured;
  readonly err: Captured;
  /** Why it was ended early, if it was. */
  readonly ended: "timeout" | "cancelled" | null;
}

/** The tool server could not do it: an agent's mistake more often than ours. */
export class ToolRefusal extends Error {
  readonly code: string;

  constructor(code: string, text: string) {
    super(text);
    this.name = "ToolRefusal";
    this.code = code;
  }
}

interface Running {
  readonly call: ServerCall;
  readonly out: Capture;
  readonly err: Capture;
  readonly resolve: (answer: ServerAnswer) => void;
  readonly reject: (error: Error) => void;
  ended: ServerAnswer["ended"];
  timer: NodeJS.Timeout | undefined;
  onAbort: () => void;
}

const readyMs = 20_000;
/** A server that does not end a call it was told to end is not ours, or hangs. */
const cancelMs = 10_000;
const maxNote = 2_000;

/**
 * A connection to a tool server. Everything that comes over it is taken for hostile: the first frame that ours would not
 * send ends it, and every call on it fails with `E_TOOL_SERVER`.
 */
export class ToolChannel implements AsyncDisposable {
  readonly #channel: ByteChannel;
  readonly #running = new Map<number, Running>();
  readonly #waiting: { readonly bytes: number; readonly go: () => void }[] = [];
  readonly #ready: Promise<void>;
  #settleReady: (error: Error | null) => void = () => undefined;
  #isReady = false;
  #over: AirlockError | null = null;
  #lastId = 0;
  #inputBytes = 0;
  #slots = 0;
  #note = "";

  constructor(channel: ByteChannel) {
    this.#channel = channel;
    this.#ready = new Promise((resolve, reject) => {
      this.#settleReady = (error) => (error === null ? resolve() : reject(error));
    });
    this.#ready.catch(() => undefined);
    const timer = setTimeout(() => this.#end(toolServerBroken("it does not answer")), readyMs);
    void this.#ready.finally(() => clearTimeout(timer)).catch(() => undefined);
    const cutter = new AnswerCutter((type, id, payload) => this.#take(type, id, payload));
    channel.stdout.on("data", (chunk: Buffer) => {
      if (this.#over !== null) return;
      try {
        cutter.push(chunk);
      } catch (error) {
        this.#end(error instanceof AirlockError ? error : toolServerBroken(messageOf(error)));
      }
    });
    const lost = (): void => this.#end(this.#lost());
    channel.stdout.on("end", lost).on("close", lost).on("error", lost);
    channel.stdin.on("error", lost);
    channel.stderr?.on("data", (chunk: Buffer) => {
      if (this.#note.length < maxNote) this.#note += chunk.toString("latin1", 0, maxNote);
    });
  }

  /** Resolves when the server answers. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  /** Whether calls can be made on it. */
  get isOpen(): boolean {
    return this.#over === null;
  }

  /** Has something done in the sandbox. Rejects with `ToolRefusal` when it cannot be, with `E_TOOL_SERVER` when the server is gone. */
  async call(call: ServerCall): Promise<ServerAnswer> {
    await this.#ready;
    const bytes = call.input?.length ?? 0;
    if (bytes > maxInputBytes) throw new ToolRefusal("EFBIG", "more input than 64 MiB");
    await this.#admit(bytes);
    try {
      return await this.#send(call);
    } finally {
      this.#slots -= 1;
      this.#inputBytes -= bytes;
      this.#admitNext();
    }
  }

  #hasRoom(bytes: number): boolean {
    return this.#slots < maxRunningCalls && this.#inputBytes + bytes <= maxInputBytes;
  }

  async #admit(bytes: number): Promise<void> {
    const isFirst = this.#waiting.length === 0;
    if (!isFirst || !this.#hasRoom(bytes)) {
      await new Promise<void>((go) => void this.#waiting.push({ bytes, go }));
      return;
    }
    this.#slots += 1;
    this.#inputBytes += bytes;
  }

  #admitNext(): void {
    for (let [next] = this.#waiting; next !== undefined && this.#hasRoom(next.bytes); [next] = this.#waiting) {
      this.#waiting.shift();
      this.#slots += 1;
      this.#inputBytes += next.bytes;
      next.go();
    }
  }

  #send(call: ServerCall): Promise<ServerAnswer> {
    if (this.#over !== null) throw this.#over;
    if (call.signal?.aborted === true) throw new ToolRefusal("ECANCELED", "cancelled");
    const id = this.#lastId + 1;
    const records: Records = [...call.records, ["head", call.head], ["tail", call.tail]];
    const first = callFrame(id, call.operation, records, call.input !== undefined);
    this.#lastId = id;
    return new Promise((resolve, reject) => {
      const running: Running = {
        call,
        out: new Capture(call.head, call.tail),
        err: new Capture(call.head, call.tail),
        resolve,
        reject,
        ended: null,
        timer: undefined,
        onAbort: () => this.#cancel(id, "cancelled"),
      };
      this.#running.set(id, running);
      running.timer = setTimeout(() => this.#cancel(id, "timeout"), call.timeoutMs);
      call.signal?.addEventListener("abort", running.onAbort, { once: true });
      const { stdin } = this.#channel;
      stdin.cork();
      stdin.write(first);
      if (call.input !== undefined) for (const each of inputFrames(id, call.input)) stdin.write(each);
      stdin.uncork();
    });
  }

  #cancel(id: number, why: "timeout" | "cancelled"): void {
    const running = this.#running.get(id);
    if (running === undefined || running.ended !== null) return;
    running.ended = why;
    clearTimeout(running.timer);
    this.#channel.stdin.write(cancelFrame(id));
    running.timer = setTimeout(() => this.#end(toolServerBroken("it does not end what it was told to end")), cancelMs);
  }

  #take(type: number, id: number, payload: Buffer): void {
    if (type === answerTypes.ready) {
      if (this.#isReady || id !== 0) throw toolServerBroken("READY out of place");
      if (payload[0] !== toolProtocolVersion) throw toolServerBroken(`version ${payload[0]}`);
      this.#isReady = true;
      this.#settleReady(null);
      return;
    }
    const running = this.#running.get(id);
    if (running === undefined) throw toolServerBroken(`a frame for call ${id}, which is not there`);
    if (type === answerTypes.out || type === answerTypes.err) {
      const isOut = type === answerTypes.out;
      if (!(isOut ? running.out : running.err).take(payload)) throw toolServerBroken("more bytes than were asked for");
      if (isOut) running.call.onOutput?.(payload);
      return;
    }
    const records = parseAnswerRecords(payload);
    if (type === answerTypes.failed) this.#refuse(id, running, refusalOf(records));
    else this.#finish(id, running, records);
  }

  #finish(id: number, running: Running, records: ReadonlyMap<string, string>): void {
    const out = running.out.end(numberIn(records, "out"));
    const err = running.err.end(numberIn(records, "err"));
    if (out === null || err === null) throw toolServerBroken("lengths that do not fit what it sent");
    this.#settle(id, running).resolve({ records, out, err, ended: running.ended });
  }

  #refuse(id: number, running: Running, refusal: Error): void {
    this.#settle(id, running).reject(refusal);
  }

  #settle(id: number, running: Running): Running {
    this.#running.delete(id);
    clearTimeout(running.timer);
    running.call.signal?.removeEventListener("abort", running.onAbort);
    return running;
  }

  #lost(): AirlockError {
    const said = escapeText(this.#note.trim());
    return new AirlockError("E_TOOL_SERVER", `the tool server in the sandbox ended${said === "" ? "" : `: ${said}`}`, {
      hint: "it was killed, or its sandbox is gone (airlock status); the next call starts another",
    });
  }

  #end(error: AirlockError): void {
    if (this.#over !== null) return;
    this.#over = error;
    this.#settleReady(error);
    for (const [id, running] of this.#running) this.#settle(id, running).reject(error);
    for (const { bytes, go } of this.#waiting.splice(0)) {
      this.#slots += 1;
      this.#inputBytes += bytes;
      go();
    }
    void Promise.resolve(this.#channel[Symbol.asyncDispose]()).catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end(new AirlockError("E_CANCELLED", "the tool server was let go"));
    await this.#channel[Symbol.asyncDispose]();
  }
}

/** A number that an answer must have. */
export function numberIn(records: ReadonlyMap<string, string>, name: string): number {
  const text = records.get(name) ?? "";
  if (!/^\d{1,15}$/.test(text)) throw toolServerBroken(`no ${name} in an answer`);
  return Number(text);
}

function refusalOf(records: ReadonlyMap<string, string>): Error {
  const code = records.get("code") ?? "";
  if (!/^E[A-Z0-9]{1,30}$/.test(code)) throw toolServerBroken("a failure without a code");
  return new ToolRefusal(code, escapeText(records.get("text") ?? ""));
}
