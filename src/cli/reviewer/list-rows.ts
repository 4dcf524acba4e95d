import type { Change } from "../../model/change.js";
import { comesFirst } from "../../risk/comes-first.js";

/** A row of the list of changes. */
export type ListRow =
  | { readonly kind: "section"; readonly text: string; readonly paths: readonly string[] }
  | { readonly kind: "info"; readonly text: string; readonly warns: boolean }
  | {
      readonly kind: "folder";
      readonly path: string;
      readonly name: string;
      readonly depth: number;
      readonly paths: readonly string[];
      readonly isClosed: boolean;
    }
  | { readonly kind: "change"; readonly change: Change; readonly name: string; readonly depth: number };

interface Node {
  readonly path: string;
  readonly children: Map<string, Node>;
  change: Change | null;
}

const newNode = (path: string): Node => ({ path, children: new Map(), change: null });

function treeOf(changes: readonly Change[]): Node {
  const root = newNode("");
  for (const change of changes) {
    let node = root;
    for (const name of change.path.split("/")) {
      let child = node.children.get(name);
      if (child === undefined) {
        child = newNode(node.path === "" ? name : `${node.path}/${name}`);
        node.children.set(name, child);
      }
      node = child;
    }
    node.change = change;
  }
  return root;
}

function pathsBelow(node: Node): string[] {
  const own = node.change === null ? [] : [node.change.path];
  return [...own, ...[...node.children.values()].flatMap(pathsBelow)];
}

function* walk(node: Node, depth: number, closed: ReadonlySet<string>): Generator<ListRow> {
  for (const [name, child] of node.children) {
    if (child.children.size === 0) {
      if (child.change !== null) yield { kind: "change", change: child.change, name, depth };
      continue;
    }
    const isClosed = closed.has(child.path);
    yield { kind: "folder", path: child.path, name, depth, paths: pathsBelow(child), isClosed };
    if (!isClosed) yield* walk(child, depth + 1, closed);
  }
}

interface ListInput {
  readonly changes: readonly Change[];
  readonly closed: ReadonlySet<string>;
  /** Sentences about the whole: warnings, git, AWS. Nothing of them is a path. */
  readonly infos: readonly { readonly text: string; readonly warns: boolean }[];
}

/** Deletions and high risk first and flat, then the rest as a tree; what is about the whole stands between them. */
export function listRows({ changes, closed, infos }: ListInput): ListRow[] {
  const first = changes.filter(comesFirst);
  const rest = changes.filter((change) => !comesFirst(change));
  const rows: ListRow[] = [];
  if (first.length > 0) {
    rows.push({ kind: "section", text: "Deletions and high risk", paths: first.map(({ path }) => path) });
    for (const change of first) rows.push({ kind: "change", change, name: change.path, depth: 0 });
  }
  for (const info of infos) rows.push({ kind: "info", ...info });
  if (rest.length > 0) {
    const text = first.length > 0 ? "Everything else" : "Changes";
    rows.push({ kind: "section", text, paths: rest.map(({ path }) => path) });
    rows.push(...walk(treeOf(rest), 0, closed));
  }
  return rows;
}

/** The paths that a row stands for. */
export function pathsOf(row: ListRow | undefined): readonly string[] {
  if (row === undefined || row.kind === "info") return [];
  return row.kind === "change" ? [row.change.path] : row.paths;
}
