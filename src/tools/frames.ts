import { AirlockError } from "../base/errors.js";

/** The numbers of the tool protocol, version 1 (docs/tool-protocol.md). */
export const toolProtocolVersion = 1;
export const maxCallBytes = 196_608;
export const maxInputFrameBytes = 65_536;
export const maxRunningCalls = 64;
export const maxInputBytes = 64 * 1024 * 1024;

const headerBytes = 8;
const callType = 1;
const inputType = 2;
const goType = 3;
const cancelType = 4;

/** What the server may send. */
export const answerTypes = { ready: 16, out: 17, err: 18, done: 19, failed: 20 } as const;

export const operations = {
  resolve: 1,
  read: 2,
  lines: 3,
  list: 4,
  glob: 5,
  grep: 6,
  write: 7,
  run: 8,
  shell: 9,
} as const;

export type Operation = keyof typeof operations;

/** `name=value`, in the order they are sent; a name may come several times. */
export type Records = readonly (readonly [name: string, value: string | number | Uint8Array])[];

/** Whatever speaks there is not our tool server. */
export function toolServerBroken(what: string): AirlockError {
  return new AirlockError("E_TOOL_SERVER", `the tool server in the sandbox broke its protocol: ${what}`, {
    hint: "something in the sandbox took its place; the next call starts another",
  });
}

const lengths: Readonly<Record<number, readonly [least: number, most: number]>> = {
  [answerTypes.ready]: [1, 1],
  [answerTypes.out]: [1, 65_536],
  [answerTypes.err]: [1, 65_536],
  [answerTypes.done]: [0, 8_192],
  [answerTypes.failed]: [0, 8_192],
};

function frame(type: number, id: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes + payload.length);
  bytes.writeUInt32BE(type * 2 ** 24 + payload.length, 0);
  bytes.writeUInt32BE(id, 4);
  bytes.set(payload, headerBytes);
  return bytes;
}

/** The records as bytes; throws when a value holds a NUL, which would begin a record of its own. */
export function encodeRecords(records: Records): Buffer {
  const parts = records.flatMap(([name, value]) => {
    const bytes = typeof value === "object" ? value : Buffer.from(String(value));
    if (bytes.includes(0)) throw new AirlockError("E_TOOL_ARGUMENTS", `${name} holds a NUL byte`);
    return [Buffer.from(`${name}=`), bytes, Buffer.of(0)];
  });
  return Buffer.concat(parts);
}

/** The frames of a call up to its first input. */
export function callFrame(id: number, operation: Operation, records: Records, hasInput: boolean): Buffer {
  const payload = Buffer.concat([Buffer.of(operations[operation], hasInput ? 1 : 0), encodeRecords(records)]);
  if (payload.length > maxCallBytes) {
    throw new AirlockError("E_TOOL_ARGUMENTS", `the arguments are longer than ${maxCallBytes} bytes`);
  }
  return frame(callType, id, payload);
}

/** The frames of a call's input, with the one that says it is whole. */
export function* inputFrames(id: number, input: Uint8Array): Generator<Buffer> {
  for (let at = 0; at < input.length; at += maxInputFrameBytes) {
    yield frame(inputType, id, input.subarray(at, at + maxInputFrameBytes));
  }
  yield frame(goType, id, new Uint8Array());
}

/** Ends a call. */
export function cancelFrame(id: number): Buffer {
  return frame(cancelType, id, new Uint8Array());
}

/** Cuts what a tool server sends into frames, of which it holds at most one. Throws at the first that ours would not send. */
export class AnswerCutter {
  readonly #take: (type: number, id: number, payload: Buffer) => void;
  readonly #header = Buffer.alloc(headerBytes);
  #headerLength = 0;
  #type = 0;
  #payload = Buffer.alloc(0);
  #filled = 0;

  constructor(take: (type: number, id: number, payload: Buffer) => void) {
    this.#take = take;
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#headerLength < headerBytes) {
        const copied = chunk.copy(this.#header, this.#headerLength, at, at + headerBytes - this.#headerLength);
        this.#headerLength += copied;
        at += copied;
        if (this.#headerLength === headerBytes) this.#begin();
      } else {
        const copied = chunk.copy(this.#payload, this.#filled, at);
        this.#filled += copied;
        at += copied;
      }
      if (this.#headerLength === headerBytes && this.#filled === this.#payload.length) this.#finish();
    }
  }

  #begin(): void {
    const word = this.#header.readUInt32BE(0);
    const length = word & 0xffffff;
    this.#type = word >>> 24;
    const bounds = lengths[this.#type];
    if (bounds === undefined) throw toolServerBroken(`a frame of type ${this.#type}`);
    if (length < bounds[0] || length > bounds[1]) {
      throw toolServerBroken(`a frame of type ${this.#type} with ${length} bytes`);
    }
    this.#payload = Buffer.alloc(length);
    this.#filled = 0;
  }

  #finish(): void {
    this.#headerLength = 0;
    this.#take(this.#type, this.#header.readUInt32BE(4), this.#payload);
  }
}

const maxRecords = 32;

/** The records of an answer; none comes twice. */
export function parseAnswerRecords(payload: Buffer): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  if (payload.length === 0) return records;
  if (payload.at(-1) !== 0) throw toolServerBroken("records without an end");
  for (const record of payload.toString("utf8", 0, payload.length - 1).split("\0")) {
    const at = record.indexOf("=");
    const name = record.slice(0, Math.max(at, 0));
    if (!/^[a-z]{1,16}$/.test(name) || records.has(name) || records.size >= maxRecords) {
      throw toolServerBroken("garbled records");
    }
    records.set(name, record.slice(at + 1));
  }
  return records;
}
