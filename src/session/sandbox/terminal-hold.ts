import { setTimeout as sleep } from "node:timers/promises";
import type { TerminalSize } from "../../model/engine.js";
import type { Terminal } from "../../model/terminal.js";
import type { RemoteProcess } from "./streams.js";
import { TerminalModes } from "./terminal-modes.js";

const redrawMs = 50;

/** The caller's terminal while a command has it: it can be taken for a moment, to ask something, and given back. */
export class TerminalHold {
  readonly #terminal: Terminal;
  readonly #remote: RemoteProcess;
  readonly #modes = new TerminalModes();
  #isTaken = false;
  #before: Promise<unknown> = Promise.resolve();

  constructor(terminal: Terminal, remote: RemoteProcess) {
    this.#terminal = terminal;
    this.#remote = remote;
  }

  /** The command's output waits, and its input hears nothing. */
  get isTaken(): boolean {
    return this.#isTaken;
  }

  /** Takes note of what the command writes. */
  see(chunk: Buffer): void {
    this.#modes.see(chunk);
  }

  /** Does something with the terminal alone; who comes meanwhile waits. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#before.then(() => this.#alone(work));
    this.#before = turn.catch(() => undefined);
    return turn;
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const { stdin, stdout } = this.#terminal;
    const { streams } = this.#remote;
    this.#isTaken = true;
    stdin.unpipe(streams.stdin);
    streams.stdout.pause();
    stdin.setRawMode?.(false);
    stdout.write(this.#modes.suspend());
    try {
      return await work();
    } finally {
      stdin.setRawMode?.(true);
      await (await import("./raw-output.js")).passOutputThrough();
      stdout.write(this.#modes.resume());
      this.#isTaken = false;
      stdin.pipe(streams.stdin);
      streams.stdout.resume();
      await this.#redraw();
    }
  }

  // A full-screen program draws its screen anew when its size changes, and at nothing else that can be done from here.
  async #redraw(): Promise<void> {
    const { columns, rows } = this.#terminal.stdout;
    if (columns === undefined || rows === undefined || rows < 2) return;
    const resize = (size: TerminalSize): Promise<void> => this.#remote.resize(size).catch(() => undefined);
    await resize({ columns, rows: rows - 1 });
    await sleep(redrawMs);
    await resize({ columns, rows });
  }
}
