import type { AirlockError } from "../base/errors.js";
import { FrameCutter } from "./cutter.js";
import { broken, forwardFrame, frameTypes, maxStreams, parseOpen, parseReady, setupFrame } from "./frames.js";
import { WireStream } from "./stream.js";

/** How frames leave. */
export interface WireOutput {
  /** Writes these parts, one after the other. False when no more DATA shall be sent until `Wire.drained`. */
  write(...parts: readonly Buffer[]): boolean;
  /** Bytes that wait to leave. */
  readonly waiting: number;
}

/** Told of what happens on the wire. */
export interface WireEvents {
  /** The hatch listens; on these ports it could not. */
  onReady(failedPorts: readonly number[]): void;
  /** The hatch opened a stream; its `events` must be set before this returns. */
  onOpen(stream: WireStream): void;
  /** The hatch does not read what it is sent: the wire is to be closed. */
  onStuck(error: AirlockError): void;
}

// DATA stops when the output is full; what can still pile up are small frames, and only for a hatch that does not read.
const maxWaiting = 8 * 1024 * 1024;

/**
 * The host's end of the wire: streams over one pair of byte streams, without any input or output of its own. Everything that comes is
 * taken for hostile; the first frame that a hatch of ours would not send throws `E_WIRE_BROKEN`, and nothing may be pushed after that.
 */
export class Wire {
  readonly #output: WireOutput;
  readonly #events: WireEvents;
  readonly #cutter: FrameCutter;
  readonly #streams = new Map<number, WireStream>();
  #waiters = new Set<WireStream>();
  #isBlocked = false;
  #isReady = false;
  #isClosed = false;
  #isStuck = false;
  #lastHatchId = -1;
  #nextHostId = 2;
  #hatchStreams = 0;

  constructor(output: WireOutput, ports: readonly number[], events: WireEvents) {
    this.#output = output;
    this.#events = events;
    this.#cutter = new FrameCutter({
      frame: (type, id, payload) => this.#take(type, id, payload),
      dataBegins: (id, length) => {
        if (this.#isReady && this.#streams.get(id)?.takeDataLength(length) === true) return;
        throw broken(`${length} bytes of data on stream ${id}, which takes none`);
      },
      dataPiece: (id, piece) => this.#streams.get(id)?.takeData(piece),
    });
    this.#send(setupFrame(ports));
  }

  /** How many streams there are. */
  get streamCount(): number {
    return this.#streams.size;
  }

  /** Takes bytes of the hatch. */
  push(chunk: Buffer): void {
    if (!this.#isClosed) this.#cutter.push(chunk);
  }

  /** The output takes DATA again: whoever waited has its turn, in the order of waiting. */
  drained(): void {
    this.#isBlocked = false;
    const waiters = this.#waiters;
    this.#waiters = new Set();
    for (const stream of waiters) stream.flush();
  }

  /** Opens a stream to a port inside; null when there are too many. */
  openForward(port: number): WireStream | null {
    if (this.#isClosed || this.#streams.size - this.#hatchStreams >= maxStreams) return null;
    const stream = this.#makeStream(this.#nextHostId, null);
    this.#nextHostId += 2;
    this.#send(forwardFrame(stream.id, port));
    return stream;
  }

  /** Ends every stream; to be called once when the bytes have come to an end, for whatever reason. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const stream of [...this.#streams.values()]) stream.abandon();
    this.#streams.clear();
    this.#waiters.clear();
  }

  #makeStream(id: number, claim: ConstructorParameters<typeof WireStream>[2]): WireStream {
    const wire = this;
    const stream = new WireStream(
      {
        send: (frame) => this.#send(frame),
        sendData: (header, data) => this.#send(header, data),
        get isBlocked() {
          return wire.#isBlocked;
        },
        wait: (each) => void this.#waiters.add(each),
        forget: (each) => this.#forget(each),
      },
      id,
      claim,
    );
    this.#streams.set(id, stream);
    if (claim !== null) this.#hatchStreams += 1;
    return stream;
  }

  #forget(stream: WireStream): void {
    if (!this.#streams.delete(stream.id)) return;
    this.#waiters.delete(stream);
    if (stream.claim !== null) this.#hatchStreams -= 1;
  }

  #send(...parts: readonly Buffer[]): void {
    if (this.#isClosed) return;
    if (!this.#output.write(...parts)) this.#isBlocked = true;
    if (this.#output.waiting <= maxWaiting || this.#isStuck) return;
    this.#isStuck = true;
    this.#events.onStuck(broken("it does not read what it is sent"));
  }

  #take(type: number, id: number, payload: Buffer): void {
    if (type === frameTypes.ready) {
      this.#takeReady(id, payload);
      return;
    }
    if (!this.#isReady) throw broken("a frame before READY");
    if (type === frameTypes.open) this.#takeOpen(id, payload);
    else this.#takeStreamFrame(type, id, payload);
  }

  #takeReady(id: number, payload: Buffer): void {
    if (this.#isReady || id !== 0) throw broken("a READY out of place");
    this.#isReady = true;
    this.#events.onReady(parseReady(payload));
  }

  #takeOpen(id: number, payload: Buffer): void {
    if (id % 2 === 0 || id <= this.#lastHatchId) throw broken(`stream ${id} opened out of turn`);
    if (this.#hatchStreams >= maxStreams) throw broken(`more than ${maxStreams} streams`);
    const claim = parseOpen(payload);
    this.#lastHatchId = id;
    this.#events.onOpen(this.#makeStream(id, claim));
  }

  #takeStreamFrame(type: number, id: number, payload: Buffer): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      const was = id % 2 === 1 ? id <= this.#lastHatchId : id > 0 && id < this.#nextHostId;
      // These two may have crossed our last frame on the way.
      if (was && (type === frameTypes.window || type === frameTypes.reset)) return;
      throw broken(`a frame of type ${type} for stream ${id}, which is not there`);
    }
    if (!this.#accepts(stream, type, payload)) throw broken(`a frame of type ${type} out of place on stream ${id}`);
  }

  #accepts(stream: WireStream, type: number, payload: Buffer): boolean {
    if (type === frameTypes.window) return stream.takeWindow(payload.readUInt32BE(0));
    if (type === frameTypes.end) return stream.takeEnd();
    if (type === frameTypes.reset) stream.takeReset();
    else if (stream.claim !== null) return false;
    else if (type === frameTypes.accepted) stream.events?.onAccepted?.();
    else stream.takeReset();
    return true;
  }
}
