import { AirlockError } from "../base/errors.js";
import { newToken } from "../base/ids.js";
import type { Secret } from "../base/secret.js";
import type { ExecStreams } from "../model/engine.js";
import type { SessionRecord } from "../model/session.js";
import type { Terminal } from "../model/terminal.js";
import { recordIfWanted } from "./recording/record-if-wanted.js";
import { ensureRunning, type Program } from "./reopen.js";
import { isContainerGone } from "./run.js";
import { sandboxEnvironment } from "./sandbox/environment.js";
import { killProcesses } from "./sandbox/kill-processes.js";
import { readInitLine, releaseFrame } from "./sandbox/release.js";
import { connectStreams, hasTerminal, matchSize, type RemoteProcess } from "./sandbox/streams.js";
import { loadSession, lockSession } from "./store.js";
import type { Workbench } from "./workbench.js";

interface ExecOptions {
  readonly command: readonly string[];
  readonly env: ReadonlyMap<string, Secret>;
  readonly term: string | undefined;
  /** Folder inside. */
  readonly cwd: string;
  readonly terminal: Terminal;
  readonly program: Program;
  /** Whether what its terminal shows is recorded, where the session's are. */
  readonly isRecorded: boolean;
}

const readyTimeoutMs = 30_000;
/** As for `run`: a command may ignore Ctrl-C. */
const interruptsToKill = 3;

/** The record of a session whose sandbox runs; it is started again when it had stopped. */
export async function runningRecord(bench: Workbench, id: string, program: Program): Promise<SessionRecord> {
  await using _lock = await lockSession(bench.home, id, bench.signal);
  const record = await loadSession(bench.home, id);
  if (record === null || record.state === "discarding" || record.state === "discarded") {
    throw new AirlockError("E_SESSION_NOT_FOUND", `session "${id}" was discarded`);
  }
  return await ensureRunning(bench, record, program);
}

async function openExec(
  bench: Workbench,
  record: SessionRecord,
  container: string,
  tty: boolean,
): Promise<ExecStreams> {
  const engine = await bench.engine();
  const user = `${record.uid}:${record.gid}`;
  return engine.exec({ container, command: ["/airlock/init", "enter"], user, workingDirectory: "/", tty });
}

async function connectRecorded(
  bench: Workbench,
  record: SessionRecord,
  remote: RemoteProcess,
  { terminal, term, isRecorded }: ExecOptions,
): Promise<void> {
  await using recording = remote.tty && isRecorded ? await recordIfWanted(bench, record, { terminal, term }) : null;
  await connectStreams(terminal, remote, { recording });
}

/** Runs a command in a session's sandbox, which is started again when it had stopped; resolves to the command's exit code. */
export async function execInSession(bench: Workbench, id: string, options: ExecOptions): Promise<number> {
  const { command, terminal } = options;
  const record = await runningRecord(bench, id, options.program);
  const container = record.container;
  if (container === null) throw new AirlockError("E_SESSION_STATE", `session ${id} has no sandbox`);
  const tty = hasTerminal(terminal);
  const token = newToken();
  await using streams = await openExec(bench, record, container, tty);
  const failed = new AirlockError("E_ENGINE_FAILED", "the sandbox ended before the command could start in it");
  await readInitLine(streams.stdout, { timeoutMs: readyTimeoutMs, signal: bench.signal, onEnd: () => failed });
  const env = sandboxEnvironment({
    image: [],
    session: record.id,
    user: record.user,
    given: options.env,
    term: options.term,
    token,
  });
  // init lays these over what the sandbox was started with, whose PATH is the image's.
  env.delete("PATH");
  let interrupts = 0;
  const kill = (signal: string): Promise<void> => {
    interrupts += signal === "SIGINT" ? 1 : 0;
    const sent = interrupts >= interruptsToKill ? "SIGKILL" : signal;
    return killProcesses(bench, { container, user: `${record.uid}:${record.gid}`, token, signal: sent });
  };
  const remote: RemoteProcess = {
    streams,
    tty,
    resize: (size) => streams.resize(size),
    kill,
    isGone: () => isContainerGone(bench, container),
  };
  await matchSize(terminal, remote);
  // What cannot be recorded does not run.
  await bench.recorder(record.id)({ kind: "command.start", data: { command, exec: streams.id } });
  streams.stdin.write(releaseFrame({ mode: "run", cwd: options.cwd, env, args: command }));
  const onAbort = (): void => void kill("SIGKILL").catch(() => undefined);
  bench.signal.addEventListener("abort", onAbort, { once: true });
  if (bench.signal.aborted) onAbort();
  try {
    await connectRecorded(bench, record, remote, options);
    const exitCode = await streams.exitCode();
    await bench.recorder(record.id)({ kind: "command.end", data: { exec: streams.id, exitCode } });
    // The engine forgets an exec when its container is removed under it.
    return exitCode ?? 137;
  } finally {
    bench.signal.removeEventListener("abort", onAbort);
  }
}
