import { type Document, isMap, isScalar, type LineCounter, LineCounter as Lines, type Node, parseDocument } from "yaml";
import type { z } from "zod";
import { AirlockError } from "../base/errors.js";
import { type FileConfig, projectSchema, userSchema } from "./schema.js";

type Issue = z.core.$ZodIssue;

const knownKeys = Object.keys(userSchema.shape);
const limitKeys = ["memory", "cpus", "pids", "disk", "timeout"];
const pathKeys = ["host", "mode", "target"];

function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const cost = left[i - 1] === right[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + cost));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}

/** The known key that a mistaken one was most likely meant to be. */
export function suggest(wrong: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((key) => ({ key, far: distance(wrong.toLowerCase(), key.toLowerCase()) }))
    .sort((a, b) => a.far - b.far);
  const best = ranked[0];
  return best !== undefined && best.far <= Math.max(2, Math.floor(wrong.length / 3)) ? best.key : undefined;
}

interface Source {
  readonly file: string;
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
}

function nodeAt({ document }: Source, path: readonly PropertyKey[]): Node | null {
  const node = path.length === 0 ? document.contents : document.getIn(path as unknown[], true);
  return (node as Node | null | undefined) ?? null;
}

function keyNode(source: Source, path: readonly PropertyKey[], key: string): Node | null {
  const parent = nodeAt(source, path);
  if (!isMap(parent)) return null;
  const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
  return (pair?.key as Node | undefined) ?? null;
}

function placeOf(source: Source, node: Node | null): string {
  const offset = node?.range?.[0];
  if (offset === undefined) return source.file;
  const { line, col } = source.lines.linePos(offset);
  return `${source.file}:${line}:${col}`;
}

function invalid(place: string, what: string, hint?: string): AirlockError {
  return new AirlockError("E_CONFIG_INVALID", `${place}: ${what}`, {
    hint: hint ?? "airlock config schema prints what is allowed",
  });
}

function explain(source: Source, issue: Issue): AirlockError {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    const known = path[0] === "limits" ? limitKeys : path[0] === "paths" ? pathKeys : knownKeys;
    const meant = suggest(key, known);
    const hint = meant === undefined ? `known keys: ${known.join(", ")}` : `did you mean "${meant}"?`;
    return invalid(placeOf(source, keyNode(source, path, key)), `unknown key "${key}"`, hint);
  }
  const name = path.length === 0 ? "the file" : path.map(String).join(".");
  return invalid(placeOf(source, nodeAt(source, path)), `${name}: ${issue.message}`);
}

/** Parses the text of a configuration file; every mistake is an `E_CONFIG_INVALID` with file, line and column. */
export function parseConfig(text: string, file: string, kind: "project" | "user"): FileConfig {
  const lines = new Lines();
  // Aliases are how a small file becomes a huge value.
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    strict: true,
    version: "1.2",
    merge: false,
  });
  const source: Source = { file, document, lines };
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw invalid(`${file}:${line}:${col}`, problem.message.split("\n")[0] ?? "not YAML", "the file must be YAML 1.2");
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 0 }) ?? {};
  } catch {
    throw invalid(file, "aliases (*name) are not allowed");
  }
  const parsed = (kind === "project" ? projectSchema : userSchema).safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw issue === undefined ? invalid(file, "not understood") : explain(source, issue);
}
