import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { AirlockError, systemCodeOf } from "../base/errors.js";

/** One call of git. It gets no shell, no terminal and none of the caller's environment. */
export interface GitCall {
  readonly args: readonly string[];
  /** The repository, always named: nothing is looked for. */
  readonly gitDir: string;
  readonly config?: readonly string[];
  readonly input?: Uint8Array | Readable;
  /** More than this on stdout ends the call. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

export interface GitAnswer {
  readonly code: number;
  readonly stdout: Buffer;
  /** Its beginning. */
  readonly stderr: string;
}

export type RunGit = (call: GitCall) => Promise<GitAnswer>;

/** Whose git is run, and as whom. */
export interface GitPlace {
  /** Absolute folders in which programs are looked for. */
  readonly path: string;
  /** Another user to run it as: the project's owner, when we are root. */
  readonly as: { readonly uid: number; readonly gid: number } | null;
  readonly signal: AbortSignal;
}

/**
 * What a repository's configuration could make git run, switched off for every call: the command line outranks files.
 * core.alternateRefsCommand cannot be (empty, it would run a path); nothing here asks for alternate refs.
 */
const settings = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.sshCommand=false",
  "core.askPass=false",
  "core.editor=false",
  "core.pager=cat",
  "core.attributesFile=/dev/null",
  "core.protectHFS=true",
  "core.protectNTFS=true",
  "credential.helper=",
  "diff.external=",
  "fetch.fsckObjects=true",
  "fetch.recurseSubmodules=false",
  "gc.auto=0",
  "log.mailmap=false",
  "log.showSignature=false",
  "maintenance.auto=false",
  "protocol.allow=never",
  "receive.fsckObjects=true",
  "submodule.recurse=false",
  "transfer.fsckObjects=true",
];

function environmentOf(path: string): Record<string, string> {
  return {
    PATH: path,
    HOME: "/nonexistent",
    XDG_CONFIG_HOME: "/nonexistent",
    LC_ALL: "C",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_SYSTEM: "/dev/null",
    GIT_NO_LAZY_FETCH: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_TERMINAL_PROMPT: "0",
    GIT_AUTHOR_NAME: "airlock",
    GIT_AUTHOR_EMAIL: "airlock@localhost",
    GIT_COMMITTER_NAME: "airlock",
    GIT_COMMITTER_EMAIL: "airlock@localhost",
  };
}

const stderrBytes = 16 * 1024;

function failureToStart(error: unknown): AirlockError {
  if (systemCodeOf(error) !== "ENOENT")
    return new AirlockError("E_GIT_UNUSABLE", "git cannot be started", { cause: error });
  return new AirlockError("E_GIT_UNUSABLE", "git is not installed on this machine", {
    hint: "install git 2.30 or newer",
  });
}

/** Collects a stream up to a number of bytes; `onTooMuch` is told when there was more. */
function collect(stream: Readable, maxBytes: number, onTooMuch: () => void): () => Buffer {
  const parts: Buffer[] = [];
  let size = 0;
  stream.on("data", (chunk: Buffer) => {
    if (size < maxBytes) parts.push(chunk.subarray(0, maxBytes - size));
    size += chunk.length;
    if (size > maxBytes) onTooMuch();
  });
  return () => Buffer.concat(parts);
}

function feed(stdin: NodeJS.WritableStream, input: GitCall["input"]): void {
  // git may end before it read everything; its exit code tells.
  stdin.on("error", () => undefined);
  if (input === undefined || input instanceof Uint8Array) stdin.end(input ?? "");
  else input.on("error", () => stdin.end()).pipe(stdin);
}

/** Makes the function that runs git in an environment of its own, killed when it takes too long or says too much. */
export function gitRunner({ path, as, signal }: GitPlace): RunGit {
  return ({ args, gitDir, config = [], input, maxBytes, timeoutMs }) =>
    new Promise((resolve, reject) => {
      const options = [...settings, ...config].flatMap((each) => ["-c", each]);
      const child = spawn("git", ["--no-replace-objects", `--git-dir=${gitDir}`, ...options, ...args], {
        cwd: "/",
        env: environmentOf(path),
        stdio: ["pipe", "pipe", "pipe"],
        signal,
        killSignal: "SIGKILL",
        timeout: timeoutMs,
        ...(as === null ? {} : as),
      });
      let tooMuch = false;
      const stdout = collect(child.stdout, maxBytes, () => {
        tooMuch = true;
        child.kill("SIGKILL");
      });
      const stderr = collect(child.stderr, stderrBytes, () => undefined);
      child.once("error", (error) =>
        reject(signal.aborted ? new AirlockError("E_CANCELLED", "interrupted") : failureToStart(error)),
      );
      child.once("close", (code) => {
        const why = tooMuch
          ? `git ${args[0]} said more than ${maxBytes} bytes`
          : `git ${args[0]} took longer than ${timeoutMs / 1000} s`;
        if (code === null) reject(new AirlockError("E_GIT_REFUSED", why));
        else resolve({ code, stdout: stdout(), stderr: stderr().toString("utf8") });
      });
      feed(child.stdin, input);
    });
}

/** The folders of a PATH in which git may be looked for: absolute, and none that the session could come to write to. */
export function trustedPath(path: string | undefined, project: string): string {
  const folders = (path ?? "/usr/local/bin:/usr/bin:/bin").split(":");
  return folders.filter((each) => each.startsWith("/") && !`${each}/`.startsWith(`${project}/`)).join(":");
}
