import xterm from "@xterm/headless";
import type { TerminalSession } from "./cli.js";

/** What a person sees of a program in a pseudo-terminal. */
export class Screen {
  readonly session: TerminalSession;
  readonly #terminal: InstanceType<typeof xterm.Terminal>;
  #fed = 0;

  constructor(session: TerminalSession, cols = 80, rows = 24) {
    this.session = session;
    this.#terminal = new xterm.Terminal({ cols, rows, allowProposedApi: true });
  }

  get isOther(): boolean {
    return this.#terminal.buffer.active.type === "alternate";
  }

  type(text: string): void {
    this.session.type(text);
  }

  resize(cols: number, rows: number): void {
    this.#terminal.resize(cols, rows);
    this.session.resize(cols, rows);
  }

  /** The rows as they are now. */
  async rows(): Promise<string[]> {
    const { output } = this.session;
    const fresh = output.slice(this.#fed);
    this.#fed = output.length;
    await new Promise<void>((resolve) => this.#terminal.write(fresh, resolve));
    const { active } = this.#terminal.buffer;
    return Array.from(
      { length: this.#terminal.rows },
      (_, at) => active.getLine(active.viewportY + at)?.translateToString(true, 0, this.#terminal.cols) ?? "",
    );
  }

  /** Waits until the screen matches; fails with what it showed instead. */
  async waitFor(pattern: RegExp, timeoutMs = 30_000): Promise<string> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const shown = (await this.rows()).join("\n");
      if (pattern.test(shown)) return shown;
      if (Date.now() > deadline) throw new Error(`never showed ${pattern}; it showed:\n${shown}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
