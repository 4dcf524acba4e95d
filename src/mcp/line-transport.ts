import type { Readable, Writable } from "node:stream";
import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/server";
import { messageLimits, parseMessage, tooLargeText } from "../base/json-message.js";
import { isRpcMessage, type RpcId, rpcCodes, rpcIdOf } from "../base/json-rpc.js";
import { LineReader } from "../base/line-reader.js";

const busyCode = -32000;
const mostRequests = 512;

const isRequest = (value: object): boolean => "method" in value && "id" in value;

/**
 * The protocol's lines over a pair of streams. The SDK's own transport drops what it cannot read without a word and ends the connection at a
 * line that is too long; this one answers, skips the line and goes on. An id that is still being worked on may not be used again: an
 * answer or a cancellation could mean either of the two.
 */
export class LineTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #input: Readable;
  readonly #output: Writable;
  readonly #working = new Set<RpcId>();
  readonly #lines = new LineReader(messageLimits.bytes);
  #closed = false;

  constructor(input: Readable, output: Writable) {
    this.#input = input;
    this.#output = output;
  }

  async start(): Promise<void> {
    this.#input.on("data", this.#onData);
    for (const event of ["end", "close", "error"]) this.#input.on(event, this.#onEnd);
    this.#output.on("error", this.#onEnd);
    this.#output.on("close", this.#onEnd);
    if (this.#input.readableEnded || this.#input.destroyed) setImmediate(this.#onEnd);
  }

  readonly #onEnd = (): void => void this.close();

  readonly #onData = (chunk: Uint8Array): void => {
    for (const line of this.#lines.push(chunk)) {
      if (this.#closed) return;
      if (line === null) this.#refuse(null, rpcCodes.invalid, tooLargeText);
      else if (line.some((byte) => byte > 0x20)) this.#read(line);
    }
  };

  #read(line: Uint8Array): void {
    const parsed = parseMessage(line);
    const value = parsed.ok ? parsed.value : null;
    const id = rpcIdOf(value);
    if (!parsed.ok) this.#refuse(null, rpcCodes.parse, parsed.problem);
    else if (!isRpcMessage(value)) this.#refuse(id, rpcCodes.invalid, "the message is not one of JSON-RPC 2.0");
    else if (!isRequest(value)) this.#deliver(value);
    else if (id === null) this.#refuse(null, rpcCodes.invalid, "the id of a request is a string or a number");
    else if (this.#working.has(id)) this.#refuse(id, rpcCodes.invalid, "a request with this id is still worked on");
    else if (this.#working.size >= mostRequests)
      this.#refuse(id, busyCode, `${mostRequests} requests are worked on already`);
    else {
      this.#working.add(id);
      this.#deliver(value);
    }
  }

  #deliver(value: object): void {
    this.onmessage?.(value as JSONRPCMessage);
    this.#forgetCancelled(value);
  }

  // A cancelled request is never answered, so its id is free again.
  #forgetCancelled(value: { readonly method?: unknown; readonly params?: unknown }): void {
    if (value.method !== "notifications/cancelled") return;
    const { params } = value;
    const id = typeof params === "object" && params !== null && "requestId" in params ? params.requestId : null;
    this.#working.delete(id as RpcId);
  }

  #refuse(id: RpcId | null, code: number, message: string): void {
    this.onerror?.(new Error(message));
    void this.#write({ jsonrpc: "2.0", id, error: { code, message } });
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (!("method" in message)) this.#working.delete(message.id as RpcId);
    await this.#write(message);
  }

  #write(message: unknown): Promise<void> {
    if (this.#closed) return Promise.resolve();
    const written = this.#output.write(`${JSON.stringify(message)}\n`);
    if (written) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        for (const event of ["drain", "close", "error"]) this.#output.off(event, done);
        resolve();
      };
      for (const event of ["drain", "close", "error"]) this.#output.once(event, done);
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#input.off("data", this.#onData);
    this.#input.pause();
    this.onclose?.();
  }
}
