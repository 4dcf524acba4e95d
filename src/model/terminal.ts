import type { Readable, Writable } from "node:stream";
import type { TerminalSize } from "./engine.js";

/** The standard input as Airlock needs it: a stream that may be a terminal. */
export interface InputStream extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(on: boolean): unknown;
}

export interface OutputStream extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** The caller's terminal, or the pipes that stand for it. */
export interface Terminal {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Takes signals over from the command's abort signal; the disposer gives them back. */
  interceptSignals(onSignal: (name: NodeJS.Signals) => void): Disposable;
  onResize(listener: (size: TerminalSize) => void): Disposable;
}
