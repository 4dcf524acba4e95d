import type { Readable, Writable } from "node:stream";
import { AirlockError, messageOf } from "../base/errors.js";

/** A frame of the keeper's protocol: a JSON message or raw data. */
export type Frame = { readonly type: "J"; readonly message: unknown } | { readonly type: "D"; readonly data: Buffer };

const headerBytes = 4;
const maxJson = 16 * 1024 * 1024;
const maxData = 256 * 1024;
const dataType = 0x44;
const jsonType = 0x4a;

/** The largest piece of data that one frame carries. */
export const dataFrameBytes = maxData;

function lost(cause?: unknown): AirlockError {
  return new AirlockError("E_KEEPER_FAILED", "the connection to the keeper broke", {
    hint: "airlock doctor; when the engine was restarted, just try again",
    ...(cause === undefined ? {} : { cause }),
  });
}

function parsePayload(payload: Buffer): Frame {
  const type = payload[0];
  if (type === dataType) return { type: "D", data: payload.subarray(1) };
  if (type !== jsonType) throw new AirlockError("E_KEEPER_FAILED", "the keeper sent a frame of unknown type");
  try {
    return { type: "J", message: JSON.parse(payload.toString("utf8", 1)) };
  } catch (error) {
    throw new AirlockError("E_KEEPER_FAILED", `the keeper sent a message that is not JSON: ${messageOf(error)}`);
  }
}

function refuseLength(bytes: number): AirlockError {
  return new AirlockError("E_KEEPER_FAILED", `the keeper sent a frame of ${bytes} bytes`);
}

/** Gathers chunks until a frame is complete; each byte is copied once, however small the chunks are. */
class FrameCutter {
  #chunks: Buffer[] = [];
  #held = 0;

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
  }

  /** The next whole frame; null until more has come. */
  next(): Frame | null {
    if (this.#held < headerBytes + 1) return null;
    if ((this.#chunks[0]?.length ?? 0) < headerBytes + 1) this.#join();
    const head = this.#chunks[0] ?? Buffer.alloc(0);
    const length = head.readUInt32BE(0);
    const limit = head[headerBytes] === dataType ? maxData : maxJson;
    if (length < 1 || length > limit + 1) throw refuseLength(length);
    const end = headerBytes + length;
    if (this.#held < end) return null;
    if (head.length < end) this.#join();
    const whole = this.#chunks.shift() ?? head;
    if (whole.length > end) this.#chunks.unshift(whole.subarray(end));
    this.#held -= end;
    return parsePayload(whole.subarray(headerBytes, end));
  }

  #join(): void {
    this.#chunks = [Buffer.concat(this.#chunks)];
  }
}

/** Cuts a byte stream into frames, never holding more than one frame and one chunk. */
export async function* readFrames(stream: Readable): AsyncGenerator<Frame, void, void> {
  const cutter = new FrameCutter();
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      cutter.add(chunk);
      for (let frame = cutter.next(); frame !== null; frame = cutter.next()) yield frame;
    }
  } catch (error) {
    if (error instanceof AirlockError) throw error;
    throw lost(error);
  }
  throw lost();
}

function encode(type: "J" | "D", payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + 1 + payload.length);
  frame.writeUInt32BE(payload.length + 1, 0);
  frame.write(type, headerBytes, "latin1");
  frame.set(payload, headerBytes + 1);
  return frame;
}

/** A JSON frame. Lone surrogates, which stand for bytes of paths, are escaped by JSON.stringify itself. */
export function jsonFrame(message: unknown): Buffer {
  const payload = Buffer.from(JSON.stringify(message), "utf8");
  if (payload.length > maxJson)
    throw new AirlockError("E_LAYER_LIMIT", `a request to the keeper would have ${payload.length} bytes`);
  return encode("J", payload);
}

/** A data frame of at most `dataFrameBytes`. */
export function dataFrame(data: Uint8Array): Buffer {
  return encode("D", data);
}

/** Writes at the speed at which the keeper reads. */
export async function writeFrame(stream: Writable, frame: Buffer): Promise<void> {
  if (stream.destroyed || stream.writableEnded) throw lost();
  await new Promise<void>((resolve, reject) => {
    stream.write(frame, (error) => (error ? reject(lost(error)) : resolve()));
  });
}
