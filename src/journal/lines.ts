import type { FileHandle } from "node:fs/promises";
import { lastPart, type OpenPart, openPart } from "./parts.js";

const pieceBytes = 1024 * 1024;
const maxLineBytes = 16 * 1024 * 1024;

/** Whole lines of a part of a journal, and what stands behind the last of them. */
export interface LineBatch {
  readonly lines: readonly Buffer[];
  /** Bytes behind the last line's end: half a line, or nothing. Not zero only in the last batch of a part. */
  readonly torn: number;
  /** The lines belong to a part that nothing is added to any more. */
  readonly isFull: boolean;
}

/** Asked at the end of what there is: whether to go on when more has been written. */
export type AwaitMore = () => Promise<boolean>;

function split(bytes: Buffer): { readonly lines: Buffer[]; readonly rest: Buffer } {
  const lines: Buffer[] = [];
  let from = 0;
  for (let to = bytes.indexOf(10); to !== -1; to = bytes.indexOf(10, from)) {
    lines.push(bytes.subarray(from, to));
    from = to + 1;
  }
  return { lines, rest: bytes.subarray(from) };
}

interface Piece {
  readonly lines: readonly Buffer[];
  /** Where the last whole line ends. */
  readonly end: number;
  /** Bytes behind it; known at the end only. */
  readonly torn: number;
}

async function* readOn(file: FileHandle, from: number): AsyncGenerator<Piece> {
  let rest: Buffer = Buffer.alloc(0);
  let at = from;
  while (rest.length <= maxLineBytes) {
    const piece = Buffer.allocUnsafe(pieceBytes);
    const { bytesRead } = await file.read(piece, 0, pieceBytes, at);
    if (bytesRead === 0) break;
    at += bytesRead;
    const found = split(Buffer.concat([rest, piece.subarray(0, bytesRead)]));
    rest = found.rest;
    if (found.lines.length > 0) yield { lines: found.lines, end: at - rest.length, torn: 0 };
  }
  yield { lines: [], end: at - rest.length, torn: rest.length };
}

// What is written while it is read belongs to it; half a line is read again from its beginning, as the next writer may cut it off.
async function* readPart({ file, isFull }: OpenPart, from: number, awaitMore?: AwaitMore): AsyncGenerator<LineBatch> {
  let at = from;
  for (;;) {
    const wasFull = isFull();
    let torn = 0;
    for await (const piece of readOn(file, at)) {
      ({ end: at, torn } = piece);
      if (piece.lines.length > 0) yield { lines: piece.lines, torn: 0, isFull: wasFull };
    }
    const isOver = wasFull || awaitMore === undefined;
    if (isOver && torn > 0) yield { lines: [], torn, isFull: wasFull };
    if (isOver || !(await awaitMore())) return;
  }
}

/**
 * Reads the lines of all parts of a journal, oldest first, many at a time; a journal that is not there has none. With
 * `awaitMore` it goes on with what is written meanwhile, also in further parts, until that says no; with `fromNow` it begins there.
 */
export async function* readLineBatches(
  journal: string,
  awaitMore?: AwaitMore,
  fromNow = false,
): AsyncGenerator<LineBatch> {
  let isOver = false;
  const more = async (): Promise<boolean> => {
    isOver = isOver || awaitMore === undefined || !(await awaitMore());
    return !isOver;
  };
  let isNow = fromNow;
  for (let number = fromNow ? lastPart(journal) + 1 : 1; !isOver; ) {
    await using part = await openPart(journal, number);
    if (part === null) {
      isNow = false;
      await more();
      continue;
    }
    const from = isNow ? (await part.file.stat()).size : 0;
    isNow = false;
    yield* readPart(part, from, awaitMore === undefined ? undefined : more);
    isOver ||= !part.isFull();
    number += 1;
  }
}
