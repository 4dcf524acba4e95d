import type * as z from "zod";
import { AirlockError } from "../base/errors.js";
import { escapeText } from "../base/escape.js";
import type { ToolName } from "../model/tool.js";
import type { ReadOperation, ToolCall, WriteChange } from "./tool-call.js";
import { toolOfName } from "./tool-names.js";
import { normalPath, type ToolPlace } from "./tool-path.js";
import { awsSchema, globSchema, grepSchema, readSchema, shellSchema, writeSchema } from "./tool-schemas.js";

type Arguments = Readonly<Record<string, unknown>>;

const maxProblems = 5;
const defaultTimeoutSeconds = 600;
const maxDepth = 64;
const defaultEntries = 1_000;

function refuse(tool: ToolName, problem: string): never {
  throw new AirlockError("E_TOOL_ARGUMENTS", `${tool}: ${problem}`);
}

const isPlain = (value: unknown): value is Arguments =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const snake = (key: string): string => key.replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

// The two dialects differ in how fields are written: `old_str` here, `oldStr` there. The same field twice would be read by one
// and ignored by another.
function snakeKeys(tool: ToolName, value: Arguments): Record<string, unknown> {
  const result = new Map<string, unknown>();
  for (const [key, each] of Object.entries(value)) {
    const name = snake(key);
    if (result.has(name)) refuse(tool, `the field "${escapeText(name.slice(0, 100))}" is given twice`);
    result.set(name, each);
  }
  return Object.fromEntries(result);
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const where = issue.path.map(String).join(".");
  const at = where === "" ? "" : `${where}: `;
  if (issue.code === "unrecognized_keys") return `${at}unknown field ${issue.keys.map((key) => `"${key}"`).join(", ")}`;
  return `${at}${issue.message}`;
}

function check<T>(tool: ToolName, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.slice(0, maxProblems).map(describeIssue);
  return refuse(tool, escapeText(problems.join("; ").slice(0, 2_000)));
}

// One operation may stand alone, without the list; the second engine calls the list `ops`, its pictures `paths`.
function readArguments(name: string, given: Arguments): Arguments {
  const { ops, paths, summary, ...rest } = snakeKeys("read", given);
  const outside = summary === undefined ? {} : { summary };
  if (ops !== undefined && rest["operations"] === undefined) return { operations: ops, ...outside, ...rest };
  if (rest["operations"] !== undefined) return { ...rest, ...outside, ...(paths === undefined ? {} : { paths }) };
  if (/^image_?read$/i.test(name)) return { operations: [{ mode: "Image", image_paths: paths, ...rest }], ...outside };
  const more = paths === undefined ? {} : { paths };
  const mode = name === "ls" ? { mode: "Directory" } : {};
  return { operations: [{ ...mode, ...more, ...rest }], ...outside };
}

type RawRead = z.infer<typeof readSchema>["operations"][number];

// Fields of other modes are let be: Kiro sends them with their defaults.
function requireField<K extends keyof RawRead>(raw: RawRead, mode: string, key: K): NonNullable<RawRead[K]> {
  const value = raw[key];
  if (value === undefined || value === null) return refuse("read", `the mode ${mode} needs "${key}"`);
  return value;
}

function lineRange(raw: RawRead): { readonly start: number; readonly end: number } {
  const { start_line, end_line, offset, limit } = raw;
  if (offset === undefined && limit === undefined) return { start: start_line ?? 1, end: end_line ?? -1 };
  if (start_line !== undefined || end_line !== undefined) {
    return refuse("read", "start_line and end_line do not go with offset and limit");
  }
  const start = (offset ?? 0) + 1;
  return { start, end: limit === undefined ? -1 : start + limit - 1 };
}

function readOperations(raw: RawRead, place: ToolPlace): readonly ReadOperation[] {
  const mode = (raw.mode ?? "Line").toLowerCase();
  if (mode === "image") {
    const paths = raw.image_paths ?? [requireField(raw, mode, "path")];
    return paths.map((path) => ({ mode, path: normalPath(path, place) }));
  }
  const path = normalPath(requireField(raw, mode, "path"), place);
  if (mode === "directory") return [{ mode, path, depth: raw.depth ?? 0, ignore: raw.ignore ?? [] }];
  if (mode === "search") {
    return [{ mode, path, pattern: requireField(raw, mode, "pattern"), context: raw.context_lines ?? 2 }];
  }
  return [{ mode: "line", path, ...lineRange(raw) }];
}

function parseRead(name: string, given: Arguments, place: ToolPlace): ToolCall {
  const { operations } = check("read", readSchema, readArguments(name, given));
  return { tool: "read", operations: operations.flatMap((each) => readOperations(each, place)) };
}

type RawWrite = z.infer<typeof writeSchema>;

function writeText(raw: RawWrite, ...names: readonly ("file_text" | "content" | "new_str")[]): string {
  const given = names.filter((name) => raw[name] !== undefined);
  const [first] = given;
  if (given.length > 1) return refuse("write", `${given.join(" and ")} are the same field`);
  return first === undefined ? refuse("write", `${raw.command} needs "${names[0]}"`) : (raw[first] ?? "");
}

function writeChange(raw: RawWrite): WriteChange {
  const { command, old_str: old, insert_line: line } = raw;
  if (command === "create") return { command, text: writeText(raw, "file_text", "content") };
  if (command === "append") return { command, text: writeText(raw, "new_str", "content", "file_text") };
  if (command === "insert") {
    if (line === undefined) return refuse("write", 'insert needs "insert_line"');
    return { command, line, text: writeText(raw, "new_str", "content") };
  }
  if (old === undefined || old === "") return refuse("write", 'str_replace needs "old_str"');
  return { command, old, text: writeText(raw, "new_str"), all: raw.replace_all ?? false };
}

function parseWrite(given: Arguments, place: ToolPlace): ToolCall {
  const snaked = snakeKeys("write", given);
  const command = snaked["command"] === "strReplace" ? "str_replace" : snaked["command"];
  const raw = check("write", writeSchema, { ...snaked, command });
  return { tool: "write", path: normalPath(raw.path, place), change: writeChange(raw) };
}

function parseShell(given: Arguments, place: ToolPlace): ToolCall {
  const raw = check("shell", shellSchema, snakeKeys("shell", given));
  const env = new Map(Object.entries(raw.env ?? {}));
  if ([raw.command, ...env.values()].some((each) => each.includes("\0"))) {
    return refuse("shell", "a command or a variable holds a NUL");
  }
  const persistent = raw.persistent ?? false;
  if (persistent && env.size > 0) return refuse("shell", "a kept shell has its own variables: use export");
  return {
    tool: "shell",
    command: raw.command,
    folder: normalPath(raw.cwd ?? place.workspace, place),
    enters: raw.cwd !== undefined,
    timeoutMs: Math.ceil((raw.timeout ?? defaultTimeoutSeconds) * 1_000),
    env,
    persistent,
  };
}

function parseAws(given: Arguments): ToolCall {
  const raw = check("aws", awsSchema, snakeKeys("aws", given));
  const service = raw.service_name ?? raw.service ?? refuse("aws", 'needs "service_name"');
  const operation = raw.operation_name ?? raw.operation ?? refuse("aws", 'needs "operation_name"');
  return { tool: "aws", service, operation, region: raw.region, parameters: raw.parameters ?? {} };
}

function parseGlob(given: Arguments, place: ToolPlace): ToolCall {
  const raw = check("glob", globSchema, snakeKeys("glob", given));
  return {
    tool: "glob",
    path: normalPath(raw.path ?? place.workspace, place),
    pattern: noNul("glob", raw.pattern),
    depth: raw.max_depth ?? maxDepth,
    limit: raw.limit ?? defaultEntries,
  };
}

const grepModes = { content: "content", files_with_matches: "files", count: "count" } as const;

function parseGrep(given: Arguments, place: ToolPlace): ToolCall {
  const raw = check("grep", grepSchema, snakeKeys("grep", given));
  const mode = grepModes[raw.output_mode ?? "content"];
  return {
    tool: "grep",
    path: normalPath(raw.path ?? place.workspace, place),
    pattern: noNul("grep", raw.pattern),
    include: noNul("grep", raw.include ?? ""),
    ignoreCase: raw.case_sensitive === false,
    mode,
    context: raw.context_lines ?? 0,
    perFile: raw.max_matches_per_file ?? defaultEntries,
    limit: (mode === "content" ? raw.max_total_lines : raw.max_files) ?? defaultEntries,
    depth: raw.max_depth ?? maxDepth,
  };
}

function noNul(tool: ToolName, text: string): string {
  return text.includes("\0") ? refuse(tool, "a pattern holds a NUL") : text;
}

/** A call in its normal form, from any name and dialect; throws `E_TOOL_ARGUMENTS`, naming the field, for anything else. */
export function parseToolCall(name: string, given: unknown, place: ToolPlace): ToolCall {
  const tool = toolOfName(name);
  if (!isPlain(given)) return refuse(tool, "the arguments are no object");
  if (tool === "read") return parseRead(name, given, place);
  if (tool === "write") return parseWrite(given, place);
  if (tool === "shell") return parseShell(given, place);
  if (tool === "aws") return parseAws(given);
  return tool === "glob" ? parseGlob(given, place) : parseGrep(given, place);
}
