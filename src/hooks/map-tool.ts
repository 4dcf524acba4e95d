import type { ToolName } from "../model/tool.js";
import { allFields, allTexts, type Fields, notUnderstood, oneText, pathFrom, rootOfGlob } from "./read-fields.js";
import type { ToolKind } from "./tool-kinds.js";

/** One of our own calls that says what an agent's call would touch. */
export interface MappedCall {
  readonly tool: ToolName;
  readonly arguments: Fields;
}

const pathNames = [
  ...["path", "file_path", "filePath", "absolute_path", "absolutePath", "notebook_path", "dir_path", "target_file"],
  ...["paths", "file_paths", "image_paths", "imagePaths"],
];
const folderNames = ["path", "dir_path", "directory"];
const newTextNames = [
  ...["content", "contents", "file_text", "fileText", "new_string", "newString", "new_str", "newStr", "new_source"],
  "insert_text",
];
const oldTextNames = ["old_string", "oldString", "old_str", "oldStr"];
const maxPatched = 64;

// As a program's arguments, and sometimes with the shell that is to read them.
function commandText(fields: Fields): string {
  const list = fields["command"];
  if (!Array.isArray(list)) return oneText(fields, ["command", "cmd"]) ?? refuse("it has no command");
  const words = allTexts(fields, ["command"]);
  const [shell = "", flag = "", script] = words;
  if (
    /^(?:\/(?:usr\/)?bin\/)?(?:ba|z)?sh$/.test(shell) &&
    /^-l?c$/.test(flag) &&
    script !== undefined &&
    words.length === 3
  )
    return script;
  return words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
}

function refuse(what: string): never {
  throw notUnderstood(what);
}

function shell(fields: Fields, folder: string): MappedCall[] {
  const named = oneText(fields, ["cwd", "workdir", "working_directory", "directory", "dir_path"]);
  const cwd = pathFrom(folder, named ?? ".");
  const { env } = fields;
  return [{ tool: "shell", arguments: { command: commandText(fields), cwd, ...(env == null ? {} : { env }) } }];
}

function paths(fields: Fields, folder: string): string[] {
  const here = allTexts(fields, pathNames);
  const below = allFields(fields, ["operations", "ops"]).flatMap((each) => allTexts(each, pathNames));
  return [...new Set([...here, ...below])].map((path) => pathFrom(folder, path));
}

function read(fields: Fields, folder: string, mode: "Line" | "Directory"): MappedCall[] {
  const found = paths(fields, folder);
  if (found.length === 0 && mode === "Line") refuse("it names no path");
  const wanted = found.length === 0 ? [folder] : found;
  // More operations than one call may have are several calls.
  const groups = Array.from({ length: Math.ceil(wanted.length / 32) }, (_, at) => wanted.slice(at * 32, at * 32 + 32));
  return groups.map((group) => ({ tool: "read", arguments: { operations: group.map((path) => ({ mode, path })) } }));
}

function search(tool: "glob" | "grep", fields: Fields, folder: string): MappedCall[] {
  const pattern = oneText(fields, ["pattern"]) ?? refuse("it has no pattern");
  const from = pathFrom(folder, oneText(fields, folderNames) ?? ".");
  const path = tool === "glob" ? pathFrom(from, rootOfGlob(pattern)) : from;
  return [{ tool, arguments: { pattern, path } }];
}

function many(fields: Fields, folder: string): MappedCall[] {
  const patterns = allTexts(fields, ["include", "paths"]);
  if (patterns.length === 0) refuse("it names no path");
  return patterns.map((pattern) => ({
    tool: "glob",
    arguments: { pattern, path: pathFrom(folder, /[*?[{]/.test(pattern) ? rootOfGlob(pattern) : pattern) },
  }));
}

function change(fields: Fields): Fields {
  const edits = [fields, ...allFields(fields, ["edits"])];
  const text = edits.flatMap((each) => allTexts(each, newTextNames)).join("\n");
  const old = edits.flatMap((each) => allTexts(each, oldTextNames)).join("\n");
  const { command, insert_line: line, insertLine: other = line } = fields;
  if (command === "append") return { command, new_str: text };
  if (command === "insert") return { command, insert_line: typeof other === "number" ? other : 0, new_str: text };
  return old === "" ? { command: "create", file_text: text } : { command: "str_replace", old_str: old, new_str: text };
}

function write(fields: Fields, folder: string): MappedCall[] {
  const found = [
    ...new Set([...paths(fields, folder), ...allFields(fields, ["edits"]).flatMap((each) => paths(each, folder))]),
  ];
  if (found.length === 0) refuse("it names no path");
  return found.map((path) => ({ tool: "write", arguments: { ...change(fields), path } }));
}

const patchLine = /^\s*\*\*\* (?:(?:Add|Update|Delete) File|Move to):\s*(\S.*?)\s*$/;

function patch(fields: Fields, folder: string): MappedCall[] {
  const text = allTexts(fields, ["command", "input", "patch", "patchText", "patch_text"]).join("\n");
  const named = text.split(/\r?\n/).flatMap((line) => patchLine.exec(line)?.[1] ?? []);
  const found = [...new Set(named)].map((path) => pathFrom(folder, path));
  if (found.length === 0) refuse("its patch names no file");
  if (found.length > maxPatched) refuse(`its patch names more than ${maxPatched} files`);
  return found.map((path) => ({ tool: "write", arguments: { command: "create", path, file_text: text } }));
}

function aws(fields: Fields): MappedCall[] {
  const service_name = oneText(fields, ["service_name", "service"]) ?? refuse("it names no service");
  const operation_name = oneText(fields, ["operation_name", "operation"]) ?? refuse("it names no operation");
  const region = oneText(fields, ["region"]) ?? "us-east-1";
  const { parameters } = fields;
  const given = parameters == null ? {} : { parameters };
  return [{ tool: "aws", arguments: { service_name, operation_name, region, ...given } }];
}

/** Our own calls that touch what an agent's call would; throws `E_TOOL_ARGUMENTS` where that cannot be told. */
export function mapTool(kind: Exclude<ToolKind, "own">, fields: Fields, folder: string): MappedCall[] {
  if (kind === "shell") return shell(fields, folder);
  if (kind === "read") return read(fields, folder, "Line");
  if (kind === "list") return read(fields, folder, "Directory");
  if (kind === "many") return many(fields, folder);
  if (kind === "patch") return patch(fields, folder);
  if (kind === "aws") return aws(fields);
  if (kind === "editor" && fields["command"] === "view") return read(fields, folder, "Line");
  return kind === "glob" || kind === "grep" ? search(kind, fields, folder) : write(fields, folder);
}
