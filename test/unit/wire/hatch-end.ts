import { frameTypes } from "../../../src/wire/frames.js";
import type { StreamEvents, WireStream } from "../../../src/wire/stream.js";
import { Wire } from "../../../src/wire/wire.js";

/** Any frame, also one that no hatch may send. */
export function rawFrame(type: number, id: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const bytes = Buffer.alloc(8 + payload.length);
  bytes.writeUInt32BE(type * 2 ** 24 + payload.length, 0);
  bytes.writeUInt32BE(id, 4);
  bytes.set(payload, 8);
  return bytes;
}

export const ready = rawFrame(frameTypes.ready, 0, Buffer.from([1, 0]));

export function openPayload(kind: number, port: number, name: string): Buffer {
  const bytes = Buffer.alloc(5 + name.length);
  bytes.writeUInt8(kind, 0);
  bytes.writeUInt16BE(port, 1);
  bytes.writeUInt16BE(40_000, 3);
  bytes.write(name, 5, "latin1");
  return bytes;
}

export const open = (id: number, name = "a.example", port = 443): Buffer =>
  rawFrame(frameTypes.open, id, openPayload(1, port, name));
export const data = (id: number, bytes: string | Uint8Array): Buffer =>
  rawFrame(frameTypes.data, id, Buffer.from(bytes as string));
export const end = (id: number): Buffer => rawFrame(frameTypes.end, id);
export const reset = (id: number): Buffer => rawFrame(frameTypes.reset, id);

export function credit(id: number, amount: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(amount, 0);
  return rawFrame(frameTypes.window, id, payload);
}

export interface Sent {
  readonly type: number;
  readonly id: number;
  readonly payload: Buffer;
}

/** The frames in what the host sent. */
export function framesOf(bytes: Buffer): Sent[] {
  const frames: Sent[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at) & 0xffffff;
    frames.push({
      type: bytes.readUInt8(at),
      id: bytes.readUInt32BE(at + 4),
      payload: bytes.subarray(at + 8, at + 8 + length),
    });
    at += 8 + length;
  }
  return frames;
}

/** What happened to one stream on the host. */
export class Seen implements StreamEvents {
  received = Buffer.alloc(0);
  ended = false;
  closed: boolean | null = null;
  drains = 0;
  accepted = false;
  afterClose = 0;

  onData(piece: Buffer): void {
    if (this.closed !== null) this.afterClose += 1;
    this.received = Buffer.concat([this.received, piece]);
  }
  onEnd(): void {
    this.ended = true;
  }
  onDrain(): void {
    this.drains += 1;
  }
  onClose(clean: boolean): void {
    if (this.closed !== null) this.afterClose += 1;
    this.closed = clean;
  }
  onAccepted(): void {
    this.accepted = true;
  }
}

/** A wire whose other end is the test. */
export class Lab {
  readonly streams: WireStream[] = [];
  readonly seen = new Map<number, Seen>();
  readonly wire: Wire;
  readyPorts: readonly number[] | null = null;
  stuck: Error | null = null;
  takesMore = true;
  waiting = 0;
  #sent: Buffer[] = [];

  constructor(ports: readonly number[] = [443]) {
    const lab = this;
    this.wire = new Wire(
      {
        write: (...parts) => {
          this.#sent.push(...parts.map((part) => Buffer.from(part)));
          return this.takesMore;
        },
        get waiting() {
          return lab.waiting;
        },
      },
      ports,
      {
        onReady: (failed) => {
          this.readyPorts = failed;
        },
        onOpen: (stream) => this.adopt(stream),
        onStuck: (error) => {
          this.stuck = error;
        },
      },
    );
  }

  adopt(stream: WireStream): Seen {
    const seen = new Seen();
    stream.events = seen;
    this.streams.push(stream);
    this.seen.set(stream.id, seen);
    return seen;
  }

  push(...frames: Buffer[]): this {
    for (const frame of frames) this.wire.push(frame);
    return this;
  }

  stream(index = 0): WireStream {
    const stream = this.streams[index];
    if (stream === undefined) throw new Error(`no stream ${index}`);
    return stream;
  }

  /** What the host sent since the last call. */
  sent(): Sent[] {
    const bytes = Buffer.concat(this.#sent);
    this.#sent = [];
    return framesOf(bytes);
  }
}
