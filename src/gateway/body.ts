import type { Readable } from "node:stream";

/** Why a body could not be read: it is too long, it came too slowly, or the client went away. */
export class BodyProblem extends Error {
  readonly status: 400 | 408 | 413;

  constructor(status: 400 | 408 | 413, message: string) {
    super(message);
    this.status = status;
  }
}

const silenceMs = 30_000;

/** Calls `late` when a body that is read as it comes, and could be, gives nothing for a while. */
export function watchSilence(body: Readable, isHeldUp: () => boolean, late: () => void): Disposable {
  let last = Date.now();
  const moved = (): void => {
    last = Date.now();
  };
  body.on("data", moved);
  const timer = setInterval(() => {
    if (isHeldUp() || body.readableEnded) moved();
    else if (Date.now() - last > silenceMs) late();
  }, silenceMs / 6).unref();
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      body.off("data", moved);
    },
  };
}

/** How many bytes all the requests of a gateway hold at once. */
export class BodyBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}

/** Reads a whole body of at most so many bytes. What was taken of the budget is for the caller to give back. */
export async function readWhole(body: Readable, limit: number, budget: BodyBudget): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  const late = (): void => void body.destroy(new BodyProblem(408, "the body did not come"));
  let timer = setTimeout(late, silenceMs);
  try {
    for await (const piece of body as AsyncIterable<Buffer>) {
      clearTimeout(timer);
      timer = setTimeout(late, silenceMs);
      if (length + piece.length > limit) throw new BodyProblem(413, `the body is longer than ${limit} bytes`);
      if (!budget.take(piece.length)) throw new BodyProblem(413, "too many large requests at once");
      length += piece.length;
      pieces.push(piece);
    }
  } catch (error) {
    budget.give(length);
    throw error instanceof BodyProblem ? error : new BodyProblem(400, "the body broke off");
  } finally {
    clearTimeout(timer);
  }
  return pieces.length === 1 ? (pieces[0] ?? Buffer.alloc(0)) : Buffer.concat(pieces, length);
}
