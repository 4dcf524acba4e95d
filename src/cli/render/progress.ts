import { escapeText } from "../../base/escape.js";

export interface ProgressPlace {
  readonly stream: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number };
  readonly quiet: boolean;
  /** Milliseconds by any clock. */
  readonly now: () => number;
}

const delayMs = 1000;
const redrawMs = 100;
const lineMs = 5000;

/**
 * Shows what takes long. On a terminal one line that is drawn over, from the first second on; elsewhere plain lines, when
 * the step changes and at most every few seconds within one.
 */
export class Progress implements Disposable {
  readonly #place: ProgressPlace;
  #started: number;
  #shownAt = Number.NEGATIVE_INFINITY;
  #step = "";
  #drawn = false;

  constructor(place: ProgressPlace) {
    this.#place = place;
    this.#started = place.now();
  }

  /** Says what is being done and, within it, how far it is. An empty step: nothing is any more, and the line goes. */
  update(step: string, detail = ""): void {
    const { quiet, stream, now } = this.#place;
    const time = now();
    if (step === "") {
      this.clear();
      this.#started = time;
      return;
    }
    const isNew = step !== this.#step;
    const wait = stream.isTTY === true ? redrawMs : lineMs;
    if (quiet || time - this.#started < delayMs || (!isNew && time - this.#shownAt < wait)) return;
    this.#step = step;
    this.#shownAt = time;
    const text = escapeText(detail === "" ? step : `${step}: ${detail}`);
    if (stream.isTTY !== true) {
      stream.write(`${text}\n`);
      return;
    }
    const room = Math.max(10, (stream.columns ?? 80) - 1);
    stream.write(`\r\u001b[K${[...text].slice(0, room).join("")}`);
    this.#drawn = true;
  }

  /** Takes the line away, so that something else can be written. */
  clear(): void {
    if (this.#drawn) this.#place.stream.write("\r\u001b[K");
    this.#drawn = false;
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}
