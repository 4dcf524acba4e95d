import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

interface SpawnOptions {
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** Called for each line of stderr. */
  readonly onLine: (line: string) => void;
}

/** A program whose stdout is read as bytes and whose stderr is progress. */
export interface RunningProgram {
  readonly stdout: Readable;
  /** Resolves to the exit code once the program ended; null when it was killed. Rejects when it could not start. */
  readonly ended: Promise<number | null>;
}

/** Starts a program without a shell and without stdin; aborting the signal ends it. */
export function spawnLines(program: string, args: readonly string[], options: SpawnOptions): RunningProgram {
  const { onLine, ...rest } = options;
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(program, args, {
    ...rest,
    stdio: ["ignore", "pipe", "pipe"],
  });
  createInterface({ input: child.stderr }).on("line", onLine);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("error", reject).on("close", resolve);
  });
  // Whoever reads stdout first must not turn a failed start into an unhandled rejection.
  ended.catch(() => undefined);
  return { stdout: child.stdout, ended };
}
