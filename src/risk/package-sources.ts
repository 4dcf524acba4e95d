import { parseJson } from "./parse-json.js";
import type { Tree } from "./tree.js";

/** What a lock file says: where packages come from, and the checksums that stand for the same thing on both sides. */
interface LockContent {
  /** A host, or a git or file source, as a person reads it. */
  readonly sources: ReadonlySet<string>;
  /** Checksum by package and version (or by place and address). */
  readonly sums: ReadonlyMap<string, string>;
}

// Words for people, which may hold any address.
const wordKeys = new Set([
  "funding",
  "homepage",
  "bugs",
  "support",
  "license",
  "licenses",
  "deprecated",
  "description",
  "keywords",
  "authors",
  "author",
  "notification-url",
  "readme",
  "_readme",
]);

const address = /([a-z][a-z0-9+.-]{1,24}):\/\/([^\s"'<>()[\]{},;|\\]{1,2048})/gi;
const remoteShell = /(?<![\w/.:-])[\w.-]{1,64}@([\w.-]{1,255}\.[a-z]{2,24}):(?!\/\/)[\w./-]/gi;
const hosted = /(?<![\w-])(github|gitlab|bitbucket|gist|sourcehut):(?!\/\/)[\w.-]{1,100}(?:\/[\w.-]{1,100})?/gi;
const fileSource =
  /(?<![\w-])(?:file|link|portal|workspace|path|directory|exec):(?!\/\/)(?:\/|~|\.)[^\s"'#,)\]}]{0,256}/gi;
const ports = new Map([
  ["https", "443"],
  ["http", "80"],
]);

function hostOf(rest: string, scheme: string): string {
  const authority = rest.split(/[/?#]/, 1)[0] ?? "";
  const host = authority.slice(authority.lastIndexOf("@") + 1).toLowerCase();
  return host.replace(`:${ports.get(scheme) ?? "none"}`, "");
}

function sourceOf(scheme: string, rest: string): string {
  const transport = scheme.replace(/^(?:registry|git|hg|svn|bzr|sparse|direct|url)\+/, "");
  if (transport === "file") return `the file ${shorten(rest)}`;
  const host = shorten(hostOf(rest, transport));
  const isGit = /^git(?:\+|$)|^ssh$/.test(scheme) || /\.git(?:[#?/@]|$)/.test(rest);
  const open = transport === "http" ? " (without encryption)" : "";
  return `${isGit ? "git at " : ""}${host}${open}`;
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function addSources(text: string, sources: Set<string>): void {
  if (text.includes("://")) {
    for (const [, scheme = "", rest = ""] of text.matchAll(address)) sources.add(sourceOf(scheme.toLowerCase(), rest));
  }
  if (text.includes("@"))
    for (const [, host = ""] of text.matchAll(remoteShell)) sources.add(`git at ${host.toLowerCase()}`);
  if (!text.includes(":")) return;
  for (const [found] of text.matchAll(hosted)) sources.add(`git at ${shorten(found)}`);
  for (const [found] of text.matchAll(fileSource)) sources.add(`the file ${shorten(found.replace(/^\w+:/, ""))}`);
}

class Collected implements LockContent {
  readonly sources = new Set<string>();
  readonly sums = new Map<string, string>();

  json(tree: Tree, place: string): void {
    if (typeof tree === "string") addSources(unquoted(tree), this.sources);
    else if (tree instanceof Map) this.#map(tree, place);
    else if (Array.isArray(tree)) for (const each of tree) this.json(each, place);
  }

  #map(map: ReadonlyMap<string, Tree>, place: string): void {
    const text = (key: string) => {
      const value = map.get(key);
      return typeof value === "string" ? unquoted(value) : "";
    };
    const sum = text("integrity") || text("hash") || text("shasum") || text("narHash");
    const version = `${place} ${text("version")} ${text("resolved")}${text("url")}${text("rev")}`;
    if (sum !== "") this.sums.set(version, sum);
    for (const [key, value] of map) {
      if (wordKeys.has(key)) continue;
      addSources(key, this.sources);
      this.json(value, `${place}/${key}`);
    }
  }

  lines(text: string, isModules: boolean): void {
    let skippedIndent = -1;
    for (const line of text.split("\n")) {
      const indent = line.search(/\S/);
      if (indent === -1 || line[indent] === "#") continue;
      if (skippedIndent !== -1 && indent > skippedIndent) continue;
      const block = /^\s*(?:deprecated|description):\s*[|>]/.test(line);
      skippedIndent = block ? indent : -1;
      if (/^\s*(?:deprecated|description)\s*[:=]\s*["'\w|>]/.test(line)) continue;
      addSources(line, this.sources);
      this.#pathIn(line);
      if (isModules) this.#module(line);
    }
  }

  // `source = { path = "../x" }`, `directory: ../x`, `remote: ../x`.
  #pathIn(line: string): void {
    const found =
      /(?<![\w-])(?:path|directory|editable|remote|:path)["']?\s*[:=]>?\s*["']?((?:\/|~|\.\.(?![^/"'\s])|\.\/)[^\s"',}]{0,256})/.exec(
        line,
      );
    if (found !== null) this.sources.add(`the file ${shorten(found[1] ?? "")}`);
  }

  // go.sum: `example.org/module v1.2.3 h1:…`.
  #module(line: string): void {
    const [module = "", version = "", sum = ""] = line.trim().split(/\s+/);
    const host = module.split("/", 1)[0] ?? "";
    if (host.includes(".")) this.sources.add(shorten(host.toLowerCase()));
    if (sum !== "") this.sums.set(`${module} ${version}`, sum);
  }
}

function unquoted(scalar: string): string {
  return scalar.startsWith('"') ? String(JSON.parse(scalar)) : scalar;
}

/** Where a lock file takes packages from; a text says why that cannot be told. */
export function readLock(bytes: Uint8Array, name: string, isJson: boolean): LockContent | string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  if (text.includes("\0")) return "it is binary";
  const found = new Collected();
  if (isJson) {
    const parsed = parseJson(text);
    if ("problem" in parsed) return `it ${parsed.problem}`;
    found.json(parsed.tree, "");
    return found;
  }
  // What no tool writes into a lock file could hide an address from a reader of lines.
  if (/\\(?:x[0-9a-f]{2}|u[0-9a-f]{4})/i.test(text)) return "it holds escaped characters";
  found.lines(text, /^go\./.test(name));
  return found;
}

/** What a change of a lock file brings: sources that the old one did not name, and checksums that are others now. */
export function lockNews(
  before: LockContent | null,
  after: LockContent,
): { readonly sources: readonly string[]; readonly sums: readonly string[] } {
  const sources = [...after.sources].filter((each) => before?.sources.has(each) !== true).sort();
  const sums = [...after.sums].filter(([key, sum]) => (before?.sums.get(key) ?? sum) !== sum).map(([key]) => key);
  return { sources, sums };
}
