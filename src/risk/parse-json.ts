import { type Parsed, ParseProblem, parseLimits, type Tree } from "./tree.js";

const space = /(?:[ \t\r\n]+|\/\/[^\n\r]*|\/\*.*?\*\/)*/sy;
const plain = /-?[0-9][0-9.eE+-]*|true|false|null/y;

class JsonReader {
  readonly #text: string;
  #at = 0;
  #nodes = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Tree {
    const tree = this.#value(0);
    this.#skip();
    if (this.#at < this.#text.length) throw new ParseProblem("is not valid JSON");
    return tree;
  }

  #take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) return null;
    this.#at += found.length;
    return found;
  }

  #skip(): string {
    this.#take(space);
    return this.#text[this.#at] ?? "";
  }

  #value(depth: number): Tree {
    this.#nodes += 1;
    if (depth > parseLimits.depth) throw new ParseProblem("is nested too deeply");
    if (this.#nodes > parseLimits.nodes) throw new ParseProblem("has too many values");
    const next = this.#skip();
    if (next === "{") return this.#map(depth);
    if (next === "[") return this.#list(depth);
    if (next === '"') return JSON.stringify(this.#string());
    const found = this.#take(plain);
    if (found === null) throw new ParseProblem("is not valid JSON");
    return found;
  }

  #string(): string {
    const start = this.#at;
    let end = start + 1;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === "\\" ? 2 : 1;
    this.#at = end + 1;
    const quoted = this.#text.slice(start, end + 1);
    try {
      const value: unknown = quoted.startsWith('"') ? JSON.parse(quoted.replaceAll("\t", "\\t")) : null;
      if (typeof value === "string") return value;
    } catch {
      // A wrong escape, a line feed, or no end.
    }
    throw new ParseProblem("is not valid JSON");
  }

  #map(depth: number): Tree {
    const map = new Map<string, Tree>();
    this.#at += 1;
    while (this.#skip() !== "}") {
      const key = this.#string();
      // Programs differ in which of the two they take.
      if (map.has(key)) throw new ParseProblem("has the same key twice");
      if (this.#skip() !== ":") throw new ParseProblem("is not valid JSON");
      this.#at += 1;
      map.set(key, this.#value(depth + 1));
      this.#comma("}");
    }
    this.#at += 1;
    return map;
  }

  #list(depth: number): Tree {
    const list: Tree[] = [];
    this.#at += 1;
    while (this.#skip() !== "]") {
      list.push(this.#value(depth + 1));
      this.#comma("]");
    }
    this.#at += 1;
    return list;
  }

  #comma(end: string): void {
    const next = this.#skip();
    if (next === ",") this.#at += 1;
    else if (next !== end) throw new ParseProblem("is not valid JSON");
  }
}

/** Reads JSON, also with comments and trailing commas, as editors do. Never throws; its cost follows the text. */
export function parseJson(text: string): Parsed {
  try {
    return { tree: new JsonReader(text.replace(/^\ufeff/, "")).read() };
  } catch (error) {
    if (error instanceof ParseProblem) return { problem: error.message };
    throw error;
  }
}
