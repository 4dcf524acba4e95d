import { dirname, isAbsolute, join, normalize } from "node:path";
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLMap,
} from "yaml";
import type { z } from "zod";
import { AirlockError, isAirlockError, messageOf } from "../base/errors.js";
import { escapeText } from "../base/escape.js";
import { projectAws } from "./aws-schema.js";
import { type FileConfig, projectSchema, userSchema } from "./schema.js";
import { suggestKey } from "./suggest.js";

type Issue = z.core.$ZodIssue;
type Kind = "project" | "user";
type Path = readonly PropertyKey[];

/** Throws when a pattern of `mask` or `unmask` cannot be used; who matches them knows. */
export type PatternCheck = (pattern: string) => unknown;

// What a repository has no say in.
const ownKeys: ReadonlyMap<string, string> = new Map([
  ["allowRw", "only your own configuration can allow that, or --allow-rw"],
  ["agents", "only your own configuration can say that"],
  ["snapshots", "only your own configuration can say that, or --auto-snapshot"],
  ["record", "only your own configuration can say that, or --no-record"],
]);
const limitKeys = ["memory", "cpus", "pids", "disk", "timeout"];
const pathKeys = ["host", "mode", "target"];
const networkKeys = ["default", "presets", "allow", "ask", "deny", "allowPrivate"];
const snapshotKeys = ["auto", "keep", "maxAge", "maxSize", "appliesTo"];
const awsKeys = Object.keys(projectAws.shape);
const nestedKeys: ReadonlyMap<string, readonly string[]> = new Map([
  ["limits", limitKeys],
  ["paths", pathKeys],
  ["network", networkKeys],
  ["aws", awsKeys],
  ["snapshots", snapshotKeys],
]);
const knownKeys: Readonly<Record<Kind, readonly string[]>> = {
  project: Object.keys(projectSchema.shape),
  user: Object.keys(userSchema.shape),
};

interface Source {
  readonly file: string;
  readonly kind: Kind;
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
}

function nodeAt({ document }: Source, path: Path): Node | null {
  const node = path.length === 0 ? document.contents : document.getIn(path as unknown[], true);
  return (node as Node | null | undefined) ?? null;
}

function keyNode(source: Source, path: Path, key: string): Node | null {
  const parent = nodeAt(source, path);
  if (!isMap(parent)) return null;
  const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
  return (pair?.key as Node | undefined) ?? null;
}

function placeOf({ file, lines }: Source, node: Node | null): string {
  const offset = node?.range?.[0];
  if (offset === undefined) return file;
  const { line, col } = lines.linePos(offset);
  return `${file}:${line}:${col}`;
}

function invalid(place: string, what: string, hint?: string): AirlockError {
  return new AirlockError("E_CONFIG_INVALID", `${place}: ${what}`, {
    hint: hint ?? "airlock config schema prints what is allowed",
  });
}

function explainKey(source: Source, path: Path, key: string): AirlockError {
  const place = placeOf(source, keyNode(source, path, key));
  const what = `unknown key "${escapeText(key)}"`;
  const ownOnly = path.length === 0 ? ownKeys.get(key) : undefined;
  if (ownOnly !== undefined) return invalid(place, what, ownOnly);
  const known = nestedKeys.get(String(path[0])) ?? knownKeys[source.kind];
  const meant = suggestKey(key, known);
  return invalid(place, what, meant === undefined ? `known keys: ${known.join(", ")}` : `did you mean "${meant}"?`);
}

function explain(source: Source, issue: Issue): AirlockError {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") return explainKey(source, path, issue.keys[0] ?? "");
  const name = path.length === 0 ? "the file" : escapeText(path.map(String).join("."));
  if (issue.code === "invalid_key") {
    const node = keyNode(source, path.slice(0, -1), String(path.at(-1)));
    return invalid(placeOf(source, node), `${name}: ${issue.issues[0]?.message ?? issue.message}`);
  }
  return invalid(placeOf(source, nodeAt(source, path)), `${name}: ${issue.message}`);
}

function parseYaml(text: string, file: string, kind: Kind): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    // Compares every key with every other; `refuseMachinery` does it in one go.
    uniqueKeys: false,
    strict: true,
    version: "1.2",
    merge: false,
    prettyErrors: false,
  });
  const source: Source = { file, kind, document, lines };
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    const what = escapeText(problem.message.split("\n")[0] ?? "not YAML");
    throw invalid(`${file}:${line}:${col}`, what, "the file must be plain YAML 1.2");
  }
  return source;
}

// Aliases are how a small file becomes a huge value, tags how a text becomes something else. Neither is needed here.
function refuseMachinery(source: Source): void {
  visit(source.document, (_key, node) => {
    if (isAlias(node)) throw invalid(placeOf(source, node), "aliases (*name) are not allowed", "write the value out");
    if (isMap(node)) refuseDuplicates(source, node);
    const { tag, anchor } = (node ?? {}) as { tag?: string; anchor?: string };
    if (anchor !== undefined) throw invalid(placeOf(source, node as Node), "anchors (&name) are not allowed");
    if (tag !== undefined && !tag.startsWith("tag:yaml.org,2002:")) {
      throw invalid(placeOf(source, node as Node), "tags (!name) are not allowed", "write the value without it");
    }
  });
}

function refuseDuplicates(source: Source, map: YAMLMap): void {
  const seen = new Set<string>();
  for (const { key } of map.items) {
    const name = isScalar(key) ? String(key.value) : null;
    if (name === null) throw invalid(placeOf(source, key as Node | null), "a key must be a plain word");
    if (seen.has(name)) throw invalid(placeOf(source, key as Node), `the key "${escapeText(name)}" is there twice`);
    seen.add(name);
  }
}

// `PORT: 0x50` or `VERSION: 1.10` shall arrive as written, not as the number that YAML takes it for.
function keepVariablesAsWritten({ document }: Source): void {
  const env: unknown = document.getIn(["env"], true);
  if (!isMap(env)) return;
  for (const { value } of env.items) {
    const isText = !isScalar(value) || typeof value.value === "string" || value.value === null;
    if (!isText && value.source !== undefined) value.value = value.source;
  }
}

function toPlain(source: Source): unknown {
  try {
    return source.document.toJS({ maxAliasCount: 0 }) ?? {};
  } catch {
    throw invalid(source.file, "it cannot be read as plain values");
  }
}

// A path within the repository could become a link to anywhere with its next change, while this file stays as approved.
function resolveHost(source: Source, host: string, index: number): string {
  if (isAbsolute(host) || host === "~" || host.startsWith("~/")) return checkOutside(source, host, index);
  if (source.kind === "project") return checkOutside(source, `${dirname(source.file)}/${host}`, index);
  const place = placeOf(source, nodeAt(source, ["paths", index, "host"]));
  throw invalid(place, `paths.${index}.host: not an absolute path`, "write it from / or ~/ on");
}

function checkOutside(source: Source, host: string, index: number): string {
  const project = dirname(source.file);
  const isInside = `${normalize(host)}/`.startsWith(join(project, "/"));
  if (source.kind === "user" || !isInside) return host;
  const place = placeOf(source, nodeAt(source, ["paths", index, "host"]));
  throw invalid(
    place,
    `paths.${index}.host: it lies in the project`,
    "leave it out: the sandbox sees the project anyway",
  );
}

function checkPatterns(source: Source, config: FileConfig, check: PatternCheck): void {
  for (const list of ["mask", "unmask"] as const) {
    for (const [index, pattern] of (config[list] ?? []).entries()) {
      try {
        check(pattern);
      } catch (error) {
        throw invalid(
          placeOf(source, nodeAt(source, [list, index])),
          `${list}.${index}: ${messageOf(error)}`,
          isAirlockError(error) ? error.hint : undefined,
        );
      }
    }
  }
}

/**
 * Parses the text of a configuration file; every mistake is an `E_CONFIG_INVALID` with file, line and column. Relative host
 * paths come out absolute: they are meant from the project's folder, wherever the command is called.
 */
export function parseConfig(
  text: string,
  file: string,
  kind: Kind,
  checkPattern: PatternCheck = () => undefined,
): FileConfig {
  const source = parseYaml(text, file, kind);
  refuseMachinery(source);
  keepVariablesAsWritten(source);
  const parsed = (kind === "project" ? projectSchema : userSchema).safeParse(toPlain(source));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw issue === undefined ? invalid(file, "not understood") : explain(source, issue);
  }
  const config: FileConfig = parsed.data;
  checkPatterns(source, config, checkPattern);
  if (config.paths === undefined) return config;
  const paths = config.paths.map((each, index) => ({ ...each, host: resolveHost(source, each.host, index) }));
  return { ...config, paths };
}
