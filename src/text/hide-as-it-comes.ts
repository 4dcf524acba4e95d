/** A text and when it came. */
export interface TimedText {
  readonly at: number;
  readonly text: string;
}

/** What is to be found in a stream of texts. */
export interface Hidden {
  /** Where it stands, in order, nothing in another. */
  find(text: string): readonly { readonly from: number; readonly to: number }[];
  /** How many characters at the end may be the beginning of it. */
  begunAtEnd(text: string): number;
}

/**
 * Takes what is to be hidden out of a text that comes in pieces, also where it is cut in two: an end that may be its beginning waits for what
 * follows. Every piece keeps its time.
 */
export class HideAsItComes {
  readonly #hidden: Hidden;
  readonly #mark: string;
  #waiting: TimedText[] = [];

  constructor(hidden: Hidden, mark: string) {
    this.#hidden = hidden;
    this.#mark = mark;
  }

  /** Adds a piece; what can be told by now comes back. */
  push(piece: TimedText): TimedText[] {
    this.#waiting.push(piece);
    const text = this.#text();
    const spans = this.#hidden.find(text);
    // What is found at the end may be the beginning of something longer, and waits as well.
    const begun = text.length - this.#hidden.begunAtEnd(text);
    const until = Math.min(begun, spans.find(({ to }) => to > begun)?.from ?? begun);
    return this.#release(
      until,
      spans.filter(({ to }) => to <= until),
    );
  }

  /** What waits still, at the end. */
  end(): TimedText[] {
    return this.#release(Number.POSITIVE_INFINITY, this.#hidden.find(this.#text()));
  }

  #text(): string {
    return this.#waiting.map(({ text }) => text).join("");
  }

  #release(until: number, spans: readonly { readonly from: number; readonly to: number }[]): TimedText[] {
    const released: TimedText[] = [];
    const kept: TimedText[] = [];
    let from = 0;
    for (const { at, text } of this.#waiting) {
      const to = from + text.length;
      const shown = this.#without(spans, text.slice(0, Math.max(0, until - from)), from);
      if (shown !== "") released.push({ at, text: shown });
      if (to > until) kept.push({ at, text: text.slice(Math.max(0, until - from)) });
      from = to;
    }
    this.#waiting = kept;
    return released;
  }

  // A value begins in one piece, which gets the mark, and may go on in others, which lose their part of it.
  #without(spans: readonly { readonly from: number; readonly to: number }[], text: string, offset: number): string {
    let shown = "";
    let at = 0;
    for (const { from, to } of spans) {
      const [begin, end] = [from - offset, to - offset];
      if (end <= 0 || begin >= text.length) continue;
      shown += text.slice(at, Math.max(at, begin));
      if (begin >= 0) shown += this.#mark;
      at = Math.min(text.length, end);
    }
    return shown + text.slice(at);
  }
}
