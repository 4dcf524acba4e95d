import { finished } from "node:stream/promises";
import { DisposeNowStack } from "../base/dispose.js";
import { systemCodeOf } from "../base/errors.js";
import type { EngineStreams, TerminalSize } from "../model/engine.js";
import type { Terminal } from "../model/terminal.js";

/** A process inside that can be talked to: the container's first one, or an exec. */
export interface RemoteProcess {
  readonly streams: EngineStreams;
  readonly tty: boolean;
  resize(size: TerminalSize): Promise<void>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

function sizeOf({ stdout }: Terminal): TerminalSize | null {
  const { columns, rows } = stdout;
  return columns === undefined || rows === undefined || columns === 0 || rows === 0 ? null : { columns, rows };
}

/** Whether a command gets a terminal inside: when the caller sits at one with both ends, as with `docker run -it`. */
export function hasTerminal({ stdin, stdout }: Terminal): boolean {
  return stdin.isTTY === true && stdout.isTTY === true;
}

// A size that arrives before the process, or after it, is refused by the engine; the next one, or none, corrects it.
async function applySize(remote: RemoteProcess, size: TerminalSize | null): Promise<void> {
  if (size !== null) await remote.resize(size).catch(() => undefined);
}

async function pumpOut(from: NodeJS.ReadableStream, to: NodeJS.WritableStream): Promise<void> {
  const ended = finished(from);
  // `end: false`: the caller's stdout outlives the command. Back-pressure is pipe's own.
  from.pipe(to, { end: false });
  try {
    await ended;
  } catch (error) {
    if (systemCodeOf(error) !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  }
}

/**
 * Connects the caller's terminal or pipes with a process inside until its output ends: byte-exact both ways, raw mode and
 * size with a terminal, signals passed on without one. A reader that closes our stdout early ends the process with SIGPIPE.
 */
export async function connectStreams(terminal: Terminal, remote: RemoteProcess): Promise<void> {
  const { stdin, stdout, stderr } = terminal;
  const { streams, tty } = remote;
  using cleanup = new DisposeNowStack();
  if (tty) {
    stdin.setRawMode?.(true);
    cleanup.defer(() => void stdin.setRawMode?.(false));
    cleanup.use(terminal.onResize((size) => void applySize(remote, size)));
    await applySize(remote, sizeOf(terminal));
  } else {
    cleanup.use(terminal.interceptSignals((name) => void remote.kill(name).catch(() => undefined)));
  }
  const onBrokenPipe = (error: Error): void => {
    if (systemCodeOf(error) === "EPIPE") void remote.kill("SIGPIPE").catch(() => undefined);
  };
  stdout.on("error", onBrokenPipe);
  cleanup.defer(() => void stdout.off("error", onBrokenPipe));
  // The process may end before it has read everything; what is left is the caller's.
  streams.stdin.on("error", () => undefined);
  stdin.pipe(streams.stdin);
  cleanup.defer(() => {
    stdin.unpipe(streams.stdin);
    stdin.pause();
  });
  await Promise.all([
    pumpOut(streams.stdout, stdout),
    streams.stderr === null ? undefined : pumpOut(streams.stderr, stderr),
  ]);
}
