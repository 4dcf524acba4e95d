import { setTimeout as sleep } from "node:timers/promises";
import type { TerminalSize } from "../../model/engine.js";
import type { Terminal } from "../../model/terminal.js";
import { changedRows, paintRow, type Row } from "./frame.js";
import { type Key, KeyReader } from "./keys.js";

/** What happens to a screen; `end`: nobody can press a key any more. */
export type ScreenEvent =
  | { readonly kind: "key"; readonly key: Key }
  | { readonly kind: "resize" }
  | { readonly kind: "end" };

// The other screen, no wrapping, no cursor; what is pasted comes marked as such.
const enter = "\u001b[?1049h\u001b[?7l\u001b[?25l\u001b[?2004h\u001b[0m\u001b[2J";
const leave = "\u001b[?2004l\u001b[0m\u001b[?7h\u001b[?25h\u001b[?1049l";
const escapeMs = 40;

/**
 * The terminal as a program draws it whole: rows in, keys out. It is given back as it was when this is disposed of, when
 * something else needs it for a moment, when it is stopped (Ctrl-Z), and when the process ends in whatever way it can notice.
 */
export class FullScreen implements Disposable {
  readonly #terminal: Terminal;
  readonly #coloured: boolean;
  readonly #keys = new KeyReader();
  readonly #onEvent: (event: ScreenEvent) => void;
  readonly #resizing: Disposable;
  #shown: string[] = [];
  #isEntered = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(terminal: Terminal, coloured: boolean, onEvent: (event: ScreenEvent) => void) {
    this.#terminal = terminal;
    this.#coloured = coloured;
    this.#onEvent = onEvent;
    this.#resizing = terminal.onResize(() => this.#redraw());
    process.once("exit", this.#leave);
    process.on("SIGCONT", this.#continued);
    this.#enter();
  }

  get size(): TerminalSize {
    const { columns = 80, rows = 24 } = this.#terminal.stdout;
    return { columns: Math.max(1, columns), rows: Math.max(1, rows) };
  }

  /** Shows rows; what is not given is empty. */
  draw(rows: readonly Row[]): void {
    if (!this.#isEntered) return;
    const { columns, rows: height } = this.size;
    const wanted = Array.from({ length: height }, (_, at) => paintRow(rows[at] ?? [], columns, this.#coloured));
    const text = changedRows(this.#shown, wanted);
    this.#shown = wanted;
    if (text !== "") this.#terminal.stdout.write(text);
  }

  /** Gives the terminal back while something else asks or shows there. */
  async suspend<T>(work: () => Promise<T>): Promise<T> {
    this.#leave();
    try {
      return await work();
    } finally {
      this.#enter();
      this.#onEvent({ kind: "resize" });
    }
  }

  /** Stops as a shell expects it of Ctrl-Z, and goes on when the shell says so. */
  async stop(): Promise<void> {
    await this.suspend(async () => {
      // The whole foreground group, as the terminal would do it.
      process.kill(0, "SIGTSTP");
      await sleep(escapeMs);
    });
  }

  [Symbol.dispose](): void {
    this.#leave();
    this.#resizing[Symbol.dispose]();
    process.off("exit", this.#leave);
    process.off("SIGCONT", this.#continued);
  }

  #enter(): void {
    if (this.#isEntered) return;
    this.#isEntered = true;
    const { stdin, stdout } = this.#terminal;
    stdin.setRawMode?.(true);
    stdin.on("data", this.#onData);
    stdin.on("end", this.#onEnd);
    stdin.resume();
    this.#shown = [];
    stdout.write(enter);
  }

  readonly #leave = (): void => {
    if (!this.#isEntered) return;
    this.#isEntered = false;
    clearTimeout(this.#timer);
    const { stdin, stdout } = this.#terminal;
    stdin.off("data", this.#onData);
    stdin.off("end", this.#onEnd);
    stdin.pause();
    stdin.setRawMode?.(false);
    stdout.write(leave);
  };

  // Whoever stopped us from outside left the terminal to somebody else meanwhile.
  readonly #continued = (): void => {
    if (!this.#isEntered) return;
    this.#terminal.stdin.setRawMode?.(true);
    this.#terminal.stdout.write(enter);
    this.#redraw();
  };

  #redraw(): void {
    if (!this.#isEntered) return;
    this.#shown = [];
    this.#onEvent({ kind: "resize" });
  }

  readonly #onEnd = (): void => this.#onEvent({ kind: "end" });

  readonly #onData = (bytes: Buffer): void => {
    clearTimeout(this.#timer);
    for (const key of this.#keys.feed(bytes)) this.#onEvent({ kind: "key", key });
    if (!this.#keys.isWaiting) return;
    this.#timer = setTimeout(() => {
      for (const key of this.#keys.flush()) this.#onEvent({ kind: "key", key });
    }, escapeMs);
  };
}
