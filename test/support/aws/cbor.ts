/** What stands in CBOR between the stub and its clients: no tags but dates, which come back as numbers, and no indefinite lengths. */
export type CborValue =
  | string
  | number
  | boolean
  | null
  | Buffer
  | readonly CborValue[]
  | { readonly [name: string]: CborValue };

function head(major: number, value: number): Buffer {
  if (value < 24) return Buffer.from([(major << 5) | value]);
  const size = value < 256 ? 1 : value < 65_536 ? 2 : 4;
  const bytes = Buffer.alloc(size + 1);
  bytes[0] = (major << 5) | (size === 1 ? 24 : size === 2 ? 25 : 26);
  bytes.writeUIntBE(value, 1, size);
  return bytes;
}

function encodeNumber(value: number): Buffer {
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 32) return value < 0 ? head(1, -1 - value) : head(0, value);
  const bytes = Buffer.alloc(9);
  bytes[0] = 0xfb;
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

export function encodeCbor(value: CborValue): Buffer {
  if (typeof value === "string") return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === "number") return encodeNumber(value);
  if (typeof value === "boolean") return Buffer.from([value ? 0xf5 : 0xf4]);
  if (value === null) return Buffer.from([0xf6]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(encodeCbor)]);
  const pairs = Object.entries(value as { readonly [name: string]: CborValue });
  return Buffer.concat([head(5, pairs.length), ...pairs.flatMap((pair) => pair.map(encodeCbor))]);
}

/** Throws on what is not whole. */
export function decodeCbor(bytes: Buffer): CborValue {
  let at = 0;
  const argument = (short: number): number => {
    if (short < 24) return short;
    if (short === 27) {
      at += 8;
      return Number(bytes.readBigUInt64BE(at - 8));
    }
    const size = short === 24 ? 1 : short === 25 ? 2 : 4;
    at += size;
    return bytes.readUIntBE(at - size, size);
  };
  const special = (short: number): CborValue => {
    if (short === 26) {
      at += 4;
      return bytes.readFloatBE(at - 4);
    }
    if (short !== 27) return short === 22 || short === 23 ? null : short === 21;
    at += 8;
    return bytes.readDoubleBE(at - 8);
  };
  const next = (): CborValue => {
    const first = bytes.readUInt8(at++);
    const [major, short] = [first >> 5, first & 31];
    if (major === 7) return special(short);
    const value = argument(short);
    if (major === 0) return value;
    if (major === 1) return -1 - value;
    if (major === 6) return next();
    if (major === 4) return Array.from({ length: value }, next);
    if (major === 5) return Object.fromEntries(Array.from({ length: value }, () => [String(next()), next()]));
    at += value;
    const piece = bytes.subarray(at - value, at);
    return major === 2 ? piece : piece.toString();
  };
  return next();
}
