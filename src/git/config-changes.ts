import type { Change } from "../model/change.js";
import { type GitConfig, parseGitConfig } from "./config-file.js";
import { effectOfKey } from "./config-keys.js";
import type { GitConfigChange, ReadFile } from "./report.js";

const configBytes = 1024 * 1024;
const valueLength = 200;

const empty: GitConfig = { values: new Map(), strange: 0 };

async function readConfig(read: ReadFile, path: string): Promise<GitConfig | null> {
  const bytes = await read(path, configBytes);
  return bytes === null ? null : parseGitConfig(bytes);
}

function same(left: readonly string[] = [], right: readonly string[] = []): boolean {
  return left.length === right.length && left.every((each, at) => each === right[at]);
}

function compare(path: string, before: GitConfig, after: GitConfig): GitConfigChange[] {
  const keys = [...new Set([...before.values.keys(), ...after.values.keys()])].sort();
  return keys.flatMap((key) => {
    const [old, now] = [before.values.get(key), after.values.get(key)];
    if (same(old, now)) return [];
    const kind = old === undefined ? "added" : now === undefined ? "removed" : "changed";
    // The last value is the one that git takes; of a list the new ones are what is to be seen.
    const news = (now ?? []).filter((each) => !(old ?? []).includes(each));
    const value = now === undefined ? null : (news.length > 0 ? news : now).join(", ").slice(0, valueLength);
    return [{ path, key, kind, effect: effectOfKey(key), value } as const];
  });
}

/** Which keys of git's configuration files the session changed, and what could not be read of them. */
export async function compareConfigs(
  changes: readonly Change[],
  read: { before: ReadFile; after: ReadFile },
): Promise<{ readonly config: readonly GitConfigChange[]; readonly notes: readonly string[] }> {
  const config: GitConfigChange[] = [];
  const notes: string[] = [];
  for (const { path, before, after } of changes) {
    const old = before?.type === "file" ? await readConfig(read.before, path) : empty;
    const now = after?.type === "file" ? await readConfig(read.after, path) : empty;
    if (after !== null && after.type !== "file") notes.push(`${path} is no regular file any more`);
    if (old === null || now === null)
      notes.push(`${path} is too large or cannot be read, so its keys are not compared`);
    else config.push(...compare(path, old, now));
    if (now !== null && now.strange > 0) notes.push(`${path} has ${now.strange} lines that cannot be read`);
  }
  return { config, notes };
}
