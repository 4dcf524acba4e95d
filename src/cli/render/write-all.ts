import type { Writable } from "node:stream";
import { systemCodeOf } from "../../base/errors.js";

export type Chunks = AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;

/** Writes everything to a stream at the speed of its reader. False: the reader went away, which is its right. */
export async function writeAll(stream: Writable, chunks: Chunks, signal: AbortSignal): Promise<boolean> {
  let failure: unknown = null;
  const onError = (error: unknown) => {
    failure ??= error;
  };
  const gone = () => failure !== null || stream.destroyed || stream.writableEnded;
  stream.on("error", onError);
  try {
    for await (const chunk of chunks) {
      if (gone()) break;
      if (!stream.write(chunk) && !gone()) await drained(stream, signal);
    }
    if (!gone()) await flushed(stream);
  } catch (error) {
    failure ??= error;
  } finally {
    // A failed write calls back before it is announced: nobody may be gone when it is.
    await new Promise(setImmediate);
    stream.off("error", onError);
  }
  if (failure === null) return !stream.destroyed;
  const code = systemCodeOf(failure);
  if (code === "EPIPE" || code === "ECONNRESET" || code === "ERR_STREAM_DESTROYED") return false;
  throw failure;
}

function drained(stream: Writable, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const events = ["drain", "close", "error"] as const;
    const leave = () => {
      for (const event of events) stream.off(event, done);
      signal.removeEventListener("abort", aborted);
    };
    const done = () => {
      leave();
      resolve();
    };
    const aborted = () => {
      leave();
      reject(signal.reason);
    };
    for (const event of events) stream.on(event, done);
    signal.addEventListener("abort", aborted, { once: true });
    if (signal.aborted) aborted();
  });
}

function flushed(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off("close", done);
      resolve();
    };
    stream.on("close", done);
    stream.write("", done);
  });
}
