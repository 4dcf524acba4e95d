import { decodePath, encodePath } from "../base/byte-path.js";
import { cutBytes } from "./capture.js";
import { toolServerBroken } from "./frames.js";
import type { ToolCall } from "./tool-call.js";
import { numberIn, type ServerAnswer, type ServerCall, type ToolChannel, ToolRefusal } from "./tool-channel.js";

/** What ends a call early, and who is told of its output. */
export interface CallControl {
  readonly signal?: AbortSignal | undefined;
  readonly onOutput?: ((piece: Buffer) => void) | undefined;
}

const fileTimeoutMs = 60_000;
const maxResolved = 8;
const maxListBytes = 2 * 1024 * 1024;

const pathRecord = (path: string): readonly ["path", Uint8Array] => ["path", encodePath(path)];

// What was ended early has no answer.
async function callWhole(channel: ToolChannel, call: Omit<ServerCall, "tail" | "timeoutMs">): Promise<ServerAnswer> {
  const answer = await channel.call({ ...call, tail: 0, timeoutMs: fileTimeoutMs });
  if (answer.ended === null || !answer.records.has("signal")) return answer;
  if (answer.ended === "cancelled") throw new ToolRefusal("ECANCELED", "cancelled");
  throw new ToolRefusal(
    "ETIMEDOUT",
    `took longer than ${fileTimeoutMs / 1_000} seconds: look for less, or in fewer places`,
  );
}

// Fields with a NUL after each; a last one that was cut off is dropped.
function splitFields(bytes: Buffer, each: number): readonly (readonly Buffer[])[] {
  const rows: Buffer[][] = [];
  let row: Buffer[] = [];
  for (let at = 0, end = bytes.indexOf(0); end !== -1; at = end + 1, end = bytes.indexOf(0, at)) {
    row.push(bytes.subarray(at, end));
    if (row.length < each) continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

async function resolveSome(channel: ToolChannel, paths: readonly string[]): Promise<readonly string[]> {
  const { out } = await callWhole(channel, {
    operation: "resolve",
    records: paths.map(pathRecord),
    head: maxResolved * 4_096,
  });
  const real = splitFields(out.head, 1).map(([field]) => decodePath(field ?? Buffer.alloc(0)));
  if (real.length !== paths.length || real.some((path) => !isNormal(path)))
    throw toolServerBroken("paths that are none");
  return real;
}

const isNormal = (path: string): boolean => path === "/" || /^(?:\/(?!\.{1,2}(?:\/|$))[^/]+)+$/.test(path);

/** Where each path really leads, as the sandbox claims; what does not exist stands as it is. */
export async function resolvePaths(
  channel: ToolChannel,
  paths: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const groups = Array.from({ length: Math.ceil(paths.length / maxResolved) }, (_, index) =>
    paths.slice(index * maxResolved, (index + 1) * maxResolved),
  );
  const real = (await Promise.all(groups.map((group) => resolveSome(channel, group)))).flat();
  return new Map(paths.map((path, index) => [path, real[index] ?? path]));
}

/** A file's bytes, at most `limit` of them. */
export async function readBytes(
  channel: ToolChannel,
  path: string,
  limit: number,
  { signal }: CallControl,
): Promise<{ readonly bytes: Buffer; readonly size: number; readonly identity: string }> {
  const { records, out } = await callWhole(channel, {
    operation: "read",
    records: [pathRecord(path), ["offset", 0], ["limit", limit]],
    head: limit,
    signal,
  });
  const identity = records.get("identity") ?? "";
  if (!/^[0-9:.-]{1,128}$/.test(identity)) throw toolServerBroken("a file without an identity");
  return { bytes: out.head, size: numberIn(records, "size"), identity };
}

/** Lines of a file, at most `limit` bytes of them. */
export async function readLines(
  channel: ToolChannel,
  {
    path,
    start,
    end,
    limit,
  }: { readonly path: string; readonly start: number; readonly end: number; readonly limit: number },
  { signal }: CallControl,
): Promise<{
  readonly bytes: Buffer;
  readonly cut: boolean;
  readonly first: number;
  readonly last: number;
  readonly size: number;
}> {
  const { records, out } = await callWhole(channel, {
    operation: "lines",
    records: [pathRecord(path), ["start", start], ["end", end]],
    head: limit,
    signal,
  });
  return {
    bytes: out.head,
    cut: cutBytes(out) > 0,
    first: numberIn(records, "first"),
    last: numberIn(records, "last"),
    size: numberIn(records, "size"),
  };
}

/** One entry of a folder; the path is below the folder that was listed. */
export interface ListedEntry {
  readonly path: string;
  readonly type: "file" | "folder" | "link" | "other";
  readonly mode: string;
  readonly size: number;
  readonly target: string | null;
}

const entryTypes: Readonly<Record<string, ListedEntry["type"]>> = { f: "file", d: "folder", l: "link", o: "other" };

/** What a folder holds. */
export async function listFolder(
  channel: ToolChannel,
  {
    path,
    depth,
    ignore,
    limit,
  }: { readonly path: string; readonly depth: number; readonly ignore: readonly string[]; readonly limit: number },
  { signal }: CallControl,
): Promise<{ readonly entries: readonly ListedEntry[]; readonly cut: boolean }> {
  const { records, out } = await callWhole(channel, {
    operation: "list",
    records: [pathRecord(path), ["depth", depth], ["limit", limit], ...ignore.map((each) => ["ignore", each] as const)],
    head: maxListBytes,
    signal,
  });
  const entries = splitFields(out.head, 6).map((fields) => {
    const [type = "", mode = "", size = "", , below, target] = fields.map((field) => decodePath(field));
    const known = entryTypes[type];
    if (known === undefined || !/^[0-7]{1,4}$/.test(mode) || !/^\d{1,15}$/.test(size)) {
      throw toolServerBroken("an entry that is none");
    }
    return {
      path: below ?? "",
      type: known,
      mode,
      size: Number(size),
      target: target === "" ? null : (target ?? null),
    };
  });
  return { entries, cut: isCut(records, cutBytes(out)) };
}

const isCut = (records: ServerAnswer["records"], cut: number): boolean => records.get("cut") === "1" || cut > 0;

/** The files below a folder that a pattern matches. */
export async function globFiles(
  channel: ToolChannel,
  { path, pattern, depth, limit }: ToolCall & { readonly tool: "glob" },
  { signal }: CallControl,
): Promise<{ readonly paths: readonly string[]; readonly cut: boolean }> {
  const { records, out } = await callWhole(channel, {
    operation: "glob",
    records: [pathRecord(path), ["pattern", pattern], ["depth", depth], ["limit", limit]],
    head: maxListBytes,
    signal,
  });
  return {
    paths: splitFields(out.head, 1).map(([field]) => decodePath(field ?? Buffer.alloc(0))),
    cut: isCut(records, cutBytes(out)),
  };
}

/** What to look for, and how. */
export type GrepWish = Omit<ToolCall & { readonly tool: "grep" }, "tool"> & { readonly fixed: boolean };

/** One line of what was found. */
export interface GrepLine {
  readonly path: string;
  readonly line: number;
  readonly isMatch: boolean;
  readonly text: string;
}

/** What a search found: lines, or paths with how often; the other list is empty. */
export interface Found {
  readonly lines: readonly GrepLine[];
  readonly counts: readonly { readonly path: string; readonly count: number }[];
  readonly matches: number;
  readonly files: number;
  readonly cut: boolean;
}

function grepLine(fields: readonly Buffer[]): GrepLine {
  const [path, line = "", kind, text] = fields.map((field) => decodePath(field));
  if (!/^\d{1,12}$/.test(line) || (kind !== ":" && kind !== "-")) throw toolServerBroken("a line that is none");
  return { path: path ?? "", line: Number(line), isMatch: kind === ":", text: text ?? "" };
}

function grepCount(fields: readonly Buffer[]): { readonly path: string; readonly count: number } {
  const [path, count = "0"] = fields.map((field) => decodePath(field));
  if (!/^\d{1,12}$/.test(count)) throw toolServerBroken("a count that is none");
  return { path: path ?? "", count: Number(count) };
}

/** Searches a file, or everything below a folder. */
export async function grepFiles(channel: ToolChannel, wish: GrepWish, { signal }: CallControl): Promise<Found> {
  const { records, out } = await callWhole(channel, {
    operation: "grep",
    records: [
      pathRecord(wish.path),
      ["pattern", wish.pattern],
      ["fixed", wish.fixed ? 1 : 0],
      ["ignorecase", wish.ignoreCase ? 1 : 0],
      ["include", wish.include],
      ["context", wish.context],
      ["perfile", wish.perFile],
      ["limit", wish.limit],
      ["depth", wish.depth],
      ["mode", wish.mode],
    ],
    head: maxListBytes,
    signal,
  });
  return {
    lines: wish.mode === "content" ? splitFields(out.head, 4).map(grepLine) : [],
    counts: wish.mode === "content" ? [] : splitFields(out.head, wish.mode === "count" ? 2 : 1).map(grepCount),
    matches: numberIn(records, "matches"),
    files: numberIn(records, "files"),
    cut: isCut(records, cutBytes(out)),
  };
}

/** Puts content at a path; `expect` is empty, `absent`, or the identity of the file that it may replace. */
export async function writeBytes(
  channel: ToolChannel,
  { path, expect, content }: { readonly path: string; readonly expect: string; readonly content: Uint8Array },
): Promise<{ readonly created: boolean }> {
  const { records } = await callWhole(channel, {
    operation: "write",
    records: [pathRecord(path), ["expect", expect]],
    input: content,
    head: 0,
  });
  return { created: records.get("created") === "1" };
}

/** A command for the shell: a process of its own, or, with a name, the kept shell of that name. */
export interface CommandWish {
  readonly command: string;
  readonly folder: string | null;
  readonly env: ReadonlyMap<string, string>;
  readonly timeoutMs: number;
  readonly shell: string | null;
  readonly head: number;
  readonly tail: number;
}

/** Runs a command, and ends with it whatever it started. */
export function runCommand(channel: ToolChannel, wish: CommandWish, control: CallControl): Promise<ServerAnswer> {
  const { command, folder, env, timeoutMs, shell, head, tail } = wish;
  return channel.call({
    operation: shell === null ? "run" : "shell",
    records: [
      ["command", command],
      ...(shell === null ? [] : [["shell", shell] as const]),
      ...(folder === null ? [] : [["cwd", encodePath(folder)] as const]),
      ...[...env].map(([name, value]) => ["env", `${name}=${value}`] as const),
    ],
    head,
    tail,
    timeoutMs,
    ...control,
  });
}
