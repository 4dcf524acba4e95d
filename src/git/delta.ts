interface Cursor {
  at: number;
}

function readSize(delta: Buffer, cursor: Cursor): number | null {
  let size = 0;
  for (let scale = 1; scale <= 2 ** 42; scale *= 128) {
    const byte = delta[cursor.at];
    if (byte === undefined) return null;
    cursor.at += 1;
    size += (byte & 0x7f) * scale;
    if ((byte & 0x80) === 0) return size;
  }
  return null;
}

// The bits of the first byte say which bytes of offset and length follow; those left out are zero.
function readNumber(delta: Buffer, cursor: Cursor, bits: number, count: number): number {
  let value = 0;
  for (let at = 0; at < count; at += 1) {
    if ((bits & (1 << at)) === 0) continue;
    value += (delta[cursor.at] ?? 0) * 256 ** at;
    cursor.at += 1;
  }
  return value;
}

/** What a delta of git's makes of its base; null when they do not fit each other or the result is larger than allowed. */
export function applyDelta(base: Buffer | null, delta: Buffer, maxBytes: number): Buffer | null {
  const cursor: Cursor = { at: 0 };
  const from = readSize(delta, cursor);
  const size = readSize(delta, cursor);
  if (base === null || from !== base.length || size === null || size > maxBytes) return null;
  const result = Buffer.alloc(size);
  let filled = 0;
  while (cursor.at < delta.length) {
    const op = delta[cursor.at] ?? 0;
    cursor.at += 1;
    if (op === 0) return null;
    let source = delta;
    let start = cursor.at;
    let length = op;
    if ((op & 0x80) === 0) cursor.at += op;
    else {
      source = base;
      start = readNumber(delta, cursor, op & 0x0f, 4);
      length = readNumber(delta, cursor, (op >> 4) & 0x07, 3) || 0x10000;
    }
    if (start + length > source.length || filled + length > size) return null;
    source.copy(result, filled, start, start + length);
    filled += length;
  }
  return filled === size ? result : null;
}
