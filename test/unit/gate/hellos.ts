import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { connect } from "node:tls";

/** What a real TLS client says first. */
export async function realHello(servername: string | undefined): Promise<Buffer> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect({
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    ...(servername === undefined ? {} : { servername }),
  });
  client.on("error", () => undefined);
  const [socket] = (await once(server, "connection")) as [import("node:net").Socket];
  const [bytes] = (await once(socket, "data")) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

const vector = (size: 1 | 2, bytes: Buffer): Buffer => {
  const length = Buffer.alloc(size);
  length.writeUIntBE(bytes.length, 0, size);
  return Buffer.concat([length, bytes]);
};

export const extension = (type: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type >> 8, type & 255]), vector(2, body)]);

export const nameExtension = (name: string): Buffer =>
  extension(0, vector(2, Buffer.concat([Buffer.from([0]), vector(2, Buffer.from(name, "latin1"))])));

/** A ClientHello of these extensions, in records of at most so many bytes. */
export function hello(extensions: readonly Buffer[], recordBytes = 16_384, type = 1): Buffer {
  const body = Buffer.concat([
    Buffer.alloc(34, 3),
    vector(1, Buffer.alloc(0)),
    vector(2, Buffer.from([0x13, 1])),
    vector(1, Buffer.from([0])),
    vector(2, Buffer.concat(extensions)),
  ]);
  const message = Buffer.concat([Buffer.from([type, 0, body.length >> 8, body.length & 255]), body]);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += recordBytes) {
    records.push(Buffer.from([22, 3, 1]), vector(2, message.subarray(at, at + recordBytes)));
  }
  return Buffer.concat(records);
}
