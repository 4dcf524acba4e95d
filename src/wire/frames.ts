import { AirlockError } from "../base/errors.js";

/** The numbers of the wire's protocol, version 1 (docs/wire.md). */
export const wireVersion = 1;
export const headerBytes = 8;
export const maxDataBytes = 65_536;
export const maxReasonBytes = 512;
export const maxPorts = 64;
export const maxStreams = 512;
export const firstCredit = 262_144;
/** In SETUP: not a port of every name, but the gateway's own, on 127.0.0.1 inside. */
export const gatewayPort = 3_129;
/** The same for the hooks of agents. */
export const hookPort = 3_130;
export const maxCredit = 4 * 1024 * 1024;

export const frameTypes = {
  setup: 1,
  ready: 2,
  open: 3,
  accepted: 4,
  refused: 5,
  data: 6,
  end: 7,
  reset: 8,
  window: 9,
} as const;

/** What an OPEN from the hatch says. All of it is the sandbox's claim. */
export interface OpenClaim {
  readonly kind: "direct" | "proxy" | "gateway" | "hook";
  readonly name: string;
  readonly port: number;
  readonly peerPort: number;
}

const kinds = { direct: 1, proxy: 2, forward: 3, gateway: 4, hook: 5 } as const;
const maxOpenBytes = 5 + 253;

/** The hatch did what the protocol does not have: whatever speaks there is not ours, and the sandbox is sealed. */
export function broken(what: string): AirlockError {
  return new AirlockError("E_WIRE_BROKEN", `the sandbox broke the wire's protocol: ${what}`, {
    hint: "the sandbox is sealed: nothing goes in or out of it any more; its work is kept",
  });
}

// Fewest and most bytes of payload, of the frames that a hatch may send.
const lengths: Readonly<Record<number, readonly [least: number, most: number]>> = {
  [frameTypes.ready]: [2, 2 + 2 * (maxPorts + 2)],
  [frameTypes.open]: [5, maxOpenBytes],
  [frameTypes.accepted]: [0, 0],
  [frameTypes.refused]: [1, maxReasonBytes],
  [frameTypes.data]: [1, maxDataBytes],
  [frameTypes.end]: [0, 0],
  [frameTypes.reset]: [0, 0],
  [frameTypes.window]: [4, 4],
};

/** Refuses a header before a byte of its payload is kept. */
export function checkHeader(type: number, length: number): void {
  const bounds = lengths[type];
  if (bounds === undefined) throw broken(`a frame of type ${type}`);
  if (length < bounds[0] || length > bounds[1]) throw broken(`a frame of type ${type} with ${length} bytes`);
}

function frame(type: number, id: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes + length);
  bytes.writeUInt32BE(type * 2 ** 24 + length, 0);
  bytes.writeUInt32BE(id, 4);
  return bytes;
}

/** The first frame of the host: which ports the hatch listens on. */
export function setupFrame(ports: readonly number[]): Buffer {
  if (ports.length > maxPorts) throw new Error(`more than ${maxPorts} ports`);
  const bytes = frame(frameTypes.setup, 0, 2 + 2 * ports.length);
  bytes.writeUInt8(wireVersion, headerBytes);
  bytes.writeUInt8(ports.length, headerBytes + 1);
  for (const [index, port] of ports.entries()) bytes.writeUInt16BE(port, headerBytes + 2 + 2 * index);
  return bytes;
}

/** Opens a stream to a port inside. */
export function forwardFrame(id: number, port: number): Buffer {
  const bytes = frame(frameTypes.open, id, 5);
  bytes.writeUInt8(kinds.forward, headerBytes);
  bytes.writeUInt16BE(port, headerBytes + 1);
  bytes.writeUInt16BE(0, headerBytes + 3);
  return bytes;
}

/** The header of a DATA frame; the bytes follow as they are, without a copy. */
export function dataHeader(id: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes);
  bytes.writeUInt32BE(frameTypes.data * 2 ** 24 + length, 0);
  bytes.writeUInt32BE(id, 4);
  return bytes;
}

/** END or RESET. */
export function lastFrame(type: "end" | "reset", id: number): Buffer {
  return frame(frameTypes[type], id, 0);
}

/** Grants credit. */
export function windowFrame(id: number, credit: number): Buffer {
  const bytes = frame(frameTypes.window, id, 4);
  bytes.writeUInt32BE(credit, headerBytes);
  return bytes;
}

/** A denial for the sandbox's own record. */
export function refusedFrame(id: number, reason: string): Buffer {
  const text = Buffer.from(reason.replace(/[^\x20-\x7e]/g, "?").slice(0, maxReasonBytes) || "?", "latin1");
  const bytes = frame(frameTypes.refused, id, text.length);
  bytes.set(text, headerBytes);
  return bytes;
}

/** The ports that the hatch could not bind. */
export function parseReady(payload: Buffer): readonly number[] {
  const count = payload.readUInt8(1);
  if (payload.readUInt8(0) !== wireVersion) throw broken(`version ${payload.readUInt8(0)}`);
  if (payload.length !== 2 + 2 * count) throw broken("a READY of the wrong length");
  return Array.from({ length: count }, (_, index) => payload.readUInt16BE(2 + 2 * index));
}

const namePattern = /^[a-z0-9._-]{1,253}$/;

/** What the hatch wants opened. */
export function parseOpen(payload: Buffer): OpenClaim {
  const kind = payload.readUInt8(0);
  const port = payload.readUInt16BE(1);
  const peerPort = payload.readUInt16BE(3);
  const name = payload.toString("latin1", 5);
  if (kind === kinds.direct && namePattern.test(name) && port > 0) return { kind: "direct", name, port, peerPort };
  if (kind === kinds.proxy && name === "" && port === 0) return { kind: "proxy", name, port, peerPort };
  if (kind === kinds.gateway && name === "" && port === 0) return { kind: "gateway", name, port, peerPort };
  if (kind === kinds.hook && name === "" && port === 0) return { kind: "hook", name, port, peerPort };
  throw broken("an OPEN that says nothing");
}
