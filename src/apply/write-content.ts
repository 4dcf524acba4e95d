import { createHash, type Hash } from "node:crypto";
import { closeSync, constants, fstatSync, ftruncateSync, openSync, write, writeSync } from "node:fs";
import { promisify } from "node:util";
import type { ContentPart, HostState } from "../model/apply.js";
import { conflictAt } from "./failures.js";
import { stateOfStats } from "./host-state.js";

const writeAsync = promisify(write);
const block = 4096;
const zeros = Buffer.alloc(64 * 1024);
/** A detour through the thread pool costs more than writing so much. */
export const smallContent = 256 * 1024;

/** What a file must turn out to be. */
export interface Promised {
  readonly path: string;
  readonly size: number | undefined;
  readonly sha256: string | undefined;
}

/** Told how many bytes are about to take room on the disk. */
export type OnWrite = (bytes: number) => void;

/**
 * Writes one new file and holds it against what was promised: bytes that a person did not review never come into being
 * under a name of the project. Holes stay holes, and long runs of zeros become some.
 */
export class ContentWriter implements Disposable {
  readonly promised: Promised;
  readonly #handle: number;
  readonly #onWrite: OnWrite;
  readonly #hash: Hash = createHash("sha256");
  #at = 0;
  #ended = 0;

  constructor(path: Buffer, mode: number, promised: Promised, onWrite: OnWrite) {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    this.#handle = openSync(path, flags, mode);
    this.promised = promised;
    this.#onWrite = onWrite;
  }

  get handle(): number {
    return this.#handle;
  }

  async writeAll(parts: AsyncIterable<ContentPart>, signal: AbortSignal): Promise<void> {
    for await (const part of parts) {
      signal.throwIfAborted();
      if (part instanceof Uint8Array) await this.write(part);
      else this.#skip(part.hole, signal);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (const [from, to, position] of this.#runsOf(bytes)) {
      await writeWhole(this.#handle, bytes.subarray(from, to), position);
    }
  }

  /** The same for a few bytes, without a promise for each file. */
  writeSmall(bytes: Uint8Array): void {
    for (const [from, to, position] of this.#runsOf(bytes)) {
      writeWholeSync(this.#handle, bytes.subarray(from, to), position);
    }
  }

  *#runsOf(bytes: Uint8Array): Generator<readonly [from: number, to: number, position: number]> {
    this.#advance(bytes.length);
    this.#hash.update(bytes);
    const start = this.#at - bytes.length;
    for (const [from, to] of dataRuns(bytes, start)) {
      this.#onWrite(to - from);
      yield [from, to, start + from];
      this.#ended = start + to;
    }
  }

  #skip(length: number, signal: AbortSignal): void {
    this.#advance(length);
    for (let left = length; left > 0; left -= zeros.length) {
      signal.throwIfAborted();
      this.#hash.update(zeros.subarray(0, Math.min(left, zeros.length)));
    }
  }

  // A source that never ends must not fill the disk before its hash is looked at.
  #advance(length: number): void {
    this.#at += length;
    const { path, size } = this.promised;
    if (size !== undefined && this.#at > size)
      throw conflictAt(path, "is longer in the session than it was when you looked");
  }

  /** Compares, and gives the file its full length. */
  finish(): void {
    const { path, size, sha256 } = this.promised;
    const differs =
      (size !== undefined && size !== this.#at) || (sha256 !== undefined && sha256 !== this.#hash.digest("hex"));
    if (differs) throw conflictAt(path, "is not in the session any more what it was when you looked");
    if (this.#ended < this.#at) ftruncateSync(this.#handle, this.#at);
  }

  state(): HostState {
    return stateOfStats(fstatSync(this.#handle, { bigint: true }));
  }

  [Symbol.dispose](): void {
    closeSync(this.#handle);
  }
}

async function writeWhole(handle: number, bytes: Uint8Array, position: number): Promise<void> {
  if (bytes.length <= smallContent) return writeWholeSync(handle, bytes, position);
  for (let done = 0; done < bytes.length; ) {
    const rest = bytes.subarray(done);
    done += (await writeAsync(handle, rest, 0, rest.length, position + done)).bytesWritten;
  }
}

function writeWholeSync(handle: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(handle, bytes, done, bytes.length - done, position + done);
  }
}

/** The parts of a buffer that are not whole blocks of zeros, as they lie in the file. */
function dataRuns(bytes: Uint8Array, position: number): readonly (readonly [number, number])[] {
  if (bytes.length < block) return bytes.length === 0 ? [] : [[0, bytes.length]];
  const runs: [number, number][] = [];
  const first = (block - (position % block)) % block;
  let from = 0;
  for (let at = first; at + block <= bytes.length; at += block) {
    // One byte tells nearly always.
    if (bytes[at] !== 0 || Buffer.compare(bytes.subarray(at, at + block), zeros.subarray(0, block)) !== 0) continue;
    if (at > from) runs.push([from, at]);
    from = at + block;
  }
  if (from < bytes.length) runs.push([from, bytes.length]);
  return runs;
}
