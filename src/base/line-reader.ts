const newline = 0x0a;

/** Cuts what comes in pieces into lines; of one that is longer than allowed nothing is kept. */
export class LineReader {
  readonly #most: number;
  #pieces: Uint8Array[] = [];
  #held = 0;
  #skipping = false;

  constructor(most: number) {
    this.#most = most;
  }

  /** The lines that end in this piece, without their ends; null for one that was too long. */
  *push(piece: Uint8Array): Generator<Uint8Array | null> {
    let from = 0;
    for (let at = piece.indexOf(newline); at !== -1; at = piece.indexOf(newline, from)) {
      this.#hold(piece.subarray(from, at));
      from = at + 1;
      yield this.#end();
    }
    this.#hold(piece.subarray(from));
  }

  #hold(piece: Uint8Array): void {
    if (this.#skipping || piece.length === 0) return;
    this.#held += piece.length;
    this.#pieces.push(piece);
    if (this.#held <= this.#most) return;
    this.#pieces = [];
    this.#skipping = true;
  }

  #end(): Uint8Array | null {
    const { [0]: only, length } = this.#pieces;
    const line = length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces);
    const skipped = this.#skipping;
    this.#pieces = [];
    this.#held = 0;
    this.#skipping = false;
    return skipped ? null : line;
  }
}
