import type { Readable, Writable } from "node:stream";
import { AirlockError, messageOf } from "../base/errors.js";

/** A frame of the keeper's protocol: a JSON message or raw data. */
export type Frame = { readonly type: "J"; readonly message: unknown } | { readonly type: "D"; readonly data: Buffer };

const headerBytes = 4;
const maxJson = 1024 * 1024;
const maxData = 256 * 1024;

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
  if (type === 0x44) return { type: "D", data: payload.subarray(1) };
  if (type !== 0x4a) throw new AirlockError("E_KEEPER_FAILED", "the keeper sent a frame of unknown type");
  try {
    return { type: "J", message: JSON.parse(payload.toString("utf8", 1)) };
  } catch (error) {
    throw new AirlockError("E_KEEPER_FAILED", `the keeper sent a message that is not JSON: ${messageOf(error)}`);
  }
}

/** Cuts a byte stream into frames, never holding more than one frame and one chunk. */
export async function* readFrames(stream: Readable): AsyncGenerator<Frame, void, void> {
  let pending: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      let at = 0;
      while (pending.length - at >= headerBytes) {
        const length = pending.readUInt32BE(at);
        if (length < 1 || length > maxJson + 1)
          throw new AirlockError("E_KEEPER_FAILED", `the keeper sent a frame of ${length} bytes`);
        if (pending.length - at < headerBytes + length) break;
        yield parsePayload(pending.subarray(at + headerBytes, at + headerBytes + length));
        at += headerBytes + length;
      }
      pending = pending.subarray(at);
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
