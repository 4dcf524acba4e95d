import { constants } from "node:fs";
import { type FileHandle, lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { systemCodeOf } from "../base/errors.js";
import type { CarriedFile, HomeFile } from "../model/agent.js";
import { hideSecretShapes } from "../risk/secret-content.js";

const fileBytes = 256 * 1024;
const allBytes = 1024 * 1024;
const mostFiles = 200;
const deepest = 4;
const mark = "(left out by Airlock: it looks like a secret)";

// What is not there, or not a file of its own, is not carried: a link could lead to a login.
const isAbsent = (error: unknown): boolean =>
  ["ENOENT", "ENOTDIR", "ELOOP", "EACCES", "EISDIR"].includes(systemCodeOf(error) ?? "");

async function readText(path: string): Promise<string | null> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > fileBytes) return null;
    const text = await file.readFile("utf8");
    return text.includes("\u0000") ? null : text;
  } finally {
    await file.close();
  }
}

async function listTexts(root: string, path: string, ending: string, depth = 0): Promise<string[]> {
  if (depth > deepest) return [];
  // The folder itself may be a link, which is not followed.
  const stat = await lstat(join(root, path)).catch(() => null);
  if (stat?.isDirectory() !== true) return [];
  const found: string[] = [];
  const entries = await readdir(join(root, path), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const below = `${path}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await listTexts(root, below, ending, depth + 1)));
    else if (entry.isFile() && entry.name.endsWith(ending)) found.push(below);
  }
  return found;
}

/** Of a file of settings the named keys and no other: an unknown one may hold a token, a command or a path of this machine. */
function pick(text: string, keys: readonly string[]): string | null {
  let all: unknown;
  try {
    all = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof all !== "object" || all === null || Array.isArray(all)) return null;
  const picked = Object.entries(all).filter(([key]) => keys.includes(key));
  return picked.length === 0 ? null : JSON.stringify(Object.fromEntries(picked));
}

async function read(homedir: string, carried: CarriedFile): Promise<HomeFile[]> {
  if (carried.kind === "json") {
    const text = await readText(join(homedir, carried.path));
    const content = text === null ? null : pick(text, carried.keys);
    return content === null ? [] : [{ path: carried.path, content }];
  }
  const { path, ending } = carried;
  const paths = ending === undefined ? [path] : await listTexts(homedir, path, ending);
  const files: HomeFile[] = [];
  for (const each of paths.slice(0, mostFiles)) {
    const content = await readText(join(homedir, each));
    if (content !== null) files.push({ path: each, content });
  }
  return files;
}

/**
 * What a user's own configuration gives to an agent inside: texts, and of settings the keys that are known to be harmless. A file that
 * is a link is left out, so is what looks like a secret, and all of it together is bounded.
 */
export async function carriedFiles(homedir: string, wanted: readonly CarriedFile[]): Promise<HomeFile[]> {
  const files: HomeFile[] = [];
  let left = allBytes;
  for (const each of wanted) {
    for (const { path, content } of await read(homedir, each)) {
      const safe = hideSecretShapes(content, mark);
      left -= Buffer.byteLength(safe);
      if (left < 0 || files.length === mostFiles) return files;
      files.push({ path, content: safe });
    }
  }
  return files;
}
