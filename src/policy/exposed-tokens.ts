import { closeSync, constants, openSync, readSync } from "node:fs";
import { encodePath } from "../base/byte-path.js";
import type { HiddenFile } from "../model/session.js";
import { holdsSecret } from "./sniff.js";

const looksAtBytes = 256 << 10;

/** Files that the sandbox needs to see, or git does not work in it, and in which people keep tokens all the same. */
const needed = [".git/config", ".git/config.worktree"];

// Beside what counts as a token in other files: a header that git sends, and a token in the place of a user's name.
const gitTokens = [/^[ \t]*extraheader[ \t]*=.*authorization:/im, /:\/\/[^\s/:@]{20,}@/];

function readStart(path: Buffer): Buffer {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const bytes = Buffer.alloc(looksAtBytes);
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(file);
  }
}

function holdsToken(path: Buffer): boolean {
  try {
    const bytes = readStart(path);
    return holdsSecret("tokens", bytes) || gitTokens.some((each) => each.test(bytes.toString("latin1")));
  } catch {
    // Not there, or no file: there is nothing to warn of. What cannot be read inside either is no leak.
    return false;
  }
}

/** Files of a project that hold a token and are not hidden, because git needs them: the user has to know. */
export function findExposedTokens(project: string, hidden: readonly HiddenFile[]): string[] {
  const masked = (path: string): boolean =>
    hidden.some((each) => each.path === path || path.startsWith(`${each.path}/`));
  return needed.filter((path) => !masked(path) && holdsToken(encodePath(`${project}/${path}`)));
}
