import { posix } from "node:path";
import { awsCommand } from "./aws-command.js";
import type { Captured } from "./capture.js";
import { cutBytes, showCaptured } from "./capture.js";
import { toolServerBroken } from "./frames.js";
import type { KeyQueue } from "./key-queue.js";
import { type CallControl, globFiles, grepFiles, runCommand } from "./primitives.js";
import { runRead } from "./run-read.js";
import { runWrite } from "./run-write.js";
import type { ToolCall } from "./tool-call.js";
import type { ServerAnswer, ToolChannel } from "./tool-channel.js";

type Result = Readonly<Record<string, unknown>>;

/** Where a call runs. */
export interface CallPlace {
  readonly channel: ToolChannel;
  /** Lets what may not happen at once happen one after the other: writes of a path, commands of a kept shell. */
  readonly queue: KeyQueue;
  /** Whose kept shell a `persistent` command runs in. */
  readonly shell: string;
  readonly control: CallControl;
}

const headBytes = 16 * 1024;
const tailBytes = 48 * 1024;

function streamFields(name: "stdout" | "stderr", captured: Captured): Result {
  const shown = showCaptured(captured);
  const cut = cutBytes(captured) === 0 ? {} : { [`${name}_bytes`]: captured.total };
  if (shown.kind === "text") return { [name]: shown.text, ...cut };
  const kept = shown.bytes.subarray(0, headBytes);
  const size =
    kept.length < shown.total ? `${shown.total} bytes, the first ${kept.length} follow` : `${shown.total} bytes`;
  return { [name]: `[binary output: ${size} as ${name}_base64]`, [`${name}_base64`]: kept.toString("base64"), ...cut };
}

function endFields({ records, ended }: ServerAnswer): Result {
  const exit = records.get("exit");
  const signal = records.get("signal");
  if (!/^\d{1,3}$/.test(exit ?? signal ?? "")) throw toolServerBroken("a command without an end");
  // As a shell says it. Kiro's tool gives text.
  const status = exit ?? String(128 + Number(signal));
  return {
    exit_status: status,
    ...(ended === null ? {} : ended === "timeout" ? { timed_out: true } : { cancelled: true }),
  };
}

const awsShell = {
  tool: "shell",
  folder: "/",
  enters: true,
  env: new Map(),
  timeoutMs: 120_000,
  persistent: false,
} as const;

async function runShell(call: ToolCall & { tool: "shell" }, place: CallPlace): Promise<Result> {
  const { command, folder, enters, env, timeoutMs, persistent } = call;
  const wish = { command, env, timeoutMs, head: headBytes, tail: tailBytes };
  const answer = persistent
    ? await place.queue.run(`shell ${place.shell}`, () =>
        runCommand(place.channel, { ...wish, folder: enters ? folder : null, shell: place.shell }, place.control),
      )
    : await runCommand(place.channel, { ...wish, folder, shell: null }, place.control);
  const isOver = answer.records.get("ended") === "1" ? { shell_ended: true } : {};
  return {
    ...endFields(answer),
    ...streamFields("stdout", answer.out),
    ...streamFields("stderr", answer.err),
    ...isOver,
  };
}

function runAws(call: ToolCall & { tool: "aws" }, place: CallPlace): Promise<Result> {
  return runShell({ ...awsShell, command: awsCommand(call) }, place);
}

async function runGrep(call: ToolCall & { tool: "grep" }, { channel, control }: CallPlace): Promise<Result> {
  const { lines, counts, matches, files, cut } = await grepFiles(channel, { ...call, fixed: false }, control);
  const found =
    call.mode === "content"
      ? { lines: lines.map(({ path, line, isMatch, text }) => ({ path, line, match: isMatch, text })) }
      : { files: counts.map(({ path, count }) => (call.mode === "count" ? { path, matches: count } : { path })) };
  return { path: call.path, matches, matching_files: files, ...found, cut };
}

async function runGlob(call: ToolCall & { tool: "glob" }, { channel, control }: CallPlace): Promise<Result> {
  const { paths, cut } = await globFiles(channel, call, control);
  return { path: call.path, files: paths.map((below) => posix.join(call.path, below)), cut };
}

/**
 * Does what a call asks for, in the sandbox. Whether it may was decided before. Rejects with `ToolRefusal` when the sandbox cannot do
 * it, with `E_TOOL_SERVER` when the tool server is gone.
 */
export function runCall(call: ToolCall, place: CallPlace): Promise<Result> {
  const { channel, queue, control } = place;
  if (call.tool === "read") return runRead(channel, call.operations, control);
  if (call.tool === "write") return runWrite(channel, { path: call.path, change: call.change, queue }, control);
  if (call.tool === "shell") return runShell(call, place);
  if (call.tool === "glob") return runGlob(call, place);
  if (call.tool === "grep") return runGrep(call, place);
  return runAws(call, place);
}
