import { isAirlockError } from "../base/errors.js";
import { type MappedCall, mapTool } from "./map-tool.js";
import { allTexts, type Fields } from "./read-fields.js";

/** What an agent says to its editor of a tool that it asks about. All of it is the sandbox's claim. */
export interface AskedCall {
  /** One of ACP's kinds of tools, or whatever else it says. */
  readonly kind: string | null;
  readonly title: string | null;
  readonly input: unknown;
  /** Every path that it names beside its input. */
  readonly places: readonly string[];
}

// What some tools of editors call what they do: no command of a shell's.
const editorWords = new Set(["view", "create", "str_replace", "strReplace", "insert", "append", "undo_edit"]);
const movedNames = ["source", "destination", "from", "to", "old_path", "new_path", "oldPath", "newPath", "src", "dst"];
const otherPaths = ["filepath", "filename", "file"];

const fieldsOr = (input: unknown): Fields =>
  typeof input === "object" && input !== null && !Array.isArray(input) ? (input as Fields) : {};

function runsCommand({ command, cmd }: Fields): boolean {
  const said = command ?? cmd;
  return said !== undefined && said !== null && !(typeof said === "string" && editorWords.has(said));
}

/** The calls of a tool on its input and on each place; what names no path at all is not understood. */
function onPaths(kind: "read" | "write", fields: Fields, places: readonly string[], folder: string): MappedCall[] {
  const { paths: _paths, ...rest } = fields;
  const all = [...allTexts(fields, ["paths"]), ...places];
  return mapTool(kind, all.length === 0 ? rest : { ...rest, paths: all }, folder);
}

// Gemini CLI has no other place for the text of a command. A title that was cut is not one.
function withTitle({ kind, title, input }: AskedCall): Fields {
  const fields = fieldsOr(input);
  const isCommand = kind === "execute" && Object.keys(fields).length === 0 && title !== null && title.trim() !== "";
  return isCommand && !/(?:…|\.\.\.)\s*$/.test(title) ? { command: title } : fields;
}

function callsOf(asked: AskedCall, folder: string): MappedCall[] | null {
  const { kind, places } = asked;
  const fields = withTitle(asked);
  const beside = [...places, ...allTexts(fields, otherPaths)];
  if (runsCommand(fields)) {
    const shell = mapTool("shell", fields, folder);
    // Some say of a command that it only reads: what it reads is judged with it.
    return kind === "read" && beside.length > 0 ? [...shell, ...onPaths("read", {}, beside, folder)] : shell;
  }
  if (kind === "read") return onPaths("read", fields, beside, folder);
  if (kind === "edit" || kind === "delete") return onPaths("write", fields, beside, folder);
  if (kind === "move") return onPaths("write", fields, [...beside, ...allTexts(fields, movedNames)], folder);
  if (kind !== "search" || typeof fields["pattern"] !== "string") return null;
  const search = mapTool("grep", fields, folder);
  return beside.length === 0 ? search : [...search, ...onPaths("read", {}, beside, folder)];
}

/** Our own calls that touch what such a tool would; null where that cannot be told, so that a person has to. */
export function mapPermission(asked: AskedCall, folder: string): MappedCall[] | null {
  try {
    return callsOf(asked, folder);
  } catch (error) {
    if (isAirlockError(error, "E_TOOL_ARGUMENTS")) return null;
    throw error;
  }
}
