import { runInNewContext } from "node:vm";
import { decodePath } from "../../base/byte-path.js";
import { escapeBody } from "../../base/escape.js";
import { type Colour, expandTabs, type Span } from "../screen/frame.js";

/** The lines of both sides of a document, in colours; null: too large, or of no known language. */
export interface SyntaxColours {
  readonly path: string;
  readonly before: readonly (readonly Span[])[] | null;
  readonly after: readonly (readonly Span[])[] | null;
}

const largest = 128 * 1024;
const longestMs = 250;

const byExtension: Readonly<Record<string, string>> = {
  bash: "bash",
  c: "c",
  cc: "cpp",
  cjs: "javascript",
  cpp: "cpp",
  cs: "csharp",
  css: "css",
  go: "go",
  h: "c",
  hpp: "cpp",
  htm: "xml",
  html: "xml",
  ini: "ini",
  java: "java",
  js: "javascript",
  json: "json",
  jsonc: "json",
  jsx: "javascript",
  kt: "kotlin",
  lua: "lua",
  md: "markdown",
  mjs: "javascript",
  mk: "makefile",
  php: "php",
  py: "python",
  rb: "ruby",
  rs: "rust",
  scss: "scss",
  sh: "bash",
  sql: "sql",
  svg: "xml",
  swift: "swift",
  toml: "ini",
  ts: "typescript",
  tsx: "typescript",
  xml: "xml",
  yaml: "yaml",
  yml: "yaml",
};

const byName: Readonly<Record<string, string>> = { dockerfile: "dockerfile", makefile: "makefile" };

/** The language of a file, by its name alone; null: none that is known. */
export function languageOf(path: string): string | null {
  const name = (path.split("/").at(-1) ?? "").toLowerCase();
  const extension = name.includes(".") ? (name.split(".").at(-1) ?? "") : "";
  if (Object.hasOwn(byName, name)) return byName[name] ?? null;
  return Object.hasOwn(byExtension, extension) ? (byExtension[extension] ?? null) : null;
}

const byClass: Readonly<Record<string, Colour>> = {
  attr: "cyan",
  attribute: "cyan",
  built_in: "cyan",
  bullet: "cyan",
  comment: "grey",
  doctag: "grey",
  keyword: "magenta",
  link: "blue",
  literal: "yellow",
  meta: "grey",
  name: "magenta",
  number: "yellow",
  property: "cyan",
  quote: "grey",
  regexp: "yellow",
  section: "blue",
  string: "yellow",
  symbol: "yellow",
  title: "blue",
  type: "cyan",
  variable: "cyan",
};

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#x27": "'" };
const fromEntities = (text: string): string =>
  text.replace(/&(amp|lt|gt|quot|#x27);/g, (_, name: string) => entities[name] ?? "");

/** The highlighter's HTML, which knows spans and five entities, as rows of a screen. */
export function rowsFromHtml(html: string): Span[][] {
  const rows: Span[][] = [[]];
  const open: (Colour | undefined)[] = [];
  for (const [, kind, text = ""] of html.matchAll(/<span class="hljs-([\w-]+)[^"]*">|<\/span>|([^<]+)/g)) {
    if (text === "") {
      if (kind === undefined) open.pop();
      else open.push(byClass[kind] ?? open.at(-1));
      continue;
    }
    for (const [at, line] of fromEntities(text).split("\n").entries()) {
      if (at > 0) rows.push([]);
      if (line !== "") rows.at(-1)?.push({ text: line, colour: open.at(-1) });
    }
  }
  return rows;
}

type Highlight = (text: string, language: string) => string | null;

/**
 * Runs the highlighter for a moment only: its patterns may take for ever over a text that was made to have them do so
 * (threat: regular expressions that backtrack). Then there are no colours.
 */
export function highlightBriefly(highlight: Highlight, text: string, language: string): string | null {
  try {
    const found: unknown = runInNewContext(
      "highlight(text, language)",
      { highlight, text, language },
      { timeout: longestMs },
    );
    return typeof found === "string" ? found : null;
  } catch {
    return null;
  }
}

/** The colours of both sides of a file. The texts are escaped first and coloured after. */
export async function colourSides(path: string, before: Uint8Array, after: Uint8Array): Promise<SyntaxColours> {
  const language = languageOf(path);
  if (language === null) return { path, before: null, after: null };
  const { highlightAsHtml } = await import("../render/syntax-languages.js");
  const rows = (bytes: Uint8Array): Span[][] | null => {
    if (bytes.length > largest) return null;
    const html = highlightBriefly(highlightAsHtml, expandTabs(escapeBody(decodePath(bytes))), language);
    return html === null ? null : rowsFromHtml(html);
  };
  return { path, before: rows(before), after: rows(after) };
}
