import { lstatSync, readlinkSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
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

const linksAtMost = 40;

/** Who may say where a path leads: the owner of the home folder, and root. Null: nobody is known. */
function trustedOwners(homedir: string): ReadonlySet<number> | null {
  const home = lstatSync(homedir, { throwIfNoEntry: false });
  return home === undefined ? null : new Set([0, home.uid]);
}

// Follows a path as the kernel does. A link of somebody else's, as in a folder that all can write to, would let them choose what
// of the user's is shown to a sandbox.
function foreignLink(absolute: string, trusted: ReadonlySet<number>): string | null {
  const waiting = absolute.split("/").reverse();
  let at = "/";
  for (let links = 0; waiting.length > 0; ) {
    const name = waiting.pop() ?? "";
    if (name === "" || name === ".") continue;
    const next = name === ".." ? dirname(at) : join(at, name);
    const found = lstatSync(next);
    if (!found.isSymbolicLink()) {
      at = next;
      continue;
    }
    if (!trusted.has(found.uid)) return next;
    links += 1;
    if (links > linksAtMost) return null;
    const target = readlinkSync(next);
    if (target.startsWith("/")) at = "/";
    waiting.push(...target.split("/").reverse());
  }
  return null;
}

/**
 * Resolves every symbolic link, of which none may be somebody else's. A path that is not valid UTF-8 is refused: the engine's API
 * cannot carry it.
 */
export async function resolvePath(
  absolute: string,
  { code, hint, homedir }: { readonly code: ErrorCode; readonly hint: string; readonly homedir: string },
): Promise<string> {
  const fail = (why: string, cause?: unknown) =>
    new AirlockError(code, `${displayPath(absolute)} cannot be used: ${why}`, { hint, cause });
  let bytes: Buffer;
  try {
    const trusted = trustedOwners(homedir);
    const foreign = trusted === null ? null : foreignLink(absolute, trusted);
    if (foreign !== null) throw fail(`${displayPath(foreign)} is a symbolic link of somebody else's`);
    bytes = await realpath(absolute, { encoding: "buffer" });
  } catch (error) {
    throw error instanceof AirlockError ? error : fail(reasonOf(error), error);
  }
  const path = bytes.toString("utf8");
  if (!Buffer.from(path).equals(bytes)) throw fail("its name is not valid UTF-8");
  const fault = faultOfText(path);
  if (fault !== undefined) throw fail(`it leads to ${displayPath(path)}, and ${fault}`);
  return path;
}
