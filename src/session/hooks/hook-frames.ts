import type { Duplex } from "node:stream";
import { AirlockError } from "../../base/errors.js";
import type { HookAnswer } from "../../hooks/render-answer.js";

/** What the hatch's hook program sends. All of it is the sandbox's claim. */
export interface HookRequest {
  readonly agent: string;
  readonly event: string;
  readonly payload: Buffer;
}

const version = 1;
const maxPayload = 8 * 1024 * 1024;
const maxText = 64 * 1024;
const nameForm = /^[A-Za-z._-]{0,64}$/;

const garbled = (): AirlockError => new AirlockError("E_TOOL_ARGUMENTS", "a hook's call is garbled");

/** A length and as many bytes as it says; null: more has to come. */
function nameAt(bytes: Buffer, at: number): string | null {
  const length = bytes[at];
  if (length === undefined || bytes.length < at + 1 + length) return null;
  const name = bytes.toString("latin1", at + 1, at + 1 + length);
  if (!nameForm.test(name)) throw garbled();
  return name;
}

/** The head of a request, and where its payload begins; null: more has to come. */
function headOf(
  bytes: Buffer,
): (Omit<HookRequest, "payload"> & { readonly at: number; readonly length: number }) | null {
  if (bytes.length > 0 && bytes[0] !== version) throw garbled();
  const agent = nameAt(bytes, 1);
  const event = agent === null ? null : nameAt(bytes, 2 + agent.length);
  if (agent === null || event === null) return null;
  const at = 3 + agent.length + event.length;
  if (bytes.length < at + 4) return null;
  const length = bytes.readUInt32BE(at);
  if (length > maxPayload) throw garbled();
  return { agent, event, at: at + 4, length };
}

/** Gathers one request out of the pieces that come; nothing of it is kept beyond what it says it is. */
export class HookReader {
  #pieces: Buffer[] = [];
  #size = 0;
  #head: ReturnType<typeof headOf> = null;

  /** The whole request, once it is there. Throws for what no hook of ours sends. */
  push(piece: Buffer): HookRequest | null {
    this.#pieces.push(piece);
    this.#size += piece.length;
    if (this.#head === null) {
      const bytes = Buffer.concat(this.#pieces);
      this.#pieces = [bytes];
      this.#head = headOf(bytes);
    }
    if (this.#head === null) return null;
    const { agent, event, at, length } = this.#head;
    if (this.#size > at + length) throw garbled();
    if (this.#size < at + length) return null;
    return { agent, event, payload: Buffer.concat(this.#pieces).subarray(at) };
  }
}

/** Sends the answer, and ends the connection. */
export function sendAnswer(connection: Duplex, { code, stdout, stderr }: HookAnswer): void {
  const texts = [stdout, stderr].map((text) => Buffer.from(text.slice(0, maxText)));
  const head = Buffer.alloc(10);
  head.writeUInt8(version, 0);
  head.writeUInt8(code, 1);
  head.writeUInt32BE(texts[0]?.length ?? 0, 2);
  head.writeUInt32BE(texts[1]?.length ?? 0, 6);
  connection.end(Buffer.concat([head, ...texts]));
}
