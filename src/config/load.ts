import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { AirlockError, messageOf, systemCodeOf } from "../base/errors.js";
import type { FileConfig } from "./schema.js";

const maxBytes = 256 * 1024;

/** A configuration file with the hash that an approval is bound to. */
export interface LoadedConfig {
  readonly file: string;
  readonly sha256: string;
  readonly config: FileConfig;
}

function invalid(file: string, what: string, cause?: unknown): AirlockError {
  return new AirlockError("E_CONFIG_INVALID", `${file}: ${what}`, {
    hint: "fix or remove the file; Airlock never runs without a configuration that is there",
    ...(cause === undefined ? {} : { cause }),
  });
}

// The project's file is untrusted: not followed when it is a link (it may point at anything the user can read), and opened
// without blocking, because it may be a FIFO.
async function readText(file: string, follow: boolean): Promise<string | null> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (follow ? 0 : constants.O_NOFOLLOW);
  try {
    await using handle = await open(file, flags);
    const stat = await handle.stat();
    if (!stat.isFile()) throw invalid(file, "not a regular file");
    if (stat.size > maxBytes) throw invalid(file, `larger than ${maxBytes / 1024} KiB`);
    const bytes = await handle.readFile();
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof AirlockError) throw error;
    const code = systemCodeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    if (code === "ELOOP") throw invalid(file, "a symbolic link; the file itself must be there", error);
    if (error instanceof TypeError) throw invalid(file, "not valid UTF-8", error);
    throw invalid(file, messageOf(error), error);
  }
}

/** Reads one configuration file; null when there is none. The parser, which is slow to load, is loaded only for a file. */
export async function loadConfigFile(file: string, kind: "project" | "user"): Promise<LoadedConfig | null> {
  const text = await readText(file, kind === "user");
  if (text === null) return null;
  const { parseConfig } = await import("./parse.js");
  return { file, sha256: createHash("sha256").update(text).digest("hex"), config: parseConfig(text, file, kind) };
}

interface Environment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homedir: string;
}

/** Where the user's own configuration lies. */
export function userConfigPath({ env, homedir }: Environment): string {
  const base = env["XDG_CONFIG_HOME"];
  return join(base !== undefined && isAbsolute(base) ? base : join(homedir, ".config"), "airlock/config.yaml");
}

/** The name of a project's configuration. */
export function projectConfigPath(project: string): string {
  return join(project, "airlock.yaml");
}
