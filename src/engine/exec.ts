import { setTimeout as sleep } from "node:timers/promises";
import type { EngineStreams, ExecRequest, ExecStreams, TerminalSize } from "../model/engine.js";
import type { EngineCaller } from "./caller.js";
import { objectName } from "./object-name.js";
import { readAnswer } from "./read-answer.js";
import { openStreams } from "./streams.js";
import { EngineRefusal } from "./transport.js";

/*
 * Engines watch what is typed into a TTY for keys that detach, hold the first of them back until the next byte comes, and
 * take no empty list. For an attach they accept a byte that no UTF-8 text holds; for an exec only ASCII: the rarest
 * control character, sixteen times.
 */
const attachDetachKeys = Array(8).fill("%ff").join(",");
const execDetachKeys = Array(16).fill("ctrl-^").join(",");

/** Attaches to the first process's streams. The container may not be started yet: then no byte is lost. */
export async function attachContainer(
  caller: EngineCaller,
  id: string,
  { tty }: { readonly tty: boolean },
): Promise<EngineStreams> {
  // Query only: Podman takes nothing from the body.
  const query = { stream: true, stdin: true, stdout: true, stderr: true, logs: false };
  const socket = await caller.call(`attach to container ${id}`, (signal) =>
    caller.transport.hijack({
      method: "POST",
      path: `/containers/${objectName(id)}/attach`,
      query: caller.product === "docker" ? { ...query, detachKeys: attachDetachKeys } : query,
      signal,
    }),
  );
  return openStreams(socket, tty);
}

/** Starts a process in a running container, connected to its three streams. */
export async function execInContainer(caller: EngineCaller, request: ExecRequest): Promise<ExecStreams> {
  const doing = `run ${request.command[0] ?? "nothing"} in container ${request.container}`;
  const body = {
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: !request.tty,
    Tty: request.tty,
    Cmd: request.command,
    Env: [],
    Privileged: false,
    DetachKeys: execDetachKeys,
    ...(request.user === undefined ? {} : { User: request.user }),
    ...(request.workingDirectory === undefined ? {} : { WorkingDir: request.workingDirectory }),
  };
  const answer = await caller.call(doing, (signal) =>
    caller.transport.json({ method: "POST", path: `/containers/${objectName(request.container)}/exec`, body, signal }),
  );
  const { Id } = await readAnswer("created", answer, "an exec");
  const socket = await caller.call(doing, (signal) =>
    caller.transport.hijack({
      method: "POST",
      path: `/exec/${objectName(Id)}/start`,
      body: { Detach: false, Tty: request.tty },
      signal,
    }),
  );
  return execStreams(caller, Id, openStreams(socket, request.tty));
}

function execStreams(caller: EngineCaller, id: string, streams: ReturnType<typeof openStreams>): ExecStreams {
  let disposed = false;
  return {
    id,
    stdin: streams.stdin,
    stdout: streams.stdout,
    stderr: streams.stderr,
    resize: (size) => resizeExec(caller, id, size),
    async exitCode() {
      await streams.over;
      for (let waitMs = 2; ; waitMs = Math.min(waitMs * 2, 250)) {
        const { running, exitCode } = await inspectExec(caller, id);
        if (!running) return exitCode;
        if (disposed) return null;
        await sleep(waitMs);
      }
    },
    async [Symbol.asyncDispose]() {
      disposed = true;
      await streams[Symbol.asyncDispose]();
    },
  };
}

async function inspectExec(
  caller: EngineCaller,
  id: string,
): Promise<{ readonly running: boolean; readonly exitCode: number | null }> {
  const answer = await caller.callUnless(
    "look at an exec",
    (signal) => caller.transport.json({ method: "GET", path: `/exec/${objectName(id)}/json`, signal }),
    { 404: null },
  );
  if (answer === null) return { running: false, exitCode: null };
  const { Running, ExitCode } = await readAnswer("exec", answer, "an exec");
  return { running: Running, exitCode: ExitCode ?? null };
}

async function resizeExec(caller: EngineCaller, id: string, size: TerminalSize): Promise<void> {
  const query = { h: size.rows, w: size.columns };
  await caller.call("resize a terminal", async (signal) => {
    try {
      await caller.transport.json({ method: "POST", path: `/exec/${objectName(id)}/resize`, query, signal });
    } catch (error) {
      // The process ended, or has not begun: there is no terminal to resize.
      if (!(error instanceof EngineRefusal) || (error.status !== 404 && error.status !== 409 && !isOver(error))) {
        throw error;
      }
    }
  });
}

function isOver(error: EngineRefusal): boolean {
  return /not running|not found|already finished|no such (process|exec)|not started/i.test(error.message);
}
