import { PassThrough, Readable } from "node:stream";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  dataFrame,
  dataFrameBytes,
  type Frame,
  jsonFrame,
  readFrames,
  writeFrame,
} from "../../../src/workspace/frames.js";

const frame = fc.oneof(
  fc.uint8Array({ maxLength: 600 }).map((data): Frame => ({ type: "D", data: Buffer.from(data) })),
  fc.jsonValue().map((message): Frame => ({ type: "J", message: JSON.parse(JSON.stringify(message)) })),
);

const encode = (each: Frame): Buffer => (each.type === "D" ? dataFrame(each.data) : jsonFrame(each.message));

function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function readAll(chunks: Iterable<Buffer>): Promise<{ readonly frames: Frame[]; readonly error: unknown }> {
  const frames: Frame[] = [];
  try {
    for await (const each of readFrames(Readable.from(chunks, { objectMode: true }))) frames.push(each);
  } catch (error) {
    return { frames, error };
  }
  return { frames, error: null };
}

describe("frames of the keeper's protocol", () => {
  it("come out as they went in, however the bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(frame, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 }),
        async (frames, sizes) => {
          const { frames: read } = await readAll(cut(Buffer.concat(frames.map(encode)), sizes));
          expect(read).toEqual(frames);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("keep paths of any bytes", async () => {
    const { frames } = await readAll([jsonFrame({ path: "a\udcff\udc80/é🙂\n\u2028" })]);
    expect(frames).toEqual([{ type: "J", message: { path: "a\udcff\udc80/é🙂\n\u2028" } }]);
  });

  it("cut off anywhere are a broken connection, never a short answer", async () => {
    const bytes = Buffer.concat([jsonFrame({ done: true }), dataFrame(Buffer.alloc(20))]);
    for (let end = 0; end < bytes.length; end += 1) {
      const { frames, error } = await readAll([bytes.subarray(0, end)]);
      expect(frames.length).toBe(end < jsonFrame({ done: true }).length ? 0 : 1);
      expect(error).toMatchObject({ code: "E_KEEPER_FAILED" });
    }
  });

  it.each([
    ["of no length", Buffer.from([0, 0, 0, 0, 0x4a])],
    ["of four gigabytes", Buffer.from([0xff, 0xff, 0xff, 0xff, 0x4a])],
    ["of data above the limit", Buffer.concat([Buffer.from([0, 4, 0, 2, 0x44])])],
    ["of an unknown type", Buffer.from([0, 0, 0, 2, 0x58, 0])],
    ["that is not JSON", Buffer.from([0, 0, 0, 2, 0x4a, 0x7b])],
  ])("%s are refused before anything is held", async (_what, bytes) => {
    expect((await readAll([bytes])).error).toMatchObject({ code: "E_KEEPER_FAILED" });
  });

  it("above the limit are not sent", () => {
    expect(() => jsonFrame({ text: "x".repeat(17 * 1024 * 1024) })).toThrow("would have");
    expect(dataFrame(Buffer.alloc(dataFrameBytes)).readUInt32BE(0)).toBe(dataFrameBytes + 1);
  });

  it("pass on what broke the stream", async () => {
    const stream = new PassThrough();
    const next = readFrames(stream).next();
    stream.destroy(new Error("ECONNRESET of the engine"));
    await expect(next).rejects.toMatchObject({
      code: "E_KEEPER_FAILED",
      cause: { message: "ECONNRESET of the engine" },
    });
    await expect(writeFrame(stream, jsonFrame({}))).rejects.toMatchObject({ code: "E_KEEPER_FAILED" });
  });
});
