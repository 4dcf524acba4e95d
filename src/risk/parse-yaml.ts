import { isAlias, isMap, isScalar, isSeq, type Node, parseAllDocuments } from "yaml";
import { type Parsed, ParseProblem, parseLimits, type Tree } from "./tree.js";

// The library needs a second for a few hundred thousand characters of the kind made to be slow.
const largestYaml = 256 * 1024;

class YamlReader {
  #nodes = 0;

  read(node: unknown, depth: number): Tree {
    this.#nodes += 1;
    if (depth > parseLimits.depth) throw new ParseProblem("is nested too deeply");
    if (this.#nodes > parseLimits.nodes) throw new ParseProblem("has too many values");
    // An alias stays a name: what it stands for is compared where it is written, once, however often it is used.
    if (isAlias(node)) return `*${node.source}`;
    const mark = this.#markOf(node);
    if (isMap(node)) {
      const map = new Map<string, Tree>();
      for (const { key, value } of node.items) {
        const name = this.#keyOf(key, depth);
        if (map.has(name)) throw new ParseProblem("has the same key twice");
        map.set(name, this.read(value, depth + 1));
      }
      return mark === "" ? map : map.set(mark, "");
    }
    if (isSeq(node)) {
      const list = node.items.map((each) => this.read(each, depth + 1));
      return mark === "" ? list : [...list, mark];
    }
    if (!isScalar(node)) return "";
    const isQuoted = node.type !== undefined && node.type !== "PLAIN";
    return `${mark}${isQuoted ? "'" : ""}${String(node.value)}`;
  }

  // A tag can have a program make something else of the value.
  #markOf(node: unknown): string {
    const { tag, anchor } = (node ?? {}) as Partial<Node> & { anchor?: string };
    return [tag === undefined || tag === "" ? "" : `${tag} `, anchor === undefined ? "" : `&${anchor} `].join("");
  }

  #keyOf(key: unknown, depth: number): string {
    if (isScalar(key)) return String(key.value);
    return `? ${JSON.stringify(this.read(key, depth + 1), (_, value: unknown) => (value instanceof Map ? [...value] : value))}`;
  }
}

/** Reads YAML, aliases unresolved, so that no bomb goes off. Never throws. */
export function parseYaml(text: string): Parsed {
  if (text.length > largestYaml) return { problem: "is too large to be compared" };
  try {
    const options = { uniqueKeys: false, prettyErrors: false, logLevel: "silent", schema: "failsafe" } as const;
    const documents = parseAllDocuments(text, { ...options, keepSourceTokens: false });
    const reader = new YamlReader();
    const trees = [...documents].map(({ contents, errors }) => {
      if (errors.length > 0) throw new ParseProblem("is not valid YAML");
      return reader.read(contents, 0);
    });
    return { tree: trees.length === 1 ? (trees[0] ?? "") : trees };
  } catch (error) {
    if (error instanceof ParseProblem) return { problem: error.message };
    // The library's own recursion, or an error of its own.
    return { problem: "is not valid YAML" };
  }
}
