import { createInterface, type Interface } from "node:readline";
import type { Terminal } from "../../model/terminal.js";

interface Typing {
  readonly prompt: string;
  readonly complete: (line: string) => [string[], string];
  readonly signal: AbortSignal;
}

/**
 * Lines of a person at a terminal, or of a script. At a terminal each line has a reader of its own: what a line does may ask there, and two
 * readers would both take the answer.
 */
export class TypedLines {
  readonly #terminal: Terminal;
  readonly #typing: Typing;
  /** Typed or pasted at once. */
  readonly #waiting: string[] = [];
  #history: string[] = [];
  #reader: Interface | null = null;

  constructor(terminal: Terminal, typing: Typing) {
    this.#terminal = terminal;
    this.#typing = typing;
  }

  get #isTerminal(): boolean {
    return this.#terminal.stdin.isTTY === true;
  }

  #open(): Interface {
    const { stdin, stderr } = this.#terminal;
    const { prompt, complete } = this.#typing;
    const shown = this.#isTerminal
      ? { terminal: true, output: stderr, prompt, completer: complete, history: this.#history }
      : { terminal: false };
    return createInterface({ input: stdin, ...shown });
  }

  /** Shows the prompt again, after something was said in between. */
  again(): void {
    this.#reader?.prompt(true);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, void> {
    if (!this.#isTerminal) {
      const lines = this.#open();
      this.#typing.signal.addEventListener("abort", () => lines.close(), { once: true });
      yield* lines;
      return;
    }
    for (let line = await this.#type(); line !== null; line = await this.#type()) yield line;
  }

  async #type(): Promise<string | null> {
    const ready = this.#waiting.shift();
    if (ready !== undefined) return ready;
    const { signal } = this.#typing;
    if (signal.aborted) return null;
    const reader = this.#open();
    this.#reader = reader;
    const close = (): void => reader.close();
    signal.addEventListener("abort", close, { once: true });
    try {
      reader.on("line", (line) => void this.#waiting.push(line));
      reader.on("history", (history: string[]) => {
        this.#history = [...history];
      });
      reader.prompt();
      await new Promise<void>((resolve) => reader.once("line", () => resolve()).once("close", () => resolve()));
      return this.#waiting.shift() ?? null;
    } finally {
      this.#reader = null;
      signal.removeEventListener("abort", close);
      reader.close();
    }
  }
}
