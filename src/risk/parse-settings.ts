import { type Parsed, ParseProblem, parseLimits, type Tree } from "./tree.js";

/**
 * `toml`: values may hold quotes, brackets and line feeds. `ini`: a line each, `\` or an indent carries one on.
 * `attributes`: git's, a pattern and words.
 */
export type SettingsDialect = "toml" | "ini" | "attributes";

class Settings {
  readonly #found = new Map<string, string[]>();
  readonly #tables = new Map<string, number>();
  #section = "";
  #last: string[] = [];
  #count = 0;

  #countOne(): void {
    this.#count += 1;
    if (this.#count > parseLimits.nodes) throw new ParseProblem("has too many settings");
  }

  section(name: string, repeated: boolean): void {
    this.#countOne();
    if (!repeated) this.#section = name;
    else {
      const number = this.#tables.get(name) ?? 0;
      this.#tables.set(name, number + 1);
      this.#section = `${name}[${number}]`;
    }
    this.#last = [];
  }

  set(key: string, value: string): void {
    this.#countOne();
    const full = this.#section === "" ? key : `${this.#section}.${key}`;
    this.#last = this.#found.get(full) ?? [];
    this.#last.push(value);
    this.#found.set(full, this.#last);
  }

  /** More of the last value; a setting of its own where there is none that waits for more. */
  carryOn(text: string): void {
    if (this.#last.length === 0 || (this.#last.length === 1 && this.#last[0] !== "")) this.set(text.slice(0, 80), "");
    else this.#last.push(text);
  }

  tree(): Tree {
    return new Map([...this.#found].map(([key, values]) => [key, values.length === 1 ? (values[0] ?? "") : values]));
  }
}

/** Where a quoted text ends that begins at a place; a short one ends with its line at the latest. */
function endOfQuote(text: string, start: number): number {
  const quote = text[start] ?? "";
  const isLong = text.startsWith(quote.repeat(3), start);
  const closing = isLong ? quote.repeat(3) : quote;
  for (let at = start + closing.length; at < text.length; at += 1) {
    if (text.startsWith(closing, at)) return at + closing.length;
    if (!isLong && text[at] === "\n") return at;
    if (quote === '"' && text[at] === "\\") at += 1;
  }
  return text.length;
}

/** Cuts TOML at the line feeds that end something; comments go. */
function* tomlLines(text: string): Generator<string> {
  let line = "";
  let depth = 0;
  for (let at = 0; at < text.length; ) {
    const character = text[at] ?? "";
    if (character === '"' || character === "'") {
      const end = endOfQuote(text, at);
      line += text.slice(at, end);
      at = end;
      continue;
    }
    if (character === "#") {
      const end = text.indexOf("\n", at);
      at = end === -1 ? text.length : end;
      continue;
    }
    at += 1;
    if (character === "[" || character === "{") depth += 1;
    else if (character === "]" || character === "}") depth = Math.max(0, depth - 1);
    if (character === "\n" && depth === 0) {
      yield line;
      line = "";
    } else line += character === "\n" ? " " : character;
  }
  yield line;
}

function readToml(text: string, settings: Settings): void {
  for (const raw of tomlLines(text)) {
    const line = raw.trim();
    const header = /^(\[\[?)([^[\]]+)\]\]?$/.exec(line);
    const equals = line.search(/[=]/);
    if (line === "") continue;
    if (header !== null) settings.section((header[2] ?? "").replace(/["'\s]/g, ""), header[1] === "[[");
    else if (equals > 0) settings.set(line.slice(0, equals).replace(/["'\s]/g, ""), line.slice(equals + 1).trim());
    else settings.carryOn(line);
  }
}

function readIniLine(line: string, settings: Settings): void {
  const { key, value } = /^(?<key>[^=:]{0,1024}?)\s*[=:]\s*(?<value>.*)$/s.exec(line)?.groups ?? {};
  if (key === undefined || key === "") settings.set(line.slice(0, 80), "");
  else settings.set(key, value ?? "");
}

function readIni(text: string, settings: Settings): void {
  for (const raw of text.replace(/\\\r?\n/g, " ").split("\n")) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    const header = /^\[([^\]"]*)(?:"((?:[^"\\]|\\.){0,4096})")?\s*\]\s*(.*)$/s.exec(line);
    if (header !== null) {
      const [, name = "", part, rest = ""] = header;
      settings.section([name.trim(), ...(part === undefined ? [] : [part])].join("."), false);
      // git takes a setting behind the section on the same line.
      if (rest !== "" && !/^[#;]/.test(rest)) readIniLine(rest, settings);
    } else if (/^\s/.test(raw) && !/^[\w.-]+\s*=/.test(line)) settings.carryOn(line);
    else readIniLine(line, settings);
  }
}

function readAttributes(text: string, settings: Settings): void {
  for (const line of text.split(/\r?\n/)) {
    const [, pattern = "", rest = ""] = /^\s*("(?:[^"\\]|\\.){0,4096}"|\S+)\s*(.*)$/s.exec(line) ?? [];
    if (pattern === "" || pattern.startsWith("#")) continue;
    for (const word of rest.split(/\s+/)) {
      const [, name = "", value = ""] = /^([-!]?[^=]*)=?(.*)$/s.exec(word) ?? [];
      if (name !== "") settings.set(`${pattern} ${name}`, value);
    }
  }
}

/** Reads files of sections and settings into `section.key`s. Never throws; its cost follows the text. */
export function parseSettings(text: string, dialect: SettingsDialect): Parsed {
  const settings = new Settings();
  try {
    if (dialect === "toml") readToml(text, settings);
    else if (dialect === "ini") readIni(text, settings);
    else readAttributes(text, settings);
    return { tree: settings.tree() };
  } catch (error) {
    if (error instanceof ParseProblem) return { problem: error.message };
    throw error;
  }
}
