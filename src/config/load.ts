import { createHash } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { lstat, open } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { AirlockError, messageOf, systemCodeOf } from "../base/errors.js";
import { displayPath } from "../base/escape.js";
import type { PatternCheck } from "./parse.js";
import type { FileConfig } from "./schema.js";

const maxBytes = 256 * 1024;

/** A configuration file with the hash that an approval is bound to. */
export interface LoadedConfig {
  readonly file: string;
  /** Of the file's bytes, so that another byte is another file. */
  readonly sha256: string;
  readonly config: FileConfig;
}

type Kind = "project" | "user";

function invalid(file: string, what: string, cause?: unknown): AirlockError {
  return new AirlockError("E_CONFIG_INVALID", `${file}: ${what}`, {
    hint: "fix or remove the file; Airlock never runs without a configuration that is there",
    ...(cause === undefined ? {} : { cause }),
  });
}

function checkKind(file: string, kind: Kind, stat: Stats): void {
  if (!stat.isFile()) throw invalid(file, "not a regular file");
  // Whoever can write to the user's own file needs no approval any more.
  if (kind === "user" && (stat.mode & 0o002) !== 0) throw invalid(file, "everybody on this machine can write to it");
}

// The project's file is untrusted: not followed when it is a link (it may point at anything the user can read), and opened
// without blocking, because it may be a FIFO.
async function readBytes(file: string, kind: Kind): Promise<Uint8Array | null> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (kind === "user" ? 0 : constants.O_NOFOLLOW);
  try {
    await using handle = await open(file, flags);
    checkKind(file, kind, await handle.stat());
    const buffer = Buffer.alloc(maxBytes + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = (await handle.read(buffer, length, buffer.length - length, length)).bytesRead;
    }
    if (length > maxBytes) throw invalid(file, `larger than ${maxBytes / 1024} KiB`);
    return buffer.subarray(0, length);
  } catch (error) {
    if (error instanceof AirlockError) throw error;
    const code = systemCodeOf(error);
    if (code === "ENOENT") return refuseDangling(file, error);
    if (code === "ENOTDIR") return null;
    if (code === "ELOOP") throw invalid(file, "a symbolic link; the file itself must be there", error);
    if (code === "ENXIO") throw invalid(file, "not a regular file", error);
    if (code === "EACCES" || code === "EPERM") throw invalid(file, "you may not read it", error);
    throw invalid(file, messageOf(error), error);
  }
}

// A user's file that is a link into nothing is a configuration that got lost, not one that was never there.
async function refuseDangling(file: string, cause: unknown): Promise<null> {
  const isThere = await lstat(file).then(
    () => true,
    () => false,
  );
  if (isThere) throw invalid(file, "a symbolic link to nothing", cause);
  return null;
}

// A file of the other common ending would be passed over in silence, with everything that it tightens.
async function refuseOtherEnding(file: string): Promise<void> {
  const other = file.replace(/\.yaml$/, ".yml");
  const isThere = await lstat(other).then(
    () => true,
    () => false,
  );
  if (isThere) throw invalid(other, `the file's name must be ${file.slice(file.lastIndexOf("/") + 1)}`);
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw invalid(file, "not valid UTF-8", error);
  }
}

// A session policy may lie in a file of its own, beside the user's configuration.
async function withPolicy(file: string, config: FileConfig): Promise<FileConfig> {
  const policy = config.aws?.policy;
  if (typeof policy !== "string") return config;
  const path = resolve(dirname(file), policy);
  const bytes = await readBytes(path, "user");
  if (bytes === null) throw invalid(file, `aws.policy: there is no file ${displayPath(path)}`);
  try {
    const document: unknown = JSON.parse(decode(path, bytes));
    if (typeof document !== "object" || document === null || Array.isArray(document)) throw new Error("no object");
    return { ...config, aws: { ...config.aws, policy: { ...document } } };
  } catch (error) {
    if (error instanceof AirlockError) throw error;
    throw invalid(file, `aws.policy: ${displayPath(path)} is not the JSON of a policy`, error);
  }
}

/** Reads one configuration file; null when there is none. The parser, which is slow to load, is loaded only for a file. */
export async function loadConfigFile(
  file: string,
  kind: Kind,
  checkPattern?: PatternCheck,
): Promise<LoadedConfig | null> {
  const bytes = await readBytes(file, kind);
  if (bytes === null) {
    await refuseOtherEnding(file);
    return null;
  }
  const text = decode(file, bytes);
  const { parseConfig } = await import("./parse.js");
  const config = await withPolicy(file, parseConfig(text, file, kind, checkPattern));
  return { file, sha256: createHash("sha256").update(bytes).digest("hex"), config };
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
