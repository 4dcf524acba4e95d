/**
 * Paths are bytes. Inside Airlock a path is a string in Python's surrogateescape form: valid UTF-8 as itself, every byte
 * 0xNN that is not part of valid UTF-8 as the lone surrogate U+DCNN (PEP 383). The two functions are inverse to each other
 * for every byte string without NUL.
 */
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Turns the bytes of a path into a string; bytes that are not UTF-8 are kept as lone surrogates. */
export function decodePath(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return decodeMixed(bytes);
  }
}

function decodeMixed(bytes: Uint8Array): string {
  let out = "";
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes[at] ?? 0);
    const piece = length === 0 ? undefined : decodeOne(bytes.subarray(at, at + length), length);
    if (piece === undefined) {
      out += String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
      at += 1;
    } else {
      out += piece;
      at += length;
    }
  }
  return out;
}

function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

function decodeOne(bytes: Uint8Array, length: number): string | undefined {
  if (bytes.length !== length) return undefined;
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Turns such a string back into the exact bytes of the path. */
export function encodePath(path: string): Buffer {
  if (!/[\udc80-\udcff]/.test(path)) return Buffer.from(path, "utf8");
  const parts: Buffer[] = [];
  for (const character of path) {
    const unit = character.codePointAt(0) ?? 0;
    const escaped = unit >= 0xdc80 && unit <= 0xdcff;
    parts.push(escaped ? Buffer.from([unit - 0xdc00]) : Buffer.from(character, "utf8"));
  }
  return Buffer.concat(parts);
}

/** Compares two paths by their bytes, the order in which trees are walked. */
export function comparePaths(left: string, right: string): number {
  return left === right ? 0 : Buffer.compare(encodePath(left), encodePath(right));
}
