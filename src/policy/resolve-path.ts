import { realpath } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { AirlockError, type ErrorCode, systemCodeOf } from "../base/errors.js";
import { displayPath } from "../base/escape.js";

/** Why a path as written cannot be used at all; undefined when it can. */
export function faultOfText(text: string): string | undefined {
  if (text === "") return "it is empty";
  // A path goes into prompts, logs and the engine's requests; control characters have no honest use there.
  if (/\p{Cc}/u.test(text)) return "it holds a control character";
  if (text.length > 4096) return "it is too long";
  if (/^~[^/]/.test(text)) return "only ~ and ~/… are understood, not another user's home";
  return undefined;
}

/** The absolute form of a path as written; `..` stays, since only the kernel knows what it means after a symbolic link. */
export function absoluteForm(text: string, at: { readonly cwd: string; readonly homedir: string }): string {
  if (text === "~" || text.startsWith("~/")) return `${at.homedir}${text.slice(1)}`;
  return isAbsolute(text) ? text : `${at.cwd}/${text}`;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist",
  ENOTDIR: "it, or a part of it, is not a folder",
  EACCES: "it is not readable for you",
  EPERM: "it is not readable for you",
  ELOOP: "it is a loop of symbolic links",
  ENAMETOOLONG: "it is too long",
};

/** What a failed call on a path means, for people. */
export function reasonOf(error: unknown): string {
  const code = systemCodeOf(error);
  return reasons[code ?? ""] ?? `the system says ${code ?? "no"}`;
}

/** Resolves every symbolic link. A path that is not valid UTF-8 is refused: the engine's API cannot carry it. */
export async function resolvePath(absolute: string, code: ErrorCode, hint: string): Promise<string> {
  const fail = (why: string, cause?: unknown) =>
    new AirlockError(code, `${displayPath(absolute)} cannot be used: ${why}`, { hint, cause });
  let bytes: Buffer;
  try {
    bytes = await realpath(absolute, { encoding: "buffer" });
  } catch (error) {
    throw fail(reasonOf(error), error);
  }
  const path = bytes.toString("utf8");
  if (!Buffer.from(path).equals(bytes)) throw fail("its name is not valid UTF-8");
  const fault = faultOfText(path);
  if (fault !== undefined) throw fail(`it leads to ${displayPath(path)}, and ${fault}`);
  return path;
}
