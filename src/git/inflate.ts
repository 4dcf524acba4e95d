import { inflateSync } from "node:zlib";

// Deflate grows what it cannot compress by a few bytes in each block; more than this is not what git wrote.
const slack = 4_096;

/**
 * Inflates a zlib stream that may be followed by anything. Null when it is none, or would become larger than `maxBytes`:
 * 64 KiB of zeros and distances make 64 MiB.
 */
export function inflateBounded(bytes: Uint8Array, maxBytes: number): Buffer | null {
  try {
    return inflateSync(bytes.subarray(0, maxBytes + (maxBytes >> 4) + slack), {
      maxOutputLength: Math.max(1, maxBytes),
    });
  } catch {
    return null;
  }
}
