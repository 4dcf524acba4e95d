/** What the first bytes of a TLS client say. */
export type Hello =
  /** `need`: until there are that many bytes in all, looking again finds nothing new. */
  | { readonly state: "more"; readonly need: number }
  | { readonly state: "bad"; readonly why: string }
  | { readonly state: "whole"; readonly serverName: string | null };

const handshakeRecord = 22;
const clientHello = 1;
const maxRecord = 16_384;
const maxRecords = 64;
const maxHello = 32_768;
const serverNameExtension = 0;

const more = (need: number): Hello => ({ state: "more", need });
const bad = (why: string): Hello => ({ state: "bad", why });

/** Reads lengths and bytes, and remembers when one of them went beyond the end. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  isBroken = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  number(size: 1 | 2 | 3): number {
    if (this.left < size) {
      this.isBroken = true;
      return 0;
    }
    this.#at += size;
    return this.#bytes.readUIntBE(this.#at - size, size);
  }

  bytes(length: number): Buffer {
    if (this.left < length) this.isBroken = true;
    const piece = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += piece.length;
    return piece;
  }

  vector(size: 1 | 2): Reader {
    return new Reader(this.bytes(this.number(size)));
  }
}

interface Joined {
  readonly message: Buffer;
  /** Bytes in all that the next look needs, when the message is not whole. */
  readonly need: number;
}

// Records of any size may carry one message: a name split over several of them is put together before it is looked at.
function joinRecords(bytes: Buffer): Joined | Hello {
  let message = Buffer.alloc(0);
  let at = 0;
  for (let records = 0; records < maxRecords; records += 1) {
    if (message.length >= 4 && message.length >= 4 + message.readUIntBE(1, 3)) return { message, need: 0 };
    if (at < bytes.length && bytes[at] !== handshakeRecord) return bad("it does not begin with a TLS handshake");
    if (bytes.length - at < 5) return { message, need: at + 5 };
    const length = bytes.readUInt16BE(at + 3);
    if (bytes[at + 1] !== 3 || length === 0 || length > maxRecord) return bad("a TLS record is garbled");
    if (bytes.length < at + 5 + length) return { message, need: at + 5 + length };
    message = Buffer.concat([message, bytes.subarray(at + 5, at + 5 + length)]);
    if (message[0] !== clientHello) return bad("it does not begin with a ClientHello");
    if (message.length > maxHello) return bad("the ClientHello is too long");
    at += 5 + length;
  }
  return bad("the ClientHello comes in too many records");
}

function readName(extension: Reader): string | null {
  const list = extension.vector(2);
  const type = list.number(1);
  const name = list.bytes(list.number(2));
  const isWhole = !list.isBroken && !extension.isBroken && list.left === 0 && extension.left === 0;
  return isWhole && type === 0 && name.length > 0 ? name.toString("latin1") : null;
}

function readExtensions(extensions: Reader): Hello {
  const seen = new Set<number>();
  let serverName: string | null = null;
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const body = extensions.vector(2);
    if (extensions.isBroken) return bad("the ClientHello is garbled");
    if (seen.has(type)) return bad("the ClientHello says something twice");
    seen.add(type);
    if (type !== serverNameExtension) continue;
    serverName = readName(body);
    if (serverName === null) return bad("the ClientHello's server name is garbled");
  }
  return { state: "whole", serverName };
}

/** Looks for the server name in what a client has sent so far. */
export function readClientHello(bytes: Buffer): Hello {
  const joined = joinRecords(bytes);
  if ("state" in joined) return joined;
  if (joined.need > 0) return more(joined.need);
  const hello = new Reader(joined.message.subarray(4, 4 + joined.message.readUIntBE(1, 3)));
  hello.bytes(34);
  hello.vector(1);
  hello.vector(2);
  hello.vector(1);
  if (hello.isBroken) return bad("the ClientHello is garbled");
  if (hello.left === 0) return { state: "whole", serverName: null };
  const extensions = hello.vector(2);
  if (hello.isBroken || extensions.isBroken || hello.left > 0) return bad("the ClientHello is garbled");
  return readExtensions(extensions);
}
