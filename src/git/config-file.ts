import { decodePath } from "../base/byte-path.js";

/** A configuration file of git's: each key with its values in order. Keys have their section in lower case. */
export interface GitConfig {
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** Lines that could not be read; git stops at the first. */
  readonly strange: number;
}

const maxKeys = 20_000;
const sectionLine = /^\[([A-Za-z0-9.-]+)(?:[ \t]+"((?:[^"\\\n]|\\[^\n])*)")?[ \t]*\]/;
const keyLine = /^([A-Za-z][A-Za-z0-9-]*)[ \t]*(=?)/;
const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", b: "\b", '"': '"', "\\": "\\" };

interface Value {
  readonly text: string;
  readonly rest: number;
  readonly broken: boolean;
}

// Comments end a value, quotes keep blanks, a backslash at the end of a line goes on in the next.
function readValue(text: string, start: number): Value {
  const parts: string[] = [];
  let kept = 0;
  let quoted = false;
  for (let at = start; at < text.length; at += 1) {
    const character = text[at] ?? "";
    if (character === "\n") return { text: parts.slice(0, kept).join(""), rest: at, broken: quoted };
    if (!quoted && (character === "#" || character === ";")) {
      const end = text.indexOf("\n", at);
      return { text: parts.slice(0, kept).join(""), rest: end === -1 ? text.length : end, broken: false };
    }
    if (character === '"') quoted = !quoted;
    else if (character === "\\") {
      at += text.startsWith("\r\n", at + 1) ? 2 : 1;
      const next = text[at] ?? "\n";
      if (next === "\n") continue;
      parts.push(escapes[next] ?? next);
      kept = parts.length;
    } else if (quoted || !/\s/.test(character)) {
      parts.push(character);
      kept = parts.length;
    } else if (parts.length > 0) parts.push(character);
  }
  return { text: parts.slice(0, kept).join(""), rest: text.length, broken: quoted };
}

/** Reads a configuration file as git does, without following includes. Never throws. */
export function parseGitConfig(bytes: Uint8Array): GitConfig {
  const text = decodePath(bytes);
  const values = new Map<string, string[]>();
  let prefix = "";
  let strange = 0;
  let at = 0;
  let lineEnd = -1;
  while (at < text.length) {
    // A line may hold any number of sections; its end is looked for once.
    if (at > lineEnd) lineEnd = text.indexOf("\n", at);
    if (lineEnd === -1) lineEnd = text.length;
    const line = text.slice(at, lineEnd);
    const blank = line.length - line.trimStart().length;
    const body = line.trimStart();
    const section = sectionLine.exec(body);
    const key = section === null ? keyLine.exec(body) : null;
    if (body === "" || body.startsWith("#") || body.startsWith(";")) at += line.length + 1;
    else if (section !== null) {
      prefix = sectionPrefix(section[1] ?? "", section[2]);
      at += blank + section[0].length;
    } else if (key === null || prefix === "" || values.size >= maxKeys) {
      strange += 1;
      at += line.length + 1;
    } else {
      const start = at + blank + key[0].length;
      const value = key[2] === "=" ? readValue(text, start) : { text: "true", rest: start, broken: false };
      if (value.broken) strange += 1;
      const name = `${prefix}.${(key[1] ?? "").toLowerCase()}`;
      const present = values.get(name);
      if (present === undefined) values.set(name, [value.text]);
      else present.push(value.text);
      at = value.rest;
    }
  }
  return { values, strange };
}

function sectionPrefix(name: string, subsection: string | undefined): string {
  const section = name.toLowerCase();
  return subsection === undefined ? section : `${section}.${subsection.replace(/\\(.)/gs, "$1")}`;
}
