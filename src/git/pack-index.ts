import { isObjectId } from "./refs.js";

const magic = 0xff744f63;
const fanoutBytes = 8 + 256 * 4;
const maxObjects = 2_000_000;

/** Where a pack's objects begin, by their ids. */
export interface PackIndex {
  readonly count: number;
  /** Null: not in this pack. */
  offsetOf(id: string): number | null;
}

/** Where in the index its tables begin. */
interface Tables {
  readonly bytes: Buffer;
  readonly count: number;
  readonly idBytes: number;
}

function readOffset({ bytes, count, idBytes }: Tables, at: number): number | null {
  const small = fanoutBytes + count * (idBytes + 4) + at * 4;
  const value = bytes.readUInt32BE(small);
  if (value < 0x80000000) return value;
  const large = fanoutBytes + count * (idBytes + 8) + (value - 0x80000000) * 8;
  if (large + 8 > bytes.length - 2 * idBytes) return null;
  const offset = bytes.readBigUInt64BE(large);
  return offset <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(offset) : null;
}

function find(tables: Tables, id: string): number | null {
  const { bytes, count, idBytes } = tables;
  if (!isObjectId(id) || id.length !== idBytes * 2) return null;
  const wanted = Buffer.from(id, "hex");
  const first = wanted[0] ?? 0;
  let low = first === 0 ? 0 : bytes.readUInt32BE(8 + (first - 1) * 4);
  let high = Math.min(count, bytes.readUInt32BE(8 + first * 4));
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = fanoutBytes + middle * idBytes;
    const order = wanted.compare(bytes, at, at + idBytes);
    if (order === 0) return readOffset(tables, middle);
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return null;
}

/** Reads a pack index of version 2; null when it is none. The ids' length (20 or 32 bytes) follows from its size. */
export function parsePackIndex(file: Uint8Array, idBytes: 20 | 32): PackIndex | null {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.length);
  if (bytes.length < fanoutBytes || bytes.readUInt32BE(0) !== magic || bytes.readUInt32BE(4) !== 2) return null;
  const count = bytes.readUInt32BE(8 + 255 * 4);
  if (count > maxObjects || bytes.length < fanoutBytes + count * (idBytes + 8) + 2 * idBytes) return null;
  const tables: Tables = { bytes, count, idBytes };
  return { count, offsetOf: (id) => find(tables, id) };
}
