import { Duplex } from "node:stream";
import type { WireStream } from "../wire/stream.js";

/** How long a client that was answered may go on sending before it is cut off. */
const lingerMs = 5_000;

/** A stream of the wire as Node's servers want a connection. Credit is granted as bytes are read, so nothing piles up. */
export class WireDuplex extends Duplex {
  readonly #stream: WireStream;
  #owed = 0;
  #hasEnded = false;
  #drained: (() => void) | null = null;

  constructor(stream: WireStream) {
    super({ allowHalfOpen: true });
    this.#stream = stream;
    stream.events = {
      onData: (piece) => this.#take(piece),
      onEnd: () => void this.push(null),
      onDrain: () => this.#drain(),
      onClose: (clean) => {
        this.#drain();
        if (clean) this.push(null);
        else this.destroy();
      },
    };
  }

  #take(piece: Buffer): void {
    if (this.destroyed) this.#stream.consumed(piece.length);
    else if (this.push(piece)) this.#stream.consumed(piece.length);
    else this.#owed += piece.length;
  }

  #drain(): void {
    const done = this.#drained;
    this.#drained = null;
    done?.();
  }

  override _read(): void {
    const owed = this.#owed;
    this.#owed = 0;
    if (owed > 0) this.#stream.consumed(owed);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#stream.write(chunk)) done();
    else this.#drained = done;
  }

  // A head and a small body that were written together leave as one frame.
  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "latin1", done);
  }

  override _final(done: () => void): void {
    this.#hasEnded = true;
    this.#stream.end();
    done();
  }

  // A reset overtakes what was written last: an answer to who is still sending would never be read.
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.#hasEnded && error === null && !this.#stream.isOver) this.#linger();
    else this.#stream.reset();
    this.#drain();
    done(error);
  }

  #linger(): void {
    const stream = this.#stream;
    const late = setTimeout(() => stream.reset(), lingerMs).unref();
    stream.events = {
      onData: (piece) => stream.consumed(piece.length),
      onEnd: () => undefined,
      onDrain: () => undefined,
      onClose: () => clearTimeout(late),
    };
  }
}
