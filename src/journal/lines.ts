import { open } from "node:fs/promises";
import { systemCodeOf } from "../base/errors.js";

const pieceBytes = 1024 * 1024;
const maxLineBytes = 16 * 1024 * 1024;

/** Whole lines of a part of a file, and what stands behind the last of them. */
export interface LineBatch {
  readonly lines: readonly Buffer[];
  /** Bytes behind the last line's end: half a line, or nothing. Not zero only in the last batch, or beyond any line's length. */
  readonly torn: number;
}

function split(bytes: Buffer): { readonly lines: Buffer[]; readonly rest: Buffer } {
  const lines: Buffer[] = [];
  let from = 0;
  for (let to = bytes.indexOf(10); to !== -1; to = bytes.indexOf(10, from)) {
    lines.push(bytes.subarray(from, to));
    from = to + 1;
  }
  return { lines, rest: bytes.subarray(from) };
}

/** Reads a file's lines from an offset on, many at a time; a file that is not there has none. */
export async function* readLineBatches(path: string, offset = 0): AsyncGenerator<LineBatch> {
  let rest: Buffer = Buffer.alloc(0);
  try {
    await using file = await open(path, "r");
    for (let at = offset; ; ) {
      const piece = Buffer.allocUnsafe(pieceBytes);
      const { bytesRead } = await file.read(piece, 0, pieceBytes, at);
      if (bytesRead === 0) break;
      at += bytesRead;
      const found = split(Buffer.concat([rest, piece.subarray(0, bytesRead)]));
      rest = found.rest;
      if (rest.length > maxLineBytes) break;
      if (found.lines.length > 0) yield { lines: found.lines, torn: 0 };
    }
  } catch (error) {
    if (systemCodeOf(error) !== "ENOENT") throw error;
  }
  if (rest.length > 0) yield { lines: [], torn: rest.length };
}
