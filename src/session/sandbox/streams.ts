import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { DisposeNowStack } from "../../base/dispose.js";
import { systemCodeOf } from "../../base/errors.js";
import type { EngineStreams, TerminalSize } from "../../model/engine.js";
import type { OutputStream, Terminal } from "../../model/terminal.js";
import type { TerminalHold } from "./terminal-hold.js";

const blockedMs = 2_000;

/** Told of what a terminal shows. */
export interface TerminalRecorder {
  output(chunk: Buffer): void;
  resize(size: TerminalSize): void;
}

/** Who else has to do with a terminal: it can be taken for a moment, and recorded. */
interface Beside {
  readonly hold?: TerminalHold | undefined;
  readonly recording?: TerminalRecorder | null | undefined;
}

/** A process inside that can be talked to: the container's first one, or an exec. */
export interface RemoteProcess {
  readonly streams: EngineStreams;
  readonly tty: boolean;
  resize(size: TerminalSize): Promise<void>;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Whether its container has ended, or the engine cannot say. */
  isGone(): Promise<boolean>;
}

function sizeOf({ stdout }: Terminal): TerminalSize | null {
  const { columns, rows } = stdout;
  return columns === undefined || rows === undefined || columns === 0 || rows === 0 ? null : { columns, rows };
}

/** Whether a command gets a terminal inside: when the caller sits at one with both ends, as with `docker run -it`. */
export function hasTerminal({ stdin, stdout }: Terminal): boolean {
  return stdin.isTTY === true && stdout.isTTY === true;
}

/** Gives the terminal inside the caller's size: before the command begins, as it looks at it first. */
export async function matchSize(terminal: Terminal, remote: RemoteProcess): Promise<void> {
  if (remote.tty) await applySize(remote, sizeOf(terminal));
}

// A size that arrives before the process, or after it, is refused by the engine; the next one, or none, corrects it.
async function applySize(remote: RemoteProcess, size: TerminalSize | null): Promise<void> {
  if (size !== null) await remote.resize(size).catch(() => undefined);
}

// A native command would fail at its next write to a pipe that nobody reads: so it is told, ever more firmly, as some ignore
// SIGPIPE.
const unreadSignals: readonly NodeJS.Signals[] = ["SIGPIPE", "SIGTERM", "SIGKILL"];
const unreadPatienceMs = 1_000;

// An engine that closes a container's output waits for whoever reads it, and answers nothing about that container until then: a
// reader who stopped (`| less`) would so hold up its removal, and our own signals. Once the process is gone, what is left in the
// pipes is little, and is taken out whether the reader reads or not.
function watchBlocked(from: Readable, { isGone }: RemoteProcess, letGo: () => void): NodeJS.Timeout {
  let blockedSince: number | null = null;
  const look = async (): Promise<void> => {
    blockedSince = from.isPaused() ? (blockedSince ?? Date.now()) : null;
    if (blockedSince !== null && Date.now() - blockedSince >= blockedMs && (await isGone())) letGo();
  };
  return setInterval(() => void look(), blockedMs);
}

function endUnread(remote: RemoteProcess): Disposable {
  const timers = unreadSignals.map((name, step) =>
    setTimeout(() => void remote.kill(name).catch(() => undefined), step * unreadPatienceMs),
  );
  return { [Symbol.dispose]: () => timers.forEach(clearTimeout) };
}

/** Copies at the reader's speed, until the source ends. A reader that goes away ends the process; what still comes is dropped. */
async function pumpOut(
  from: Readable,
  to: OutputStream,
  remote: RemoteProcess,
  { hold, recording }: Beside = {},
): Promise<void> {
  using cleanup = new DisposeNowStack();
  let waits = true;
  const resume = (): void => {
    if (hold?.isTaken !== true) from.resume();
  };
  const letGo = (): void => {
    waits = false;
    resume();
  };
  const timer = watchBlocked(from, remote, letGo);
  cleanup.defer(() => clearInterval(timer));
  let unread = false;
  const onError = (error: Error): void => {
    if (unread || systemCodeOf(error) !== "EPIPE") return;
    unread = true;
    cleanup.use(endUnread(remote));
    letGo();
  };
  to.on("error", onError);
  cleanup.defer(() => void to.off("error", onError).off("drain", resume));
  from.on("data", (chunk: Buffer) => {
    hold?.see(chunk);
    const isTaken = unread || to.write(chunk);
    recording?.output(chunk);
    if (isTaken || !waits) return;
    from.pause();
    to.once("drain", resume);
  });
  try {
    await finished(from);
  } catch (error) {
    if (systemCodeOf(error) !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  }
}

const graceMs = 10_000;

// With a terminal Ctrl-C is a key and goes in as one. What comes as a signal is somebody's wish that this ends: the command hears
// it first, and is killed if it goes on.
function endOnSignal(terminal: Terminal, kill: (name: NodeJS.Signals) => void): Disposable {
  let timer: NodeJS.Timeout | undefined;
  const intercepted = terminal.interceptSignals((name) => {
    kill(timer === undefined ? name : "SIGKILL");
    timer ??= setTimeout(() => kill("SIGKILL"), graceMs);
  });
  return {
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      intercepted[Symbol.dispose]();
    },
  };
}

/**
 * Connects the caller's terminal or pipes with a process inside until its output ends: byte-exact both ways, raw mode and
 * size with a terminal, signals passed on without one. A reader that closes our stdout early ends the process as it would end a native one.
 */
export async function connectStreams(terminal: Terminal, remote: RemoteProcess, beside: Beside = {}): Promise<void> {
  const { stdin, stdout, stderr } = terminal;
  const { streams, tty } = remote;
  using cleanup = new DisposeNowStack();
  const kill = (name: NodeJS.Signals): void => void remote.kill(name).catch(() => undefined);
  if (tty) {
    stdin.setRawMode?.(true);
    cleanup.defer(() => void stdin.setRawMode?.(false));
    if (stdin.setRawMode !== undefined) await (await import("./raw-output.js")).passOutputThrough();
    cleanup.use(endOnSignal(terminal, kill));
    cleanup.use(
      terminal.onResize((size) => {
        beside.recording?.resize(size);
        void applySize(remote, size);
      }),
    );
    await applySize(remote, sizeOf(terminal));
  } else {
    cleanup.use(terminal.interceptSignals(kill));
  }
  // The process may end before it has read everything; what is left is the caller's.
  streams.stdin.on("error", () => undefined);
  stdin.pipe(streams.stdin);
  cleanup.defer(() => {
    stdin.unpipe(streams.stdin);
    stdin.pause();
  });
  await Promise.all([
    pumpOut(streams.stdout, stdout, remote, beside),
    streams.stderr === null ? undefined : pumpOut(streams.stderr, stderr, remote),
  ]);
}
