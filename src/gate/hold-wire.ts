import { AirlockError, messageOf } from "../base/errors.js";
import { escapeText } from "../base/escape.js";
import type { ByteChannel } from "../model/engine.js";
import { broken } from "../wire/frames.js";
import type { WireStream } from "../wire/stream.js";
import { Wire } from "../wire/wire.js";

/** How a wire ended: by us, because the hatch went away, or because what spoke there was not our hatch. */
export type WireEnd =
  | { readonly kind: "closed" }
  | { readonly kind: "lost"; readonly error: AirlockError }
  | { readonly kind: "broken"; readonly error: AirlockError };

/** A wire that is held: as long as it lasts the sandbox can ask for connections. */
export interface HeldWire extends AsyncDisposable {
  /** Resolves when the hatch listens; rejects when it does not in time, or not on every port. */
  readonly ready: Promise<void>;
  /** Resolves when the wire is over; its streams are over by then. */
  readonly over: Promise<WireEnd>;
  openForward(port: number): WireStream | null;
}

const readyMs = 20_000;
const maxNote = 2_000;

interface Settling<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

function settling<T>(): Settling<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Connects a running hatch with whoever takes its streams. The first wrong frame ends it, and nothing of it is used after. */
export function holdWire(channel: ByteChannel, ports: readonly number[], open: (stream: WireStream) => void): HeldWire {
  const ready = settling<void>();
  const over = settling<WireEnd>();
  let note = "";
  let isOver = false;
  const finish = (end: WireEnd): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    wire.close();
    ready.reject(end.kind === "closed" ? new AirlockError("E_CANCELLED", "the wire was closed") : end.error);
    over.resolve(end);
    void channel[Symbol.asyncDispose]();
  };
  const fail = (error: unknown): void =>
    finish({ kind: "broken", error: error instanceof AirlockError ? error : broken(messageOf(error)) });
  const wire: Wire = new Wire(
    {
      write(...parts) {
        channel.stdin.cork();
        const taken = parts.map((part) => channel.stdin.write(part));
        channel.stdin.uncork();
        return taken.at(-1) !== false;
      },
      get waiting() {
        return channel.stdin.writableLength;
      },
    },
    ports,
    {
      onReady(failed) {
        if (failed.length === 0) ready.resolve();
        else fail(broken(`something else in the sandbox holds the ports ${failed.join(", ")}`));
      },
      onOpen: open,
      // Not at once: whoever sends is in the middle of something.
      onStuck: (error) => void queueMicrotask(() => fail(error)),
    },
  );
  const timer = setTimeout(() => fail(broken("the hatch did not answer")), readyMs);
  ready.promise.then(() => clearTimeout(timer)).catch(() => undefined);
  channel.stdin.on("drain", () => wire.drained());
  channel.stdin.on("error", () => undefined);
  channel.stderr?.on("data", (chunk: Buffer) => {
    if (note.length < maxNote) note += chunk.toString("latin1", 0, maxNote);
  });
  channel.stdout.on("data", (chunk: Buffer) => {
    if (isOver) return;
    try {
      wire.push(chunk);
    } catch (error) {
      fail(error);
    }
  });
  const lost = (): void => {
    const why = note.trim() === "" ? "the hatch ended" : `the hatch ended: ${escapeText(note.trim())}`;
    finish({ kind: "lost", error: new AirlockError("E_WIRE_BROKEN", why) });
  };
  channel.stdout.on("end", lost).on("close", lost).on("error", lost);
  return {
    ready: ready.promise,
    over: over.promise,
    openForward: (port) => wire.openForward(port),
    async [Symbol.asyncDispose]() {
      finish({ kind: "closed" });
      await channel[Symbol.asyncDispose]();
    },
  };
}
