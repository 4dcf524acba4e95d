import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { AirlockError } from "../../base/errors.js";
import { type Chunks, writeAll } from "./write-all.js";

type Environment = Readonly<Record<string, string | undefined>>;

export interface PagerPlace {
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly env: Environment;
  readonly signal: AbortSignal;
}

function isOnPath(program: string, env: Environment): boolean {
  return (env["PATH"] ?? "").split(":").some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== "";
    } catch {
      return false;
    }
  });
}

/** The pager to use, a shell command; null: none. Only a terminal gets one. */
export function choosePager(env: Environment, isTerminal: boolean): string | null {
  const asked = env["AIRLOCK_PAGER"] ?? env["PAGER"];
  if (!isTerminal || env["TERM"] === "dumb") return null;
  if (asked === undefined) return isOnPath("less", env) ? "less" : null;
  return asked.trim() === "" || asked.trim() === "cat" ? null : asked;
}

/** Shows text through the user's pager on a terminal, and writes it as it is elsewhere. Quitting the pager is no error. */
export async function page(chunks: Chunks, { stdout, env, signal }: PagerPlace): Promise<void> {
  const command = choosePager(env, stdout.isTTY === true);
  if (command === null) {
    await writeAll(stdout, chunks, signal);
    return;
  }
  const pager = spawn(command, {
    shell: true,
    stdio: ["pipe", "inherit", "inherit"],
    env: { ...env, LESS: env["LESS"] ?? "FRX", LV: env["LV"] ?? "-c" },
  });
  const ended = once(pager, "close");
  ended.catch(() => undefined);
  try {
    await writeAll(pager.stdin, chunks, signal);
  } finally {
    pager.stdin.destroyed || pager.stdin.end();
    const [code]: unknown[] = await ended;
    if (code === 126 || code === 127) {
      // biome-ignore lint/correctness/noUnsafeFinally: a pager that never ran has shown nothing, which must not pass for success.
      throw new AirlockError("E_USAGE", `the pager cannot be run: ${command}`, {
        hint: "set AIRLOCK_PAGER to another one, or to cat for none",
      });
    }
  }
}
