import {
  dataHeader,
  firstCredit,
  lastFrame,
  maxCredit,
  maxDataBytes,
  type OpenClaim,
  refusedFrame,
  windowFrame,
} from "./frames.js";

/** What a stream needs of its wire. */
export interface StreamWire {
  /** Sends a frame. */
  send(frame: Buffer): void;
  /** Sends a frame that is in two parts. */
  sendData(header: Buffer, data: Buffer): void;
  /** The wire takes no more DATA for now. */
  readonly isBlocked: boolean;
  /** Asks to be called when the wire takes DATA again. */
  wait(stream: WireStream): void;
  /** Both sides are done. */
  forget(stream: WireStream): void;
}

/** Told of what the hatch sends on one stream. Nothing is called after `onClose`. */
export interface StreamEvents {
  /** Bytes; `consumed` says how many of them were handed on, so that as many more may come. */
  onData(piece: Buffer): void;
  /** No more bytes will come. */
  onEnd(): void;
  /** What was written can be sent: more may be written. */
  onDrain(): void;
  /** The stream is over: cleanly, or because the other side, or the wire, broke it off. */
  onClose(clean: boolean): void;
  /** The other side breaks the stream off; what is explained now still reaches it. `onClose` follows. */
  onReset?(): void;
  /** The port inside took a forwarded connection. */
  onAccepted?(): void;
}

const reportBytes = firstCredit / 4;

/** One connection on the wire, as the host sees it. */
export class WireStream {
  readonly id: number;
  /** What the hatch claims it is; null for one that the host opened. */
  readonly claim: OpenClaim | null;
  events: StreamEvents | null = null;
  readonly #wire: StreamWire;
  #sendCredit = firstCredit;
  #receiveCredit = firstCredit;
  #unreported = 0;
  #queue: Buffer[] = [];
  #wantsDrain = false;
  #isEnding = false;
  #isDone = false;
  #isPeerDone = false;
  #isDropping = false;

  constructor(wire: StreamWire, id: number, claim: OpenClaim | null) {
    this.#wire = wire;
    this.id = id;
    this.claim = claim;
  }

  get isOver(): boolean {
    return this.#isDone && this.#isPeerDone;
  }

  /** Sends bytes, as far as credit and wire allow; false when the caller shall wait for `onDrain` before it writes more. */
  write(bytes: Buffer): boolean {
    if (this.#isDone || this.#isEnding) return true;
    for (let at = 0; at < bytes.length; at += maxDataBytes) this.#queue.push(bytes.subarray(at, at + maxDataBytes));
    this.flush();
    this.#wantsDrain = this.#queue.length > 0;
    return !this.#wantsDrain;
  }

  /** Sends what waits. */
  flush(): void {
    for (let [next] = this.#queue; next !== undefined && this.#sendCredit > 0; [next] = this.#queue) {
      if (this.#wire.isBlocked) {
        this.#wire.wait(this);
        return;
      }
      const piece = next.subarray(0, this.#sendCredit);
      if (piece.length === next.length) this.#queue.shift();
      else this.#queue[0] = next.subarray(piece.length);
      this.#sendCredit -= piece.length;
      this.#wire.sendData(dataHeader(this.id, piece.length), piece);
    }
    if (this.#queue.length > 0) return;
    if (this.#isEnding && !this.#isDone) this.#finish(lastFrame("end", this.id));
    if (!this.#wantsDrain) return;
    this.#wantsDrain = false;
    this.events?.onDrain();
  }

  /** Ends this side once everything was sent. */
  end(): void {
    if (this.#isDone || this.#isEnding) return;
    this.#isEnding = true;
    this.flush();
  }

  /** Breaks the stream off, whatever was on its way. */
  reset(): void {
    if (this.isOver || this.#isDropping) return;
    this.#queue = [];
    this.#isDropping = true;
    if (this.#isDone) this.#wire.send(lastFrame("reset", this.id));
    else this.#finish(lastFrame("reset", this.id));
    this.#close(false);
  }

  /** Lets the sandbox's own record of denials know why. */
  explain(reason: string): void {
    if (!this.#isDone) this.#wire.send(refusedFrame(this.id, reason));
  }

  /** So many bytes of `onData` were handed on: as many more may come. */
  consumed(length: number): void {
    this.#unreported += length;
    if (this.#unreported < reportBytes || this.#isPeerDone || this.#isDropping) return;
    this.#wire.send(windowFrame(this.id, this.#unreported));
    this.#receiveCredit += this.#unreported;
    this.#unreported = 0;
  }

  // What follows is called by the wire, with frames of the hatch. False: the frame may not come.

  takeDataLength(length: number): boolean {
    if (this.#isPeerDone || length > this.#receiveCredit) return false;
    this.#receiveCredit -= length;
    return true;
  }

  takeData(piece: Buffer): void {
    if (!this.#isDropping) this.events?.onData(piece);
  }

  takeEnd(): boolean {
    if (this.#isPeerDone) return false;
    this.#isPeerDone = true;
    if (!this.#isDropping) this.events?.onEnd();
    this.#forgetIfOver(true);
    return true;
  }

  takeReset(): void {
    this.events?.onReset?.();
    this.#queue = [];
    this.#isPeerDone = true;
    this.#isDropping = true;
    if (!this.#isDone) this.#finish(lastFrame("reset", this.id));
    this.#forgetIfOver(false);
  }

  takeWindow(credit: number): boolean {
    if (credit === 0 || this.#sendCredit + credit > maxCredit) return false;
    this.#sendCredit += credit;
    this.flush();
    return true;
  }

  /** The wire is gone. */
  abandon(): void {
    this.#isDone = true;
    this.#isPeerDone = true;
    this.#queue = [];
    this.#close(false);
  }

  #finish(last: Buffer): void {
    this.#isDone = true;
    this.#wire.send(last);
    this.#forgetIfOver(!this.#isDropping);
  }

  #forgetIfOver(clean: boolean): void {
    if (!this.isOver) return;
    this.#wire.forget(this);
    this.#close(clean);
  }

  #close(clean: boolean): void {
    const { events } = this;
    this.events = null;
    events?.onClose(clean);
  }
}
