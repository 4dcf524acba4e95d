import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type ChunkSeed, SignedChunks } from "../../../src/gateway/aws-chunked.js";
import { emptyHash, scopeText, sha256, signingKey, signText } from "../../../src/gateway/signature.js";

const scope = { day: "20261123", region: "eu-central-1", service: "s3" };
const seed: ChunkSeed = {
  key: signingKey("a secret", scope),
  date: "20261123T120000Z",
  scope,
  signature: "0".repeat(64),
};

function frame(pieces: readonly Buffer[], trailer: string | null = null): Buffer {
  let previous = seed.signature;
  const sign = (what: string, rest: string): string => {
    previous = signText(seed.key, [`AWS4-HMAC-SHA256-${what}`, seed.date, scopeText(scope), previous, rest].join("\n"));
    return previous;
  };
  const frames = [...pieces, Buffer.alloc(0)].map((piece) => {
    const head = `${piece.length.toString(16)};chunk-signature=${sign("PAYLOAD", `${emptyHash}\n${sha256(piece)}`)}\r\n`;
    return piece.length === 0 ? Buffer.from(head) : Buffer.concat([Buffer.from(head), piece, Buffer.from("\r\n")]);
  });
  const end =
    trailer === null
      ? "\r\n"
      : `${trailer}\r\nx-amz-trailer-signature:${sign("TRAILER", sha256(`${trailer}\n`))}\r\n\r\n`;
  return Buffer.concat([...frames, Buffer.from(end)]);
}

async function decode(bytes: Buffer, length: number, cut = bytes.length): Promise<Buffer> {
  const pieces = Array.from({ length: Math.ceil(bytes.length / cut) }, (_, at) =>
    bytes.subarray(at * cut, (at + 1) * cut),
  );
  const got: Buffer[] = [];
  await pipeline(Readable.from(pieces), new SignedChunks(seed, length), async (decoded) => {
    for await (const piece of decoded) got.push(piece as Buffer);
  });
  return Buffer.concat(got);
}

test("the body comes out however it was cut, with and without checksums after it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 5 }),
      fc.integer({ min: 1, max: 400 }),
      fc.constantFrom(null, "x-amz-checksum-crc32:sOO8/Q=="),
      async (arrays, cut, trailer) => {
        const pieces = arrays.map((each) => Buffer.from(each));
        const body = Buffer.concat(pieces);
        expect((await decode(frame(pieces, trailer), body.length, cut)).equals(body)).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});

test("a byte changed anywhere never lets the body arrive whole", async () => {
  const bytes = frame([Buffer.from("first piece"), Buffer.from("second")], "x-amz-checksum-crc32:sOO8/Q==");
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    await expect(decode(changed, 17), `byte ${at}`).rejects.toThrow();
  }
});

test("what is missing, added or longer than announced is refused", async () => {
  const bytes = frame([Buffer.from("first piece")]);
  await expect(decode(bytes.subarray(0, -1), 11)).rejects.toThrow("before its last piece");
  await expect(decode(Buffer.concat([bytes, Buffer.from("x")]), 11)).rejects.toThrow("after the last piece");
  await expect(decode(bytes, 10)).rejects.toThrow("longer");
  await expect(decode(bytes, 12)).rejects.toThrow("not as long");
  await expect(decode(Buffer.from(`b;chunk-signature=${"f".repeat(2_000)}`), 11)).rejects.toThrow("too long");
});
