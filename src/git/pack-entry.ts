import { applyDelta } from "./delta.js";
import { inflateBounded } from "./inflate.js";
import type { PackIndex } from "./pack-index.js";

const commitType = 1;
const offsetDelta = 6;
const referenceDelta = 7;
// git writes chains of at most 4,095; its default is 50.
const maxChain = 64;

/** A pack and its index, both held in memory. */
export interface Pack {
  readonly bytes: Buffer;
  readonly index: PackIndex;
}

interface Header {
  readonly type: number;
  readonly size: number;
  readonly at: number;
}

function readHeader(bytes: Buffer, offset: number): Header | null {
  let byte = bytes[offset];
  if (byte === undefined) return null;
  const type = (byte >> 4) & 7;
  let size = byte & 15;
  let scale = 16;
  let at = offset + 1;
  while ((byte & 0x80) !== 0) {
    byte = bytes[at];
    if (byte === undefined || scale > 2 ** 40) return null;
    size += (byte & 0x7f) * scale;
    scale *= 128;
    at += 1;
  }
  return { type, size, at };
}

function readDistance(bytes: Buffer, start: number): { readonly distance: number; readonly at: number } | null {
  let at = start;
  let distance = 0;
  for (;;) {
    const byte = bytes[at];
    if (byte === undefined || distance > 2 ** 40) return null;
    at += 1;
    distance = distance * 128 + (byte & 0x7f);
    if ((byte & 0x80) === 0) return { distance, at };
    distance += 1;
  }
}

function baseOf({ bytes, index }: Pack, { type, at }: Header, offset: number, idBytes: number) {
  if (type === offsetDelta) {
    const found = readDistance(bytes, at);
    return found === null ? null : { offset: offset - found.distance, at: found.at };
  }
  const base = index.offsetOf(bytes.subarray(at, at + idBytes).toString("hex"));
  return base === null ? null : { offset: base, at: at + idBytes };
}

/** The body of the commit at an offset of a pack; null when there is none, or it cannot be read within the bounds. */
export function readPackedCommit(pack: Pack, start: number, idBytes: number, maxBytes: number): Buffer | null {
  const deltas: Buffer[] = [];
  const { bytes } = pack;
  let offset = start;
  for (let depth = 0; depth < maxChain; depth += 1) {
    const header = offset >= 12 ? readHeader(bytes, offset) : null;
    if (header === null || header.size > maxBytes) return null;
    const isDelta = header.type === offsetDelta || header.type === referenceDelta;
    if (!isDelta && header.type !== commitType) return null;
    const base = isDelta ? baseOf(pack, header, offset, idBytes) : null;
    if (isDelta && base === null) return null;
    const data = inflateBounded(bytes.subarray(base?.at ?? header.at), Math.max(1, header.size));
    if (data === null || data.length !== header.size) return null;
    if (base === null)
      return deltas.reduceRight<Buffer | null>((body, delta) => applyDelta(body, delta, maxBytes), data);
    deltas.push(data);
    offset = base.offset;
  }
  return null;
}
