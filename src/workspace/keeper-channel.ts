import { AirlockError } from "../base/errors.js";
import type { ByteChannel } from "../model/engine.js";
import { dataFrame, dataFrameBytes, type Frame, jsonFrame, readFrames, writeFrame } from "./frames.js";
import { errorOf, isDone, isFailed } from "./keeper-protocol.js";

type Request = { readonly op: string } & Readonly<Record<string, unknown>>;

/** Sends what follows a request. Each call answers false once the keeper has refused: the rest need not be sent. */
export type Upload = (send: {
  message(value: unknown): Promise<boolean>;
  data(bytes: Uint8Array): Promise<boolean>;
}) => Promise<void>;

/** Requests and answers over one connection, one after the other. */
export class KeeperChannel implements AsyncDisposable {
  readonly #channel: ByteChannel;
  readonly #frames: AsyncGenerator<Frame, void, void>;
  #turn: Promise<unknown> = Promise.resolve();
  #problems = "";
  #broken: AirlockError | null = null;
  #close = (): void => undefined;
  readonly #closed = new Promise<void>((resolve) => {
    this.#close = resolve;
  });

  constructor(channel: ByteChannel) {
    this.#channel = channel;
    this.#frames = readFrames(channel.stdout);
    // A connection that breaks between two requests is noticed by the second.
    channel.stdin.on("error", () => undefined);
    channel.stdout.on("error", () => undefined);
    channel.stderr?.on("error", () => undefined);
    channel.stderr?.on("data", (chunk: Buffer) => {
      this.#problems = `${this.#problems}${chunk.toString("utf8")}`.slice(-2_000);
    });
  }

  /** One request with one answer. */
  async call(request: Request, upload?: Upload): Promise<unknown> {
    const answers = this.ask(request, upload);
    for (;;) {
      const { value, done } = await answers.next();
      if (done === true) return value;
    }
  }

  /** Sends a request when those before it are answered; yields what comes, returns the last message. */
  async *ask(request: Request, upload?: Upload): AsyncGenerator<unknown, unknown, void> {
    const leave = await this.#enter();
    let finished = false;
    try {
      await this.#send(jsonFrame(request));
      const sending = upload === undefined ? null : this.#upload(upload);
      for (;;) {
        const frame = await (sending === null ? this.#next() : sending.next(() => this.#next()));
        if (frame.type === "D") {
          yield frame.data;
          continue;
        }
        const error = errorOf(frame.message, request.op);
        const done = isDone(frame.message);
        finished = done || error !== null;
        if (error !== null) throw error;
        if (done) return frame.message;
        if (sending !== null && isFailed(frame.message)) sending.stop();
        else yield frame.message;
      }
    } finally {
      // A reader that stops early leaves answers in the stream: they are read away before the next request.
      if (!finished && this.#broken === null && request.op !== "watch") await this.#drain();
      leave();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#broken ??= new AirlockError("E_KEEPER_FAILED", "the connection to the keeper was closed");
    this.#close();
    await this.#channel[Symbol.asyncDispose]();
  }

  async #enter(): Promise<() => void> {
    const before = this.#turn;
    let leave = (): void => undefined;
    this.#turn = new Promise<void>((resolve) => {
      leave = resolve;
    });
    // A reader may hold an unfinished answer for ever; closing ends the wait behind it.
    await Promise.race([before, this.#closed]);
    if (this.#broken === null) return leave;
    leave();
    throw this.#broken;
  }

  /**
   * Sends beside the reading, so that a refusal in the middle is heard. When what is to be sent fails on this side, the
   * keeper waits for a rest that never comes: then the connection is closed.
   */
  #upload(upload: Upload): { next(read: () => Promise<Frame>): Promise<Frame>; stop(): void } {
    let stopped = false;
    const failure = (async () => {
      const message = async (value: unknown): Promise<boolean> => {
        if (!stopped) await this.#send(jsonFrame(value));
        return !stopped;
      };
      const data = async (bytes: Uint8Array): Promise<boolean> => {
        for (let at = 0; at < bytes.length && !stopped; at += dataFrameBytes)
          await this.#send(dataFrame(bytes.subarray(at, at + dataFrameBytes)));
        return !stopped;
      };
      await upload({ message, data });
      await this.#send(jsonFrame({ end: true }));
    })().then(
      () => new Promise<never>(() => undefined),
      async (error: unknown) => {
        this.#broken ??= new AirlockError("E_KEEPER_FAILED", "an upload to the keeper was broken off");
        await this.#channel[Symbol.asyncDispose]();
        throw error;
      },
    );
    failure.catch(() => undefined);
    return {
      next: (read) => Promise.race([failure, read().catch((error: unknown) => this.#preferred(failure, error))]),
      stop: () => {
        stopped = true;
      },
    };
  }

  // When the upload broke the connection, its own error says more than that of the reading.
  async #preferred(failure: Promise<never>, error: unknown): Promise<never> {
    if (this.#broken !== null) await failure;
    throw error;
  }

  #send(frame: Buffer): Promise<void> {
    return writeFrame(this.#channel.stdin, frame);
  }

  async #next(): Promise<Frame> {
    try {
      const { value, done } = await this.#frames.next();
      if (done !== true) return value;
    } catch (error) {
      if (this.#problems === "" || !(error instanceof AirlockError)) throw error;
      throw new AirlockError(error.code, `${error.message}: ${this.#problems.trim().split("\n").at(-1)}`, {
        hint: error.hint,
        cause: error,
      });
    }
    throw new AirlockError("E_KEEPER_FAILED", "the keeper is gone");
  }

  async #drain(): Promise<void> {
    try {
      for (;;) {
        const frame = await this.#next();
        if (frame.type === "J" && (isDone(frame.message) || errorOf(frame.message, "") !== null)) return;
      }
    } catch {
      // Broken: the next request will say so.
    }
  }
}
