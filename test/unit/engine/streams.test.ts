import { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openStreams } from "../../../src/engine/streams.js";

/** The engine's end of a connection: what it sends is pushed, what it gets is collected. */
class Wire extends Duplex {
  readonly got: Buffer[] = [];
  asked = 0;

  override _read(): void {
    this.asked += 1;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.got.push(chunk);
    done();
  }
}

function frame(kind: number, content: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header[0] = kind;
  header.writeUInt32BE(content.length, 4);
  return Buffer.concat([header, content]);
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

describe("the streams of a hijacked connection", () => {
  test("come apart the same however the bytes are cut", async () => {
    const framesOf = fc.array(
      fc.record({ kind: fc.constantFrom(0, 1, 2), content: fc.uint8Array({ maxLength: 300 }) }),
    );
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(framesOf, sizes, async (frames, sizesOf) => {
        const wire = new Wire();
        const { stdout, stderr } = openStreams(wire, false);
        const both = Promise.all([readAll(stdout), readAll(stderr ?? stdout)]);
        const bytes = Buffer.concat(frames.map(({ kind, content }) => frame(kind, content)));
        for (const piece of cut(bytes, sizesOf)) wire.push(piece);
        wire.push(null);
        const wanted = (isErr: boolean) =>
          Buffer.concat(frames.filter(({ kind }) => (kind === 2) === isErr).map(({ content }) => content));
        const [out, err] = await both;
        expect(out.equals(wanted(false)) && err.equals(wanted(true))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test("that end inside a frame or a header are broken, not short", async () => {
    for (const bytes of [frame(1, Buffer.from("hello")).subarray(0, 10), Buffer.from([1, 0, 0])]) {
      const wire = new Wire();
      const { stdout, stderr } = openStreams(wire, false);
      stderr?.resume();
      wire.push(bytes);
      wire.push(null);
      await expect(readAll(stdout)).rejects.toMatchObject({ code: "E_ENGINE_LOST" });
    }
  });

  test("that are garbled are an error, not data", async () => {
    const wire = new Wire();
    const { stdout } = openStreams(wire, false);
    wire.push(Buffer.from("HTTP/1.1 500 Internal Server Error\r\n"));
    await expect(readAll(stdout)).rejects.toMatchObject({ code: "E_ENGINE_ANSWER" });
    expect(wire.destroyed).toBe(true);
  });

  test("stop asking for more while nobody reads, and go on when somebody does", async () => {
    const wire = new Wire();
    const { stdout, stderr } = openStreams(wire, false);
    const block = frame(1, Buffer.alloc(1 << 14));
    let sent = 0;
    for (let turn = 0; turn < 400; turn++) {
      if (!wire.push(block)) await sleep(1);
      sent += 1;
      if (wire.isPaused()) break;
    }
    expect(sent).toBeLessThan(20);
    stderr?.resume();
    const all = readAll(stdout);
    await sleep(5);
    expect(wire.isPaused()).toBe(false);
    wire.push(null);
    expect(await all).toHaveLength(sent << 14);
  });

  test("are over without an error when the engine resets a connection between frames", async () => {
    const wire = new Wire();
    const { stdout, stderr, stdin } = openStreams(wire, false);
    stderr?.resume();
    wire.push(frame(1, Buffer.from("all")));
    setTimeout(() => wire.destroy(Object.assign(new Error("reset"), { code: "ECONNRESET" })), 5);
    expect((await readAll(stdout)).toString()).toBe("all");
    await sleep(1);
    expect(stdin.destroyed).toBe(true);
  });

  test("pass stdin on, half-close at its end, and not with a terminal", async () => {
    for (const tty of [false, true]) {
      const wire = new Wire();
      const { stdin } = openStreams(wire, tty);
      await new Promise<void>((resolve) => stdin.end(Buffer.from([0, 255, 10]), resolve));
      expect(Buffer.concat(wire.got)).toEqual(Buffer.from([0, 255, 10]));
      expect(wire.writableEnded).toBe(!tty);
    }
  });

  test("with a terminal are not taken apart", async () => {
    const wire = new Wire();
    const { stdout, stderr } = openStreams(wire, true);
    wire.push(frame(2, Buffer.from("raw")));
    wire.push(null);
    expect(stderr).toBeNull();
    expect(await readAll(stdout)).toEqual(frame(2, Buffer.from("raw")));
  });

  test("are closed by disposing them", async () => {
    const wire = new Wire();
    const streams = openStreams(wire, false);
    await streams[Symbol.asyncDispose]();
    await streams[Symbol.asyncDispose]();
    expect([wire, streams.stdin, streams.stdout, streams.stderr].map((stream) => stream?.destroyed)).toEqual(
      Array(4).fill(true),
    );
    await streams.over;
  });
});
