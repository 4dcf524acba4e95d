import { checkHeader, frameTypes, headerBytes } from "./frames.js";

/** Told of frames as they come. DATA is announced with its whole length and handed on piece by piece. */
export interface FrameTaker {
  /** A whole frame of any type but DATA. */
  frame(type: number, id: number, payload: Buffer): void;
  /** The header of a DATA frame: throws when that much may not come. */
  dataBegins(id: number, length: number): void;
  dataPiece(id: number, piece: Buffer): void;
}

/** Cuts what a hatch sends into frames. Holds at most one small frame; the bytes of DATA are never copied or joined. */
export class FrameCutter {
  readonly #taker: FrameTaker;
  readonly #header = Buffer.alloc(headerBytes);
  #headerLength = 0;
  #type = 0;
  #id = 0;
  #left = 0;
  #payload: Buffer | null = null;

  constructor(taker: FrameTaker) {
    this.#taker = taker;
  }

  /** Takes the next bytes; throws `E_WIRE_BROKEN` at the first that no hatch of ours would send. */
  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#headerLength < headerBytes) {
        const copied = chunk.copy(this.#header, this.#headerLength, at, at + headerBytes - this.#headerLength);
        this.#headerLength += copied;
        at += copied;
        if (this.#headerLength === headerBytes) this.#begin();
        continue;
      }
      const piece = chunk.subarray(at, at + this.#left);
      at += piece.length;
      this.#take(piece);
    }
  }

  #begin(): void {
    const word = this.#header.readUInt32BE(0);
    this.#type = word >>> 24;
    this.#left = word & 0xffffff;
    this.#id = this.#header.readUInt32BE(4);
    checkHeader(this.#type, this.#left);
    if (this.#type === frameTypes.data) this.#taker.dataBegins(this.#id, this.#left);
    else this.#payload = Buffer.alloc(this.#left);
    if (this.#left === 0) this.#finish();
  }

  #take(piece: Buffer): void {
    if (this.#payload === null) this.#taker.dataPiece(this.#id, piece);
    else piece.copy(this.#payload, this.#payload.length - this.#left);
    this.#left -= piece.length;
    if (this.#left === 0) this.#finish();
  }

  #finish(): void {
    const payload = this.#payload;
    this.#headerLength = 0;
    this.#payload = null;
    if (payload !== null) this.#taker.frame(this.#type, this.#id, payload);
  }
}
