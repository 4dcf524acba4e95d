/** Events in their order, for one reader; an abort ends the waiting. */
export class EventQueue<T> {
  readonly #waiting: T[] = [];
  readonly #signal: AbortSignal;
  #wake: (() => void) | null = null;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#wake?.(), { once: true });
  }

  readonly push = (event: T): void => {
    this.#waiting.push(event);
    this.#wake?.();
  };

  /** Everything that happened since the last call, at least one event. */
  async next(): Promise<T[]> {
    this.#signal.throwIfAborted();
    if (this.#waiting.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
    this.#signal.throwIfAborted();
    return this.#waiting.splice(0);
  }
}
