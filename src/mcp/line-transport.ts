import type { Readable, Writable } from "node:stream";
import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/server";
import { messageLimits, parseMessage, tooLargeText } from "./json-limits.js";

const newline = 0x0a;
const [parseErrorCode, invalidRequestCode, busyCode] = [-32700, -32600, -32000];
const mostRequests = 512;

type Id = string | number;

const idOf = (value: unknown): Id | null => {
  const id = typeof value === "object" && value !== null && "id" in value ? value.id : null;
  return typeof id === "string" || typeof id === "number" ? id : null;
};

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
  readonly #working = new Set<Id>();
  #pieces: Uint8Array[] = [];
  #held = 0;
  #skipping = false;
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
    let from = 0;
    for (let at = chunk.indexOf(newline); at !== -1 && !this.#closed; at = chunk.indexOf(newline, from)) {
      this.#hold(chunk.subarray(from, at));
      this.#endLine();
      from = at + 1;
    }
    this.#hold(chunk.subarray(from));
  };

  #hold(piece: Uint8Array): void {
    if (this.#skipping || piece.length === 0) return;
    this.#held += piece.length;
    this.#pieces.push(piece);
    if (this.#held <= messageLimits.bytes) return;
    this.#pieces = [];
    this.#skipping = true;
  }

  #endLine(): void {
    const { [0]: only, length } = this.#pieces;
    const line = length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces);
    const skipped = this.#skipping;
    this.#pieces = [];
    this.#held = 0;
    this.#skipping = false;
    if (skipped) this.#refuse(null, invalidRequestCode, tooLargeText);
    else if (line.some((byte) => byte > 0x20)) this.#read(line);
  }

  #read(line: Uint8Array): void {
    const parsed = parseMessage(line);
    const value = parsed.ok ? parsed.value : null;
    const id = idOf(value);
    if (!parsed.ok) this.#refuse(null, parseErrorCode, parsed.problem);
    else if (!isMessage(value)) this.#refuse(id, invalidRequestCode, "the message is not one of JSON-RPC 2.0");
    else if (!isRequest(value)) this.#deliver(value);
    else if (id === null) this.#refuse(null, invalidRequestCode, "the id of a request is a string or a number");
    else if (this.#working.has(id)) this.#refuse(id, invalidRequestCode, "a request with this id is still worked on");
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
    this.#working.delete(id as Id);
  }

  #refuse(id: Id | null, code: number, message: string): void {
    this.onerror?.(new Error(message));
    void this.#write({ jsonrpc: "2.0", id, error: { code, message } });
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (!("method" in message)) this.#working.delete(message.id as Id);
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
    this.#pieces = [];
    this.onclose?.();
  }
}

function isMessage(value: unknown): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { jsonrpc, method, params } = value as Readonly<Record<string, unknown>>;
  if (jsonrpc !== "2.0") return false;
  if (method === undefined) return "id" in value && ("result" in value || "error" in value);
  return typeof method === "string" && (params === undefined || (typeof params === "object" && params !== null));
}
