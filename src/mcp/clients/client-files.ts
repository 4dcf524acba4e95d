import { createHash, randomBytes } from "node:crypto";
import { lstat, mkdir, readFile, realpath, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { writeFileAtomic } from "../../base/atomic-file.js";
import { AirlockError, systemCodeOf } from "../../base/errors.js";
import type { ClientFile, ClientName } from "./client-table.js";
import { addJsonEntry, isSameData, readJsonEntry, removeJsonEntry } from "./edit-json.js";
import { addTomlEntry, readTomlEntry, removeTomlEntry, tomlBlock } from "./edit-toml.js";
import { backupPath, type Install, type LedgerPlace, lockLedger, readLedger, writeLedger } from "./install-ledger.js";

/** What became of one file. */
export interface FileReport {
  readonly path: string;
  readonly change: "written" | "unchanged" | "restored" | "removed";
  /** Copy of the file as it was. */
  readonly backup: string | null;
}

interface Target {
  readonly client: ClientName;
  /** Files below it are reached through no link: whoever made the repository could have put one there. */
  readonly project: string | null;
  readonly place: LedgerPlace;
}

const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

async function readIfThere(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return null;
    throw error;
  }
}

async function refuseLinks(project: string, path: string): Promise<void> {
  let at = project;
  for (const name of relative(project, path).split(sep)) {
    at = join(at, name);
    const found = await lstat(at).catch(() => null);
    if (found?.isSymbolicLink() !== true) continue;
    throw new AirlockError("E_MOUNT_REFUSED", `${at} is a symlink: what is written there would land elsewhere`, {
      hint: "replace it by what it points to, or install without --project",
    });
  }
}

// A person's own link (into a folder of dotfiles, say) is followed, so that it stays a link.
async function placeOf(file: ClientFile, project: string | null): Promise<string> {
  const isOther = file.instead !== undefined && (await lstat(file.instead).catch(() => null)) !== null;
  const path = isOther ? (file.instead ?? file.path) : file.path;
  if (project !== null) {
    await refuseLinks(project, path);
    return path;
  }
  return realpath(path).catch(() => path);
}

function contentWith(file: ClientFile, text: string): string {
  const { path, keys, value, format } = file;
  if (keys.length === 0) return `${JSON.stringify(value, null, 2)}\n`;
  return format === "toml" ? addTomlEntry(text, keys, value, path) : addJsonEntry(text, keys, value, path);
}

function entryOf({ path, keys, format }: ClientFile, text: string): unknown {
  return format === "toml" ? readTomlEntry(text, keys, path) : readJsonEntry(text, keys, path);
}

function isThere(file: ClientFile, text: string): boolean {
  const found = entryOf(file, text);
  if (found === undefined) return false;
  if (isSameData(found, file.value)) return true;
  const what = file.keys.length === 0 ? "is there already" : `has an entry "${file.keys.join(".")}" already`;
  throw new AirlockError("E_USAGE", `${file.path} ${what}, with something else in it`, {
    hint: "take it out first: airlock mcp uninstall, or by hand",
  });
}

/** What an install writes, to be put somewhere by hand. */
export function printedFile(file: ClientFile): string {
  if (file.format === "toml") return tomlBlock(file.keys, file.value);
  return contentWith(file, "");
}

async function keepBackup(place: LedgerPlace, before: Buffer): Promise<string> {
  const name = `${randomBytes(6).toString("hex")}.before`;
  await writeFileAtomic(backupPath(place, name), before);
  return name;
}

async function installFile(file: ClientFile, { client, project, place }: Target): Promise<FileReport> {
  const path = await placeOf(file, project);
  const before = await readIfThere(path);
  const text = before?.toString("utf8") ?? "";
  if (before !== null && text.trim() !== "" && isThere({ ...file, path }, text))
    return { path, change: "unchanged", backup: null };
  const content = contentWith({ ...file, path }, text);
  const parents = file.keys.slice(0, -1);
  const emptied =
    parents.length > 0 && (text.trim() === "" || entryOf({ ...file, path, keys: parents }, text) === undefined);
  const backup = before === null ? null : await keepBackup(place, before);
  const made = (await mkdir(dirname(path), { recursive: true, mode: project === null ? 0o700 : 0o755 })) ?? null;
  const { format, keys } = file;
  const install: Install = { client, path, format, keys: [...keys], backup, made, emptied, after: sha256(content) };
  // Written down first: a crash leaves an install that can be taken back, whether or not it happened.
  await writeLedger(place, [...(await readLedger(place)).filter((each) => each.path !== path), install]);
  const mode = before === null ? (project === null ? 0o600 : 0o644) : (await stat(path)).mode & 0o777;
  await writeFileAtomic(path, content, mode);
  return { path, change: "written", backup: backup === null ? null : backupPath(place, backup) };
}

/** Tells a client of the server, in each of its files; nothing else in them changes. */
export async function installClient(files: readonly ClientFile[], target: Target): Promise<readonly FileReport[]> {
  await using _lock = await lockLedger(target.place);
  const reports: FileReport[] = [];
  for (const file of files) reports.push(await installFile(file, target));
  return reports;
}

async function takeBack(install: Install, place: LedgerPlace): Promise<FileReport> {
  const { path, backup, after, keys, emptied, format } = install;
  const now = await readIfThere(path);
  if (now === null) return { path, change: "unchanged", backup: null };
  const before = backup === null ? null : await readIfThere(backupPath(place, backup));
  const untouched = sha256(now) === after;
  const mode = (await stat(path)).mode & 0o777;
  if (untouched && (backup === null || before !== null)) {
    if (before === null) await removeFile(install);
    else await writeFileAtomic(path, before, mode);
    return { path, change: before === null ? "removed" : "restored", backup: null };
  }
  const text = now.toString("utf8");
  const entry = { path, format, keys, value: {} };
  if (keys.length === 0) {
    throw new AirlockError("E_USAGE", `${path} was changed since it was written; it was left as it is`, {
      hint: `remove it by hand: rm ${path}`,
    });
  }
  if (entryOf(entry, text) === undefined) return { path, change: "unchanged", backup: null };
  const content = format === "toml" ? removeTomlEntry(text, keys, path) : removeJsonEntry(text, keys, emptied, path);
  await writeFileAtomic(path, content, mode);
  return { path, change: "removed", backup: null };
}

// The folders that were made for it go too, when nothing else came into them.
async function removeFile({ path, made }: Install): Promise<void> {
  await rm(path);
  for (let folder = dirname(path); made !== null && `${folder}/`.startsWith(`${made}/`); folder = dirname(folder)) {
    const removed = await rmdir(folder).then(
      () => true,
      () => false,
    );
    if (!removed) return;
  }
}

/** Takes an install back: a file that nobody else has changed becomes what it was, to the byte. */
export async function uninstallClient(files: readonly ClientFile[], target: Target): Promise<readonly FileReport[]> {
  await using _lock = await lockLedger(target.place);
  const wanted = new Set(await Promise.all(files.map((file) => placeOf(file, target.project))));
  const reports: FileReport[] = [];
  // In the reverse order: the folder that the first file made is empty when the last one is gone.
  for (const install of [...(await readLedger(target.place))].reverse()) {
    if (install.client !== target.client || !wanted.has(install.path)) continue;
    reports.push(await takeBack(install, target.place));
    await writeLedger(
      target.place,
      (await readLedger(target.place)).filter((each) => each.path !== install.path),
    );
    if (install.backup !== null) await rm(backupPath(target.place, install.backup), { force: true });
  }
  if (reports.length > 0) return reports;
  throw new AirlockError("E_USAGE", `nothing of Airlock's is installed for ${target.client} here`, {
    hint: `looked for: ${[...wanted].join(", ")}`,
  });
}
