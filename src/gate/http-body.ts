import type { BodyKind } from "./http-head.js";

const maxSizeLine = 64;
const maxTrailers = 8_192;

/** Follows the body of a request, so that its end, where the next request begins, is known for certain. */
export class BodyReader {
  #left: number;
  #step: "data" | "size" | "afterData" | "trailers" | "done";
  readonly #isChunked: boolean;
  #line = "";
  #trailers = 0;

  constructor(body: BodyKind) {
    this.#isChunked = body.kind === "chunked";
    this.#left = body.kind === "length" ? body.length : 0;
    this.#step = this.#isChunked ? "size" : this.#left > 0 ? "data" : "done";
  }

  get isDone(): boolean {
    return this.#step === "done";
  }

  /** How many of the bytes belong to the body; a text for what is wrong with it. */
  take(bytes: Buffer): number | string {
    let at = 0;
    while (at < bytes.length && this.#step !== "done") {
      if (this.#step === "data") {
        const taken = Math.min(this.#left, bytes.length - at);
        this.#left -= taken;
        at += taken;
        if (this.#left === 0) this.#step = this.#isChunked ? "afterData" : "done";
        continue;
      }
      const wrong = this.#takeCharacter(bytes[at] ?? 0);
      if (wrong !== null) return wrong;
      at += 1;
    }
    return at;
  }

  #takeCharacter(code: number): string | null {
    this.#line += String.fromCharCode(code);
    const limit = this.#step === "trailers" ? maxTrailers : maxSizeLine;
    if (this.#line.length > limit) return "a chunk's line that is too long";
    if (code !== 10) return null;
    if (!this.#line.endsWith("\r\n")) return "a chunk's line that ends in a bare line feed";
    const line = this.#line.slice(0, -2);
    this.#line = "";
    return this.#takeLine(line);
  }

  #takeLine(line: string): string | null {
    if (this.#step === "afterData") {
      this.#step = "size";
      return line === "" ? null : "bytes after a chunk's end";
    }
    if (this.#step === "trailers") {
      this.#trailers += line.length + 2;
      if (line === "") this.#step = "done";
      return this.#trailers > maxTrailers ? "trailers that are too long" : null;
    }
    // No extensions: nobody needs them, and parsers disagree about them.
    if (!/^[0-9a-fA-F]{1,8}$/.test(line)) return "a garbled chunk size";
    this.#left = Number.parseInt(line, 16);
    this.#step = this.#left === 0 ? "trailers" : "data";
    return null;
  }
}
