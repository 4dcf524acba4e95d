/** What came of one stream: its beginning, its end, and how long it was in all. */
export interface Captured {
  readonly head: Buffer;
  readonly tail: Buffer;
  readonly total: number;
}

/** How much lies between beginning and end, and was not kept. */
export const cutBytes = ({ head, tail, total }: Captured): number => total - head.length - tail.length;

/** Collects one stream of a call, never more than was asked for. */
export class Capture {
  readonly #headBytes: number;
  readonly #limit: number;
  readonly #pieces: Buffer[] = [];
  #received = 0;

  constructor(headBytes: number, tailBytes: number) {
    this.#headBytes = headBytes;
    this.#limit = headBytes + tailBytes;
  }

  /** Takes the next bytes; false when they are more than was asked for. */
  take(piece: Buffer): boolean {
    this.#received += piece.length;
    if (this.#received > this.#limit) return false;
    this.#pieces.push(piece);
    return true;
  }

  /** The whole, as it was when the call ended; null when the total does not fit what came. */
  end(total: number): Captured | null {
    if (!Number.isSafeInteger(total) || this.#received !== Math.min(total, this.#limit)) return null;
    const all = Buffer.concat(this.#pieces);
    return { head: all.subarray(0, this.#headBytes), tail: all.subarray(this.#headBytes), total };
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// A character that the cut went through is dropped; its missing half would make text look like something else.
function trimEnd(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte >= 0xc0) return bytes.subarray(0, bytes.length - back);
    if (byte < 0x80) break;
  }
  return bytes;
}

function trimStart(bytes: Buffer): Buffer {
  let at = 0;
  while (at < Math.min(3, bytes.length) && ((bytes[at] ?? 0) & 0xc0) === 0x80) at += 1;
  return bytes.subarray(at);
}

function decode(bytes: Buffer): string | null {
  if (bytes.includes(0)) return null;
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

/** The text of whole bytes, or null when they are none. */
export function textOf(bytes: Buffer): string | null {
  return decode(bytes);
}

/** A stream as an agent is shown it. */
export type Shown =
  | { readonly kind: "text"; readonly text: string; readonly cut: number }
  | { readonly kind: "binary"; readonly bytes: Buffer; readonly total: number };

/** Text with a mark where something was cut out, or, when it is no text, the bytes as they are. */
export function showCaptured(captured: Captured): Shown {
  const { head, tail, total } = captured;
  const cut = cutBytes(captured);
  if (cut === 0) {
    const all = Buffer.concat([head, tail]);
    const text = decode(all);
    return text === null ? { kind: "binary", bytes: all, total } : { kind: "text", text, cut };
  }
  const [first, last] = [trimEnd(head), trimStart(tail)];
  const [start, end] = [decode(first), decode(last)];
  if (start === null || end === null) return { kind: "binary", bytes: head, total };
  const left = total - first.length - last.length;
  return { kind: "text", text: `${start}\n[… ${left} bytes were cut here …]\n${end}`, cut: left };
}
