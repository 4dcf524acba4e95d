import { PassThrough } from "node:stream";
import { ToolChannel } from "../../../src/tools/tool-channel.js";

/** Any frame, also one that no tool server may send. */
export function rawFrame(type: number, id: number, payload: Uint8Array | string = ""): Buffer {
  const body = Buffer.from(payload);
  const header = Buffer.alloc(8);
  header.writeUInt32BE(type * 2 ** 24 + body.length, 0);
  header.writeUInt32BE(id, 4);
  return Buffer.concat([header, body]);
}

export const ready = rawFrame(16, 0, Buffer.of(1));
export const out = (id: number, bytes: string | Uint8Array): Buffer => rawFrame(17, id, bytes);
export const err = (id: number, bytes: string): Buffer => rawFrame(18, id, bytes);
export const done = (id: number, ...records: readonly string[]): Buffer =>
  rawFrame(19, id, records.map((each) => `${each}\0`).join(""));
export const failed = (id: number, ...records: readonly string[]): Buffer =>
  rawFrame(20, id, records.map((each) => `${each}\0`).join(""));

/** The far end of a tool channel, played by a test: says what it likes, and sees what it is sent. */
export class ServerEnd implements AsyncDisposable {
  readonly stdin = new PassThrough({ highWaterMark: 1 << 26 });
  readonly stdout = new PassThrough();
  readonly channel: ToolChannel;
  disposed = 0;

  constructor() {
    this.channel = new ToolChannel({
      stdin: this.stdin,
      stdout: this.stdout,
      stderr: null,
      [Symbol.asyncDispose]: async () => {
        this.disposed += 1;
        this.stdout.destroy();
      },
    });
  }

  say(...frames: readonly Buffer[]): void {
    this.stdout.write(Buffer.concat(frames));
  }

  /** Every frame that the host sent so far. */
  sent(): { readonly type: number; readonly id: number; readonly payload: Buffer }[] {
    const bytes = (this.stdin.read() as Buffer | null) ?? Buffer.alloc(0);
    const frames = [];
    for (let at = 0; at < bytes.length; ) {
      const word = bytes.readUInt32BE(at);
      const end = at + 8 + (word & 0xffffff);
      frames.push({ type: word >>> 24, id: bytes.readUInt32BE(at + 4), payload: bytes.subarray(at + 8, end) });
      at = end;
    }
    return frames;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.channel[Symbol.asyncDispose]();
  }
}

/** Lets everything that is on its way arrive. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
