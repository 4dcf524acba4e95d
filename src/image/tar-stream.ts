import { createReadStream } from "node:fs";
import { Readable } from "node:stream";

/** A file of a build context: its bytes, or where they lie on this machine. */
export interface ContextFile {
  /** Relative, `/`-separated, at most 100 bytes. */
  readonly name: string;
  readonly executable: boolean;
  readonly content: Buffer | { readonly path: string; readonly size: number };
}

const blockBytes = 512;

function field(text: string, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  if (bytes.write(text) < Buffer.byteLength(text)) throw new RangeError(`too long for a tar header: ${text}`);
  return bytes;
}

function octal(value: number, length: number): Buffer {
  return field(`${value.toString(8).padStart(length - 1, "0")}\0`, length);
}

function header({ name, executable }: ContextFile, size: number): Buffer {
  const parts = [
    field(name, 100),
    octal(executable ? 0o755 : 0o644, 8),
    octal(0, 8),
    octal(0, 8),
    octal(size, 12),
    octal(0, 12),
    field("        ", 8),
    field("0", 1),
    field("", 100),
    field("ustar\x0000", 8),
  ];
  const block = Buffer.concat([...parts, Buffer.alloc(blockBytes - Buffer.concat(parts).length)]);
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  octal(checksum, 7).copy(block, 148);
  return block;
}

async function* blocks(files: Iterable<ContextFile>): AsyncGenerator<Buffer> {
  for (const file of files) {
    const { content } = file;
    const size = Buffer.isBuffer(content) ? content.length : content.size;
    yield header(file, size);
    if (Buffer.isBuffer(content)) yield content;
    else yield* createReadStream(content.path) as AsyncIterable<Buffer>;
    yield Buffer.alloc((blockBytes - (size % blockBytes)) % blockBytes);
  }
  yield Buffer.alloc(2 * blockBytes);
}

/** The files as a ustar stream owned by root without times, so that the same content is always the same bytes for the engine's build cache. */
export function tarStream(files: Iterable<ContextFile>): Readable {
  return Readable.from(blocks(files), { objectMode: false });
}
