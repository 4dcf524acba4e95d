import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { StringDecoder } from "node:string_decoder";
import { messageOf } from "../../base/errors.js";
import type { KnownValues } from "../../base/known-values.js";
import { hideShapes, redacted } from "../../journal/redact.js";
import type { TerminalSize } from "../../model/engine.js";
import { type CastCode, castEvent } from "../../text/asciicast.js";
import { HideAsItComes, type TimedText } from "../../text/hide-as-it-comes.js";

const flushMs = 100;
/** As much is written at once. */
const enough = 512 * 1024;
/** What may wait for a slow disk; what comes beyond it is counted, not kept. */
const maxWaiting = 8 * 1024 * 1024;

/** What became of a recording. */
export interface CastEnd {
  readonly seconds: number;
  readonly bytes: number;
  readonly sha256: string;
  /** Characters that the disk was too slow for. */
  readonly lost: number;
  /** Why it ended before its terminal did; null: it did not. */
  readonly cut: string | null;
}

interface CastOptions {
  readonly header: string;
  readonly known: KnownValues;
  readonly maxBytes: number;
  /** Seconds since the recording began. */
  readonly now: () => number;
}

/**
 * Writes a recording behind the terminal's back: nobody waits for the disk, whole lines reach the file every tenth of a second, and neither
 * a full disk nor its limit ends more than the recording itself.
 */
export class CastWriter {
  readonly #file: FileHandle;
  readonly #options: CastOptions;
  readonly #decoder = new StringDecoder("utf8");
  readonly #hide: HideAsItComes;
  readonly #hash = createHash("sha256");
  #waiting: string;
  #bytes = 0;
  #last = 0;
  #lost = 0;
  #lostUnsaid = 0;
  #cut: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isWriting = false;
  #writing: Promise<void> = Promise.resolve();

  constructor(file: FileHandle, options: CastOptions) {
    this.#file = file;
    this.#options = options;
    this.#hide = new HideAsItComes(options.known, redacted);
    this.#waiting = options.header;
    this.#schedule();
  }

  /** What the program wrote to the terminal. */
  output(chunk: Buffer): void {
    if (this.#cut !== null) return;
    const text = this.#decoder.write(chunk);
    this.#show(this.#hide.push({ at: this.#options.now(), text }));
  }

  /** The terminal has another size now. */
  resize({ columns, rows }: TerminalSize): void {
    this.#add("r", `${columns}x${rows}`);
  }

  /** A place to go to in the recording. */
  mark(text: string): void {
    this.#add("m", text);
  }

  /** Writes what is left and closes the file. */
  async end(): Promise<CastEnd> {
    const text = this.#decoder.end();
    this.#show([...this.#hide.push({ at: this.#options.now(), text }), ...this.#hide.end()]);
    this.#sayLost();
    while (this.#isWriting || this.#waiting !== "") {
      if (!this.#isWriting) this.#begin();
      await this.#writing;
    }
    await this.#file.close().catch(() => undefined);
    const { seconds, bytes } = { seconds: Number(this.#options.now().toFixed(3)), bytes: this.#bytes };
    return { seconds, bytes, sha256: this.#hash.digest("hex"), lost: this.#lost, cut: this.#cut };
  }

  #show(pieces: readonly TimedText[]): void {
    for (const { at, text } of pieces) {
      if (this.#waiting.length > maxWaiting) {
        this.#lost += text.length;
        this.#lostUnsaid += text.length;
      } else {
        this.#sayLost();
        this.#add("o", hideShapes(text), at);
      }
    }
  }

  #sayLost(): void {
    if (this.#lostUnsaid === 0) return;
    const text = `${this.#lostUnsaid} characters are missing here: the disk was too slow`;
    this.#lostUnsaid = 0;
    this.#add("m", text);
  }

  #add(code: CastCode, data: string, at = this.#options.now()): void {
    if (this.#cut !== null || data === "") return;
    // What waited for its end comes late, and the time of a recording never goes back.
    this.#last = Math.max(this.#last, at);
    this.#waiting += castEvent(this.#last, code, data);
    if (this.#bytes + this.#waiting.length > this.#options.maxBytes) this.#cutOff();
    this.#schedule();
  }

  #cutOff(): void {
    const text = `the recording ends here: it has reached its limit of ${this.#options.maxBytes} bytes`;
    this.#waiting += castEvent(this.#last, "m", text) + castEvent(this.#last, "o", `\r\n[airlock: ${text}]\r\n`);
    this.#cut = "limit";
  }

  #schedule(): void {
    if (this.#isWriting) return;
    if (this.#waiting.length > enough) this.#begin();
    else this.#timer ??= setTimeout(() => this.#begin(), flushMs).unref();
  }

  #begin(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#isWriting = true;
    this.#writing = this.#write().finally(() => {
      this.#isWriting = false;
      if (this.#waiting !== "") this.#schedule();
    });
  }

  // Whole lines in one go: a process that is killed leaves none in two.
  async #write(): Promise<void> {
    const bytes = Buffer.from(this.#waiting);
    this.#waiting = "";
    if (bytes.length === 0) return;
    try {
      await this.#file.appendFile(bytes);
      this.#hash.update(bytes);
      this.#bytes += bytes.length;
    } catch (error) {
      this.#waiting = "";
      this.#cut = `it cannot be written: ${messageOf(error)}`;
    }
  }
}
