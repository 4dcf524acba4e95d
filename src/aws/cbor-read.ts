const depthAtMost = 32;
const itemsAtMost = 20_000;

class Broken extends Error {}

/** Reads what AWS's clients write in CBOR: numbers, texts, bytes, lists, maps, dates; with or without lengths. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  #left = itemsAtMost;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  #take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw new Broken();
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  /** What follows the kind: a number, a length, or null for "until the end mark". */
  #argument(info: number): number | null {
    if (info < 24) return info;
    if (info === 31) return null;
    if (info > 27) throw new Broken();
    const bytes = this.#take(2 ** (info - 24));
    return bytes.length === 8 ? Number(bytes.readBigUInt64BE()) : bytes.readUIntBE(0, bytes.length);
  }

  #isEndMark(): boolean {
    if (this.#bytes[this.#at] !== 0xff) return false;
    this.#at += 1;
    return true;
  }

  #parts<T>(length: number | null, read: () => T): T[] {
    const found: T[] = [];
    for (let index = 0; length === null ? !this.#isEndMark() : index < length; index += 1) found.push(read());
    return found;
  }

  #bytesOf(length: number | null, kind: number): Buffer {
    if (length !== null) return this.#take(length);
    const chunks = this.#parts(null, () => {
      const head = this.#take(1)[0] ?? 0;
      const size = this.#argument(head & 31);
      if (head >> 5 !== kind || size === null) throw new Broken();
      return this.#take(size);
    });
    return Buffer.concat(chunks);
  }

  #simple(info: number): unknown {
    if (info === 20 || info === 21) return info === 21;
    if (info === 22 || info === 23) return null;
    if (info === 25) return this.#take(2).readUInt16BE();
    if (info === 26) return this.#take(4).readFloatBE();
    if (info === 27) return this.#take(8).readDoubleBE();
    throw new Broken();
  }

  value(depth: number): unknown {
    this.#left -= 1;
    if (depth > depthAtMost || this.#left < 0) throw new Broken();
    const head = this.#take(1)[0] ?? 0;
    const [kind, info] = [head >> 5, head & 31];
    if (kind === 7) return this.#simple(info);
    const argument = this.#argument(info);
    if (kind === 2) return `${this.#bytesOf(argument, kind).length} bytes`;
    if (kind === 3) return this.#bytesOf(argument, kind).toString("utf8");
    if (kind === 4) return this.#parts(argument, () => this.value(depth + 1));
    if (kind === 5) {
      const pairs = this.#parts(argument, () => [String(this.value(depth + 1)), this.value(depth + 1)] as const);
      return Object.fromEntries(pairs);
    }
    if (argument === null) throw new Broken();
    if (kind === 6) return this.value(depth + 1);
    return kind === 1 ? -1 - argument : argument;
  }
}

/** The value of a CBOR body, for people and for the names in it; null when it is none. Bytes become their count. */
export function decodeCbor(body: Uint8Array): unknown {
  try {
    const reader = new Reader(body);
    const value = reader.value(0);
    return reader.isAtEnd ? value : null;
  } catch (error) {
    if (error instanceof Broken || error instanceof RangeError) return null;
    throw error;
  }
}
