import type { IncomingHttpHeaders } from "node:http";
import { Transform, type TransformCallback } from "node:stream";

const keptBytes = 256 * 1024;
const codePattern = /<Code>([A-Za-z0-9._:-]{1,100})<\/Code>|"__type"\s*:\s*"([A-Za-z0-9._:#-]{1,150})"/;

/** Keeps the beginning of an answer while it passes, for what it says about what was made. */
export class AnswerTap extends Transform {
  readonly #wanted: boolean;
  #keeps = false;
  #isError = false;
  #pieces: Buffer[] = [];
  #length = 0;
  #code: string | null = null;

  constructor(wanted: boolean) {
    super();
    this.#wanted = wanted;
  }

  head(status: number, headers: IncomingHttpHeaders): void {
    const isPlain = headers["content-encoding"] === undefined;
    const named = headers["x-amzn-errortype"];
    this.#isError = status >= 400;
    if (this.#isError)
      this.#code = (typeof named === "string" ? named : "").replace(/[^A-Za-z0-9._#-].*$/s, "") || null;
    this.#keeps = isPlain && (this.#wanted || this.#isError);
  }

  /** Whether anything in the answer is to be looked at. */
  get isNeeded(): boolean {
    return this.#keeps;
  }

  get seen(): Buffer {
    return this.#isError ? Buffer.alloc(0) : Buffer.concat(this.#pieces);
  }

  /** What AWS called its refusal. */
  get errorCode(): string | null {
    if (!this.#isError) return null;
    if (this.#code !== null) return this.#code;
    const match = codePattern.exec(Buffer.concat(this.#pieces).toString("utf8"));
    return match?.[1] ?? match?.[2]?.split("#").at(-1) ?? "unknown";
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.#keeps && this.#length < keptBytes) {
      this.#pieces.push(chunk.subarray(0, keptBytes - this.#length));
      this.#length += chunk.length;
    }
    done(null, chunk);
  }
}
