import { PassThrough, type Readable, type Writable } from "node:stream";
import type { AcpRelay } from "../../acp/relay.js";
import { escapeText } from "../../base/escape.js";
import { messageLimits, parseMessage } from "../../base/json-message.js";
import { isRpcMessage, rpcCodes, rpcIdOf } from "../../base/json-rpc.js";
import { LineReader } from "../../base/line-reader.js";
import type { Terminal } from "../../model/terminal.js";
import type { Edge } from "../edge.js";

/** An agent whose editor is gone has this long to end by itself, and as long again after it was told to. */
const graceMs = 3_000;
const firstRequestMs = 2_000;
const longestWord = 8_192;

const isBlank = (line: Uint8Array): boolean => !line.some((byte) => byte > 0x20);

async function* linesOf(stream: Readable, most: number): AsyncGenerator<Uint8Array | null> {
  const lines = new LineReader(most);
  for await (const piece of stream as AsyncIterable<Buffer>)
    for (const line of lines.push(piece)) if (line === null || !isBlank(line)) yield line;
}

/** Waits until more may be written, or nothing can be any more. */
async function drained(stream: Writable): Promise<void> {
  if (!stream.writableNeedDrain || stream.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      for (const event of ["drain", "close", "error"]) stream.off(event, done);
      resolve();
    };
    for (const event of ["drain", "close", "error"]) stream.on(event, done);
  });
}

const writeLine = (to: Writable, message: object): void => void to.write(`${JSON.stringify(message)}\n`);

/** The pipes between an editor and the agent inside: what would be the agent's terminal are streams that the relay reads and writes. */
export class EditorLink {
  readonly #edge: Edge;
  readonly #input = new PassThrough();
  readonly #output = new PassThrough();
  readonly #errors = new PassThrough();
  readonly #timers: NodeJS.Timeout[] = [];
  #kill: (name: NodeJS.Signals) => void = () => undefined;
  #relay: AcpRelay | null = null;
  #loops: Promise<unknown> = Promise.resolve();
  #isLeft = false;
  #isOver = false;

  constructor(edge: Edge) {
    this.#edge = edge;
  }

  /** The editor closed its end, or wanted this to end. */
  get isLeft(): boolean {
    return this.#isLeft;
  }

  readonly toEditor = (message: object): void => writeLine(this.#edge.stdout, message);
  readonly toAgent = (message: object): void => writeLine(this.#input, message);

  /** What the agent's process is connected with. */
  get terminal(): Terminal {
    return {
      stdin: this.#input,
      stdout: this.#output,
      stderr: this.#errors,
      interceptSignals: (onSignal) => {
        this.#kill = onSignal;
        if (this.#isLeft) this.#endAgent(0);
        return this.#edge.interceptSignals(() => this.#leave(0));
      },
      onResize: () => ({ [Symbol.dispose]: () => undefined }),
    };
  }

  /** Begins to pass on what either side says. */
  open(relay: AcpRelay): void {
    const { stdin, stdout } = this.#edge;
    this.#relay = relay;
    stdout.on("error", () => this.#leave(0));
    const fromEditor = async (): Promise<void> => {
      for await (const line of linesOf(stdin, messageLimits.bytes)) {
        await relay.fromEditor(line);
        await drained(this.#input);
      }
      this.#leave(graceMs);
    };
    const fromAgent = async (): Promise<void> => {
      for await (const line of linesOf(this.#output, messageLimits.bytes)) {
        await drained(stdout);
        await relay.fromAgent(line);
      }
    };
    fromEditor().catch(() => this.#leave(0));
    // What cannot be written down is not passed on, nor what comes after it.
    this.#loops = Promise.all([fromAgent().catch(() => this.#leave(0)), this.#passWords()]);
  }

  // What an agent says beside the protocol is for whoever reads the editor's log.
  async #passWords(): Promise<void> {
    for await (const line of linesOf(this.#errors, longestWord)) {
      if (line !== null) this.#edge.stderr.write(`agent: ${escapeText(Buffer.from(line).toString("utf8"))}\n`);
    }
  }

  #leave(afterMs: number): void {
    if (this.#isOver) return;
    this.#isLeft = true;
    this.#input.end();
    this.#endAgent(afterMs);
  }

  #endAgent(afterMs: number): void {
    const kill = (name: NodeJS.Signals) => (): void => this.#kill(name);
    this.#timers.push(setTimeout(kill("SIGTERM"), afterMs), setTimeout(kill("SIGKILL"), afterMs + graceMs));
  }

  /** The agent has ended: what it said last is passed on, and what is still asked of it is answered with that. */
  async close(why: string): Promise<void> {
    this.#isOver = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#output.end();
    this.#errors.end("\n");
    // An editor that reads no more is waited for no longer.
    const late = new Promise<void>((resolve) => this.#timers.push(setTimeout(resolve, graceMs)));
    await Promise.race([this.#loops, late]);
    for (const timer of this.#timers) clearTimeout(timer);
    if (this.#relay === null) return;
    await this.#relay.close(why);
    this.#edge.stdin.destroy();
  }

  /** There is no agent to speak to: the editor's first request, if there is one, is answered with the reason. */
  async refuse(why: string): Promise<void> {
    if (this.#relay !== null) return;
    const { stdin } = this.#edge;
    const late = setTimeout(() => stdin.destroy(), firstRequestMs);
    try {
      for await (const line of linesOf(stdin, messageLimits.bytes)) {
        const parsed = line === null ? null : parseMessage(line);
        const id = parsed?.ok === true && isRpcMessage(parsed.value) ? rpcIdOf(parsed.value) : null;
        if (id === null) continue;
        this.toEditor({ jsonrpc: "2.0", id, error: { code: rpcCodes.internal, message: why } });
        break;
      }
    } catch {
      // The editor said nothing in time, or is gone: the reason is on stderr as well.
    } finally {
      clearTimeout(late);
    }
  }
}
