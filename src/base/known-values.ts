import type { Secret } from "./secret.js";

/** Shorter ones are words and numbers that stand in every text (`DEBUG=1`): hiding them would hide the text. */
const leastLength = 8;

/** Values that were handed over in confidence, to be found again in what is written down; they cannot be read out of it. */
export class KnownValues {
  // Longest first: one that begins another must not leave the other's end behind.
  #values: readonly string[] = [];

  /** Adds values; of one with several lines each line counts, as a terminal ends lines its own way. */
  learn(secrets: Iterable<Secret>): void {
    const lines = [...secrets].flatMap((secret) => secret.reveal().split(/[\r\n]+/));
    const long = lines.map((line) => line.trim()).filter(({ length }) => length >= leastLength);
    this.#values = [...new Set([...this.#values, ...long])].toSorted((one, other) => other.length - one.length);
  }

  /** The length of the longest value; 0: there is none. */
  get longest(): number {
    return this.#values[0]?.length ?? 0;
  }

  /** The text with a mark in the place of every value. */
  hide(text: string, mark: string): string {
    return this.#values.reduce((now, value) => now.replaceAll(value, () => mark), text);
  }

  /** Where values stand in a text, in order, none in another. */
  find(text: string): { readonly from: number; readonly to: number }[] {
    const spans: { from: number; to: number }[] = [];
    for (const value of this.#values) {
      for (let at = text.indexOf(value); at !== -1; at = text.indexOf(value, at + value.length)) {
        const to = at + value.length;
        if (!spans.some((span) => at < span.to && to > span.from)) spans.push({ from: at, to });
      }
    }
    return spans.toSorted((one, other) => one.from - other.from);
  }

  /** How many characters at the end of a text may be the beginning of a value. */
  begunAtEnd(text: string): number {
    const begun = this.#values.map((value) => {
      for (let length = Math.min(value.length - 1, text.length); length > 0; length -= 1) {
        if (text.endsWith(value.slice(0, length))) return length;
      }
      return 0;
    });
    return Math.max(0, ...begun);
  }
}
