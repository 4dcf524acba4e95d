import { mkdirSync, readFileSync } from "node:fs";
import { appendFile, readdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod/mini";
import { syncFolder, writeFileAtomic } from "../base/atomic-file.js";
import { AirlockError, messageOf, systemCodeOf } from "../base/errors.js";
import type { ApplySummary, HostState, WantedEntry } from "../model/apply.js";
import type { FolderIdentity } from "./project-tree.js";

/** The acts of docs/formats.md: how a step changes its path. */
export type Act = "remove" | "make" | "replace" | "adjust";

/** One step of an apply, as the write-ahead record has it. */
export interface Step {
  readonly number: number;
  readonly path: string;
  readonly act: Act;
  readonly before: HostState | null;
  readonly after: WantedEntry | null;
  /** What lies in the stage for it. */
  readonly staged: HostState | null;
  /** The step that makes the folder in which this entry arrives. */
  readonly carriedBy: number | null;
}

/** A folder that was there before and gets or loses entries. */
export interface TouchedFolder {
  readonly folder: string;
  readonly before: HostState;
}

/** The write-ahead record. */
export interface Steps {
  readonly steps: readonly Step[];
  readonly folders: readonly TouchedFolder[];
}

/** What a path was after Airlock's last step there. */
export interface Settled {
  readonly path: string;
  readonly state: HostState | null;
  /** Of a folder that got or lost entries: its ctime before. */
  readonly was?: string;
}

/** What `apply.json` holds. */
export interface ApplyRecord extends ApplySummary {
  readonly version: 1;
  readonly root: FolderIdentity & { readonly mtimeNs: string };
  readonly lock: string;
  readonly stage: string;
}

interface Parser<T> {
  parse(value: unknown): T;
}

const decimal = z.string().check(z.regex(/^-?\d+$/));
const count = z.int().check(z.nonnegative());
const sha256 = z.string().check(z.regex(/^[0-9a-f]{64}$/));
const type = z.enum(["file", "dir", "symlink", "special"]);

/** What a stage is named: nobody else's, and never brought in by an apply. */
export const stagePattern = /^\.airlock-apply-[0-9a-f]{16}$/;

const state: z.ZodMiniType<HostState> = z.strictObject({
  type,
  mode: count,
  uid: count,
  gid: count,
  size: count,
  mtimeNs: decimal,
  ctimeNs: decimal,
  device: decimal,
  inode: decimal,
  links: count,
  target: z.exactOptional(z.string()),
  sha256: z.exactOptional(sha256),
});

const wanted = z.strictObject({
  type: z.enum(["file", "dir", "symlink"]),
  mode: count,
  mtimeNs: z.nullable(
    z.pipe(
      decimal,
      z.transform((text: string) => BigInt(text)),
    ),
  ),
  target: z.exactOptional(z.string()),
  size: z.exactOptional(count),
  sha256: z.exactOptional(sha256),
  link: z.exactOptional(z.string()),
  owner: z.exactOptional(z.strictObject({ uid: count, gid: count })),
});

const relativePath = z.string().check(
  z.refine((path) => path === "." || path.split("/").every((name) => name !== "" && name !== "." && name !== "..")),
  z.refine((path) => !path.includes("\0")),
);

const stepSchema: Parser<Step> = z.strictObject({
  number: count,
  path: relativePath,
  act: z.enum(["remove", "make", "replace", "adjust"]),
  before: z.nullable(state),
  after: z.nullable(wanted),
  staged: z.nullable(state),
  carriedBy: z.nullable(count),
});

const folderSchema: Parser<TouchedFolder> = z.strictObject({ folder: relativePath, before: state });

const settledSchema: Parser<Settled> = z.strictObject({
  path: relativePath,
  state: z.nullable(state),
  was: z.exactOptional(decimal),
});

const applySchema: Parser<ApplyRecord> = z.strictObject({
  version: z.literal(1),
  id: z.string().check(z.regex(/^a\d+$/)),
  session: z.string(),
  kind: z.enum(["apply", "undo"]),
  undoes: z.nullable(z.string()),
  createdAt: z.iso.datetime(),
  phase: z.enum(["preparing", "committing", "committed", "rolled-back"]),
  paths: count,
  root: z.strictObject({ path: z.string(), device: decimal, inode: decimal, mtimeNs: decimal }),
  lock: z.string(),
  stage: z.string().check(z.regex(stagePattern)),
});

// JSON knows no bigint, and a replacer would be asked for each of 300,000 values of 10,000 steps.
const writable = ({ after, ...step }: Step): unknown => ({
  ...step,
  after: after === null ? null : { ...after, mtimeNs: after.mtimeNs === null ? null : String(after.mtimeNs) },
});

const lines = (values: readonly unknown[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join("");

function damaged(path: string, cause: unknown): AirlockError {
  return new AirlockError("E_STATE_DAMAGED", `${path} cannot be read: ${messageOf(cause).split("\n")[0]}`, {
    hint: "it was damaged or written by a newer Airlock",
    cause,
  });
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT" || systemCodeOf(error) === "ENOTDIR") return null;
    throw error;
  }
}

function parseText<T>(path: string, parse: (text: string) => T): T | null {
  const text = readText(path);
  if (text === null) return null;
  try {
    return parse(text);
  } catch (error) {
    throw damaged(path, error);
  }
}

// Half a line at the end of what is appended to is what a crash left.
const wholeLines = (text: string): string => text.slice(0, text.lastIndexOf("\n") + 1);

const linesOf = (text: string): string[] => text.split("\n").filter((line) => line !== "");

/** Replaces a file whole; durable when asked. */
async function save(path: string, text: string, sync: boolean): Promise<void> {
  if (sync) return await writeFileAtomic(path, text);
  await writeFile(`${path}.tmp`, text, { mode: 0o600 });
  await rename(`${path}.tmp`, path);
}

/** Writes `apply.json`: what it says decides what the next command does. */
export async function saveApply(folder: string, record: ApplyRecord, sync: boolean): Promise<void> {
  await save(join(folder, "apply.json"), `${JSON.stringify(record)}\n`, sync);
}

/** Makes the folder of an apply. */
export async function makeApplyFolder(folder: string, sync: boolean): Promise<void> {
  const first = mkdirSync(join(folder, "before"), { recursive: true, mode: 0o700 });
  if (!sync || first === undefined) return;
  for (let at = folder; at.length >= dirname(first).length; at = dirname(at)) await syncFolder(at);
}

/** The record of an apply's folder; null when there is none. */
export function readApply(folder: string): ApplyRecord | null {
  return parseText(join(folder, "apply.json"), (text) => applySchema.parse(JSON.parse(text)));
}

/** Writes the write-ahead record. */
export async function saveSteps(folder: string, { steps, folders }: Steps, sync: boolean): Promise<void> {
  await save(join(folder, "steps.jsonl"), lines([...folders, ...steps.map(writable)]), sync);
}

/** Reads the write-ahead record back. */
export function readSteps(folder: string): Steps {
  const steps: Step[] = [];
  const folders: TouchedFolder[] = [];
  const read = parseText(join(folder, "steps.jsonl"), (text) => {
    for (const line of linesOf(text)) {
      const value: unknown = JSON.parse(line);
      if (typeof value === "object" && value !== null && "folder" in value) folders.push(folderSchema.parse(value));
      else steps.push(stepSchema.parse(value));
    }
    return true;
  });
  if (read === null) throw damaged(join(folder, "steps.jsonl"), new Error("it is missing"));
  return { steps, folders };
}

/** Writes down what paths are now. */
export async function saveSettled(folder: string, settled: readonly Settled[], sync: boolean): Promise<void> {
  await save(join(folder, "settled.jsonl"), lines(settled), sync);
}

/** Adds what a path became after all others had settled. */
export async function addSettled(folder: string, settled: Settled): Promise<void> {
  const path = join(folder, "settled.jsonl");
  const text = readText(path) ?? "";
  if (wholeLines(text) !== text) await writeFile(path, wholeLines(text));
  await appendFile(path, lines([settled]), { mode: 0o600 });
}

function settledLines(folder: string): readonly Settled[] {
  const read = (text: string) => linesOf(wholeLines(text)).map((line) => settledSchema.parse(JSON.parse(line)));
  return parseText(join(folder, "settled.jsonl"), read) ?? [];
}

/** What paths were when Airlock was done; the last line of a path counts. Empty when it never came so far. */
export function readSettled(folder: string): ReadonlyMap<string, Settled> {
  return new Map(settledLines(folder).map((one) => [one.path, one]));
}

/** Whether a committed apply was tidied up to the end: the project's own folder has settled a second time. */
export function isTidied(folder: string): boolean {
  return settledLines(folder).filter(({ path }) => path === ".").length > 1;
}

/** When a path was last written by Airlock; null: it was removed. */
export interface SettledTime {
  readonly path: string;
  readonly ctimeNs: string | null;
  readonly was: string | null;
}

const isDecimal = (value: unknown): value is string => typeof value === "string" && /^-?\d{1,25}$/.test(value);

function settledTime(value: unknown): SettledTime {
  const { path, state: found, was } = Object(value) as Record<string, unknown>;
  const ctimeNs = found === null ? null : (Object(found) as Record<string, unknown>)["ctimeNs"];
  if (typeof path === "string" && (ctimeNs === null || isDecimal(ctimeNs)) && (was === undefined || isDecimal(was))) {
    return { path, ctimeNs, was: was ?? null };
  }
  throw new Error("a line of it is none");
}

/** The times alone of what `readSettled` reads, in a tenth of the time: every look at a session with applies needs them. */
export function readSettledTimes(folder: string): Iterable<SettledTime> {
  const read = (text: string) => {
    const all = linesOf(wholeLines(text)).map((line) => settledTime(JSON.parse(line)));
    return new Map(all.map((one) => [one.path, one]));
  };
  return (parseText(join(folder, "settled.jsonl"), read) ?? new Map<string, SettledTime>()).values();
}

/** The folders of a session's applies, oldest first. */
export async function applyFolders(sessionApplyFolder: string): Promise<string[]> {
  const names = await readdir(sessionApplyFolder).catch((error: unknown) => {
    if (systemCodeOf(error) === "ENOENT" || systemCodeOf(error) === "ENOTDIR") return [];
    throw error;
  });
  const ids = names.filter((name) => /^a\d+$/.test(name)).sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
  return ids.map((id) => join(sessionApplyFolder, id));
}

/** What is told of an apply. */
export function summaryOf({ id, session, kind, undoes, createdAt, phase, paths }: ApplyRecord): ApplySummary {
  return { id, session, kind, undoes, createdAt, phase, paths };
}
