import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AirlockError, isAirlockError, messageOf } from "../base/errors.js";
import type { Secret } from "../base/secret.js";
import type { JournalEvent } from "../model/journal.js";
import type { SessionRecord } from "../model/session.js";
import type { Terminal } from "../model/terminal.js";
import { hasWire } from "./network/hatch.js";
import type { Notify } from "./network/network.js";
import { providedOf } from "./network/provided.js";
import { type OpenedSession, openSession } from "./open.js";
import type { SessionPlan } from "./plan.js";
import { recordIfWanted } from "./recording/record-if-wanted.js";
import { releaseSandbox } from "./sandbox/sandbox.js";
import { connectStreams, matchSize, type RemoteProcess } from "./sandbox/streams.js";
import { watchLimits } from "./sandbox/watch.js";
import { loadSession, lockSession, saveSession } from "./store.js";
import type { AskPerson } from "./tools/ask-session.js";
import { endAnyTrustAll } from "./tools/end-any-trust.js";
import { type OnTrustEnd, watchTrust } from "./tools/watch-trust.js";
import type { Workbench } from "./workbench.js";

/** How a `run` ended. The session is stopped and its work kept. */
export interface RunOutcome {
  readonly record: SessionRecord;
  readonly exitCode: number;
  /** Why Airlock or the kernel stopped it; null when the command ended by itself. */
  readonly reason: string | null;
  /** What the journal has to say before anything else is done with the session: one wait for the disk serves both. */
  readonly unrecorded: readonly JournalEvent[];
}

interface RunOptions {
  readonly plan: SessionPlan;
  readonly terminal: Terminal;
  readonly env: ReadonlyMap<string, Secret>;
  readonly term: string | undefined;
  /** Folder inside, where the command starts. */
  readonly cwd: string;
  /** The session is discarded right after: nothing is put in order that would only be removed again. */
  readonly discards: boolean;
  /** Told of what a person should know while the command runs. */
  readonly onNotice: (text: string) => void;
  /** Told of a trust in everything that has ended. */
  readonly onTrustEnd: OnTrustEnd;
  /** Called once the wall is proved, before the command runs. */
  readonly onOpen: (opened: OpenedSession) => void | Promise<void>;
  /** Asks the person at the terminal, which is taken from the command for that moment. */
  readonly onQuestion: AskPerson;
}

const interruptsToKill = 3;
/** 128 and SIGXFSZ, by which the kernel enforces the limit on one file. */
const fileTooLarge = 153;

const answerMs = 2_000;

/** Whether a container has ended; also when the engine does not answer about it, as while it waits for its output to be read. */
export async function isContainerGone(bench: Workbench, container: string): Promise<boolean> {
  const engine = await bench.engine();
  const look = engine
    .inspectContainer(container)
    .then((state) => state?.status !== "running" && state?.status !== "paused");
  return Promise.race([look.catch(() => true), sleep(answerMs, true, { ref: false })]);
}

function remoteOf(bench: Workbench, { sandbox }: OpenedSession): RemoteProcess {
  let interrupts = 0;
  return {
    streams: sandbox.streams,
    tty: sandbox.tty,
    async resize(size) {
      await (await bench.engine()).resizeContainer(sandbox.container, size);
    },
    isGone: () => isContainerGone(bench, sandbox.container),
    async kill(signal) {
      // A command may ignore Ctrl-C; nobody should need a second terminal to get rid of it.
      interrupts += signal === "SIGINT" ? 1 : 0;
      await (await bench.engine()).killContainer(
        sandbox.container,
        interrupts >= interruptsToKill ? "SIGKILL" : signal,
      );
    },
  };
}

async function stopReason(
  bench: Workbench,
  container: string,
  exitCode: number,
  watched: string | null,
): Promise<string | null> {
  if (watched !== null) return watched;
  if (exitCode === 0) return null;
  if (exitCode === fileTooLarge) return "disk: it wrote a file as large as its whole limit";
  const state = await (await bench.engine()).inspectContainer(container);
  if (state === null) return "its container was removed by somebody else";
  return state.oomKilled && exitCode === 137 ? "memory: it used more than its limit and the kernel killed it" : null;
}

function commandEnd(exitCode: number, reason: string | null): JournalEvent {
  return { kind: "command.end", data: { exitCode, reason } };
}

// The record on disk is the truth: another command may have discarded or restored the session meanwhile.
async function closeRun(
  bench: Workbench,
  record: SessionRecord,
  exitCode: number,
  reason: string | null,
): Promise<SessionRecord> {
  const engine = await bench.engine();
  await using _lock = await lockSession(bench.home, record.id);
  const now = await loadSession(bench.home, record.id);
  if (now === null || now.state === "discarding" || now.state === "discarded" || now.generation !== record.generation) {
    return now ?? { ...record, state: "discarded" };
  }
  // A writable root is part of the work; otherwise nothing of value lives in the container.
  if (record.user === "agent" && record.container !== null) await engine.removeContainer(record.container);
  // Trust in everything was for this command.
  await endAnyTrustAll(bench, record, "the command has ended");
  const stopped: SessionRecord = { ...now, state: "stopped", lastExit: { code: exitCode, reason } };
  await bench.recorder(record.id)(commandEnd(exitCode, reason));
  await saveSession(bench.home, stopped);
  return stopped;
}

async function markInterrupted(bench: Workbench, record: SessionRecord, reason: string): Promise<void> {
  await using _lock = await lockSession(bench.home, record.id);
  const now = await loadSession(bench.home, record.id);
  if (now === null || now.state !== "running" || now.generation !== record.generation) return;
  await endAnyTrustAll(bench, record, reason);
  await bench.recorder(record.id)({ kind: "session.interrupted", data: { reason } });
  await saveSession(bench.home, { ...now, state: "interrupted", lastExit: { code: 125, reason } });
}

interface AtTerminal {
  readonly record: SessionRecord;
  readonly terminal: Terminal;
  readonly remote: RemoteProcess;
  readonly term: string | undefined;
  readonly onQuestion: AskPerson;
}

// Where a person sits, what waits for one is asked right there, and what is shown is recorded.
async function connectTerminal(bench: Workbench, at: AtTerminal): Promise<void> {
  const { record, terminal, remote, term, onQuestion } = at;
  const [{ TerminalHold }, { answerHere }, begun] = await Promise.all([
    import("./sandbox/terminal-hold.js"),
    import("./tools/answer-here.js"),
    recordIfWanted(bench, record, { terminal, term }),
  ]);
  await using recording = begun;
  const hold = new TerminalHold(terminal, remote);
  const ended = new AbortController();
  const asking = answerHere(bench.home, { session: record.id, hold, ask: onQuestion, signal: ended.signal });
  try {
    await connectStreams(terminal, remote, { hold, recording });
  } finally {
    ended.abort();
    await asking;
  }
}

async function superviseRun(
  bench: Workbench,
  opened: OpenedSession,
  remote: RemoteProcess,
  { terminal, term, discards, onQuestion, onTrustEnd }: RunOptions,
): Promise<RunOutcome> {
  const { record, sandbox } = opened;
  const onAbort = (): void => {
    remote.kill("SIGKILL").catch(() => undefined);
    // Whoever was to read the output may have stopped reading, and the engine would wait for it.
    Promise.resolve(sandbox.streams[Symbol.asyncDispose]()).catch(() => undefined);
  };
  bench.signal.addEventListener("abort", onAbort, { once: true });
  if (bench.signal.aborted) onAbort();
  // What reads the record at the end is loaded while the command runs.
  import("./record-schema.js").catch(() => undefined);
  await using watch = watchLimits(bench, record, sandbox.container);
  await using trust = watchTrust(bench, record, onTrustEnd);
  try {
    if (remote.tty) await connectTerminal(bench, { record, terminal, remote, term, onQuestion });
    else await connectStreams(terminal, remote);
    const { exitCode } = await sandbox.exit;
    const reason = await stopReason(bench, sandbox.container, exitCode, watch.reason());
    if (discards) return { record, exitCode, reason, unrecorded: [commandEnd(exitCode, reason)] };
    await trust.look();
    const closed = await closeRun(bench, record, exitCode, reason);
    await trust.look();
    return { record: closed, exitCode, reason, unrecorded: [] };
  } catch (error) {
    if (!isAirlockError(error) || !error.code.startsWith("E_ENGINE")) throw error;
    await markInterrupted(bench, record, error.message);
    throw new AirlockError(error.code, `the engine went away while the command ran: ${error.message}`, {
      hint: `the work is kept: start the engine, then airlock status ${record.id}`,
      cause: error,
    });
  } finally {
    bench.signal.removeEventListener("abort", onAbort);
  }
}

// Most sessions have no network, and none of its code.
async function connectNetwork(bench: Workbench, record: SessionRecord, notify: Notify): Promise<AsyncDisposable> {
  const { holdNetwork } = await import("./network/network.js");
  try {
    return await holdNetwork(bench, record, notify);
  } catch (error) {
    await markInterrupted(bench, record, messageOf(error));
    if (record.container !== null) await (await bench.engine()).removeContainer(record.container);
    throw error;
  }
}

/** Runs one command in a new session, connected to the caller's terminal, until it ends. */
export async function runSession(bench: Workbench, options: RunOptions): Promise<RunOutcome> {
  const { plan, env, term, cwd } = options;
  // Loaded while the engine is busy.
  if (plan.network.mode !== "none" || plan.aws !== null) import("./network/network.js").catch(() => undefined);
  if (plan.aws !== null) import("./aws/hold-aws.js").catch(() => undefined);
  await using opened = await openSession(bench, plan);
  await options.onOpen(opened);
  const { record, image, sandbox } = opened;
  await using _network = hasWire(record)
    ? await connectNetwork(bench, record, { say: options.onNotice, asksHere: plan.tty })
    : null;
  const remote = remoteOf(bench, opened);
  await matchSize(options.terminal, remote);
  releaseSandbox(sandbox, {
    mode: "run",
    record,
    image,
    command: plan.command ?? [],
    env,
    term,
    cwd: join(record.workspace, cwd),
    provided: await providedOf(bench, record),
  });
  return await superviseRun(bench, opened, remote, options);
}
