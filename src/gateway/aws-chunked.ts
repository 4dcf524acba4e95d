import { createHash, type Hash } from "node:crypto";
import { Transform, type TransformCallback } from "node:stream";
import { emptyHash, type SigningScope, scopeText, sha256, signText } from "./signature.js";
import { sameText } from "./verify.js";

/** What the signatures of the pieces are made from; the first follows that of the head. */
export interface ChunkSeed {
  readonly key: Buffer;
  readonly date: string;
  readonly scope: SigningScope;
  readonly signature: string;
}

const maxLine = 1_024;
const sizeLine = /^([0-9a-fA-F]{1,8});chunk-signature=([0-9a-f]{64})$/;

/**
 * Takes the frames off a body that is signed piece by piece (`aws-chunked`), and checks each signature before the last byte of its piece
 * is handed on: what was changed on the way never arrives whole.
 */
export class SignedChunks extends Transform {
  readonly #seed: ChunkSeed;
  readonly #length: number;
  #step: "size" | "data" | "line" | "trailer" | "over" = "size";
  #text = "";
  #trailers = "";
  #previous: string;
  #claimed = "";
  #left = 0;
  #total = 0;
  #hash: Hash = createHash("sha256");

  constructor(seed: ChunkSeed, length: number) {
    super();
    this.#seed = seed;
    this.#length = length;
    this.#previous = seed.signature;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      for (let at = 0; at < chunk.length; )
        at += this.#step === "data" ? this.#takeData(chunk, at) : this.#takeText(chunk, at);
      done();
    } catch (error) {
      done(error instanceof Error ? error : new Error("a garbled body"));
    }
  }

  override _flush(done: TransformCallback): void {
    if (this.#step !== "over") done(new Error("the body ended before its last piece"));
    else if (this.#total !== this.#length) done(new Error("the body is not as long as it was said to be"));
    else done();
  }

  #takeData(chunk: Buffer, at: number): number {
    const piece = chunk.subarray(at, at + this.#left);
    this.#hash.update(piece);
    this.#left -= piece.length;
    if (this.#left === 0) {
      this.#check("PAYLOAD", `${emptyHash}\n${this.#hash.digest("hex")}`);
      this.#step = "line";
    }
    this.push(piece);
    return piece.length;
  }

  #takeText(chunk: Buffer, at: number): number {
    if (this.#step === "over") throw new Error("bytes after the last piece");
    const end = chunk.indexOf(10, at);
    const upTo = end < 0 ? chunk.length : end + 1;
    this.#text += chunk.toString("latin1", at, upTo);
    if (this.#text.length > maxLine) throw new Error("a line of the body is too long");
    if (end >= 0) {
      if (!this.#text.endsWith("\r\n")) throw new Error("a line of the body does not end as it should");
      const line = this.#text.slice(0, -2);
      this.#text = "";
      this.#takeLine(line);
    }
    return upTo - at;
  }

  #takeLine(line: string): void {
    if (this.#step === "size") this.#takeSize(line);
    else if (this.#step === "trailer") this.#takeTrailer(line);
    else if (line === "") this.#step = "size";
    else throw new Error("a piece of the body is longer than it says");
  }

  #takeSize(line: string): void {
    const match = sizeLine.exec(line);
    if (match === null) throw new Error("a piece of the body without a signature");
    this.#left = Number.parseInt(match[1] ?? "", 16);
    this.#claimed = match[2] ?? "";
    this.#total += this.#left;
    if (this.#total > this.#length) throw new Error("the body is longer than it was said to be");
    this.#hash = createHash("sha256");
    this.#step = "data";
    if (this.#left > 0) return;
    this.#check("PAYLOAD", `${emptyHash}\n${emptyHash}`);
    this.#step = "trailer";
  }

  // Checksums may follow, with a signature over them. They are not handed on: the body that leaves has no place for them.
  #takeTrailer(line: string): void {
    if (line === "") {
      if (this.#trailers !== "") throw new Error("checksums of the body without a signature");
      this.#step = "over";
      return;
    }
    const signature = /^x-amz-trailer-signature:([0-9a-f]{64})$/.exec(line);
    if (signature === null) {
      this.#trailers += `${line}\n`;
      if (this.#trailers.length > maxLine) throw new Error("too many checksums");
      return;
    }
    this.#claimed = signature[1] ?? "";
    this.#check("TRAILER", sha256(this.#trailers));
    this.#trailers = "";
  }

  #check(what: "PAYLOAD" | "TRAILER", content: string): void {
    const { key, date, scope } = this.#seed;
    const text = [`AWS4-HMAC-SHA256-${what}`, date, scopeText(scope), this.#previous, content].join("\n");
    if (!sameText(signText(key, text), this.#claimed)) throw new Error("the body was changed after it was signed");
    this.#previous = this.#claimed;
  }
}
