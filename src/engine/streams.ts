import { type Duplex, Readable, Writable } from "node:stream";
import { AirlockError, systemCodeOf } from "../base/errors.js";
import type { EngineStreams } from "../model/engine.js";

const headerBytes = 8;

/** A stream whose end waits for whoever reads; an error that nobody listens for must not end the process. */
function output(onRead: () => void): Readable {
  const stream = new Readable({
    read: onRead,
    destroy(error, done) {
      onRead();
      done(error);
    },
  });
  stream.on("error", () => undefined);
  return stream;
}

/**
 * Takes the engine's connection apart into stdout and stderr. Memory is bounded: a full output pauses the connection, so
 * both outputs must be read (or destroyed: then what still comes for it is dropped).
 */
class Demultiplexer {
  readonly stdout: Readable;
  readonly stderr: Readable | null;
  readonly #source: Duplex;
  readonly #full = new Set<Readable>();
  readonly #header = Buffer.alloc(headerBytes);
  #headerLength = 0;
  #left = 0;
  #isOver = false;
  #target: Readable;

  constructor(source: Duplex, raw: boolean) {
    this.#source = source;
    this.stdout = output(() => this.#wants(this.stdout));
    this.stderr = raw ? null : output(() => this.#wants(this.stderr));
    this.#target = this.stdout;
    const take = raw ? (chunk: Buffer) => this.#give(this.stdout, chunk) : (chunk: Buffer) => this.#take(chunk);
    source.on("data", take);
    // Engines half-close when the process is over and wait for us to close: bytes still on their way would wait for ever.
    source.on("end", () => {
      this.#finish();
      source.destroy();
    });
    source.on("error", (error) => this.#fail(error));
    source.on("close", () => this.#close());
  }

  #wants(stream: Readable | null): void {
    if (stream === null || !this.#full.delete(stream)) return;
    if (this.#full.size === 0) this.#source.resume();
  }

  #give(stream: Readable, bytes: Buffer): void {
    if (stream.destroyed || stream.push(bytes)) return;
    this.#full.add(stream);
    this.#source.pause();
  }

  #take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#left > 0) {
        const bytes = chunk.subarray(at, at + this.#left);
        this.#left -= bytes.length;
        at += bytes.length;
        this.#give(this.#target, bytes);
        continue;
      }
      const copied = chunk.copy(this.#header, this.#headerLength, at, at + headerBytes - this.#headerLength);
      this.#headerLength += copied;
      at += copied;
      if (this.#headerLength === headerBytes && !this.#readHeader()) return;
    }
  }

  #readHeader(): boolean {
    const kind = this.#header.readUInt32LE(0);
    this.#headerLength = 0;
    this.#left = this.#header.readUInt32BE(4);
    if (kind > 2) {
      const what = kind === 3 ? "the engine reported an error in the stream" : "the stream is garbled";
      this.#source.destroy(new AirlockError("E_ENGINE_ANSWER", `${what} (frame type ${kind})`));
      return false;
    }
    this.#target = kind === 2 && this.stderr !== null ? this.stderr : this.stdout;
    return true;
  }

  get #isBetweenFrames(): boolean {
    return this.#left === 0 && this.#headerLength === 0;
  }

  #finish(): void {
    if (!this.#isBetweenFrames) {
      this.#fail(new AirlockError("E_ENGINE_LOST", "the connection to the engine ended in the middle of a frame"));
      return;
    }
    this.#isOver = true;
    for (const stream of this.#outputs()) if (!stream.destroyed) stream.push(null);
  }

  // A process that ends with input unread makes the engine close a socket that holds bytes: the kernel then reports a
  // reset in the place of the end. What the process did is known from its exit code.
  #fail(error: Error): void {
    const code = systemCodeOf(error);
    if ((code === "ECONNRESET" || code === "EPIPE") && this.#isBetweenFrames) {
      this.#finish();
      return;
    }
    this.#isOver = true;
    const lost =
      error instanceof AirlockError
        ? error
        : new AirlockError("E_ENGINE_LOST", `the connection to the engine broke: ${error.message}`, { cause: error });
    for (const stream of this.#outputs()) stream.destroy(lost);
  }

  #close(): void {
    if (this.#isOver) return;
    for (const stream of this.#outputs()) stream.destroy();
  }

  #outputs(): Readable[] {
    return this.stderr === null ? [this.stdout] : [this.stdout, this.stderr];
  }
}

/**
 * Writing to the other side. Ending half-closes, but for a TTY: a terminal has no end of file, and engines hang up when
 * they see one. When the other side is gone it is destroyed without an error.
 */
function input(socket: Duplex, tty: boolean): Writable {
  const canEnd = () => !tty && !socket.destroyed && !socket.writableEnded;
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (socket.destroyed || socket.writableEnded || socket.write(chunk)) done();
      else socket.once("drain", done);
    },
    // In one system call: a frame's header alone would travel through the engine as a packet of its own.
    writev(chunks, done) {
      if (socket.destroyed || socket.writableEnded) {
        done();
        return;
      }
      socket.cork();
      const taken = chunks.map(({ chunk }) => socket.write(chunk as Buffer));
      socket.uncork();
      if (taken.at(-1) !== false) done();
      else socket.once("drain", done);
    },
    final(done) {
      if (canEnd()) socket.end(() => done());
      else done();
    },
    destroy(error, done) {
      if (canEnd()) socket.end();
      done(error);
    },
  });
  stream.on("error", () => undefined);
  socket.on("close", () => stream.destroy());
  return stream;
}

export interface HijackedStreams extends EngineStreams {
  /** Settles when the engine's side of the connection is over, whatever the reason. */
  readonly over: Promise<void>;
}

/** The three streams of a hijacked connection; with a TTY everything comes unframed by stdout. */
export function openStreams(socket: Duplex, tty: boolean): HijackedStreams {
  const over = new Promise<void>((resolve) => {
    socket.once("end", resolve);
    socket.once("close", resolve);
  });
  const { stdout, stderr } = new Demultiplexer(socket, tty);
  return {
    stdin: input(socket, tty),
    stdout,
    stderr,
    over,
    async [Symbol.asyncDispose]() {
      if (socket.closed) return;
      const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
      socket.destroy();
      await closed;
    },
  };
}
