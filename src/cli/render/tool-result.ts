import { displayPath, escapeBody, escapeText } from "../../base/escape.js";

type Result = Readonly<Record<string, unknown>>;

const isResult = (value: unknown): value is Result =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly Result[] => (Array.isArray(value) ? value.filter(isResult) : []);
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const withFeed = (text: string): string => (text === "" || text.endsWith("\n") ? text : `${text}\n`);

const cutMark = (result: Result): string => (result["cut"] === true ? "… more was left out\n" : "");

function commandText(result: Result): string {
  const how = result["timed_out"] === true ? ", out of time" : result["cancelled"] === true ? ", cancelled" : "";
  const over = result["shell_ended"] === true ? "; the kept shell has ended" : "";
  const body = ["stdout", "stderr"].map((name) => withFeed(escapeBody(textOf(result[name])))).join("");
  return `${body}exit ${escapeText(textOf(result["exit_status"]))}${how}${over}\n`;
}

function entryLine(entry: Result): string {
  const target = entry["target"] === null ? "" : ` -> ${displayPath(textOf(entry["target"]))}`;
  const path = `${displayPath(textOf(entry["path"]))}${entry["type"] === "folder" ? "/" : ""}`;
  return `${textOf(entry["mode"]).padStart(4)} ${String(entry["size"]).padStart(10)}  ${path}${target}\n`;
}

function lineText(line: Result, path: string): string {
  const mark = line["match"] === true ? ":" : "-";
  return `${path}${mark}${String(line["line"])}${mark}${escapeBody(textOf(line["text"]))}\n`;
}

function readText(result: Result): string {
  const path = displayPath(textOf(result["path"]));
  if (typeof result["error"] === "string") return `${path}: ${escapeText(result["error"])}\n`;
  if (typeof result["text"] === "string") return withFeed(escapeBody(result["text"])) + cutMark(result);
  if (typeof result["base64"] === "string") {
    return `${path}: ${escapeText(textOf(result["media_type"]) || "binary")}, ${String(result["size"])} bytes (--json has them)\n`;
  }
  const entries = listOf(result["entries"]).map(entryLine);
  const lines = listOf(result["lines"]).map((line) => lineText(line, path));
  return [...entries, ...lines].join("") + cutMark(result);
}

function fileLine(file: unknown): string {
  if (!isResult(file)) return `${displayPath(textOf(file))}\n`;
  const count = file["matches"] === undefined ? "" : `: ${String(file["matches"])}`;
  return `${displayPath(textOf(file["path"]))}${count}\n`;
}

/** What a tool answered, for people: every text in it comes from the sandbox, and is escaped. */
export function renderToolResult(result: Result): string {
  if ("exit_status" in result) return commandText(result);
  if ("results" in result) return listOf(result["results"]).map(readText).join("\n");
  if ("command" in result) {
    const verb = result["created"] === true ? "created" : "wrote";
    return `${verb} ${displayPath(textOf(result["path"]))}, ${String(result["size"])} bytes\n`;
  }
  const lines = listOf(result["lines"]).map((line) => lineText(line, displayPath(textOf(line["path"]))));
  const files = Array.isArray(result["files"]) ? result["files"].map(fileLine) : [];
  return [...lines, ...files].join("") + cutMark(result) || "nothing found\n";
}
