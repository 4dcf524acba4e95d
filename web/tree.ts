import { displayPath } from "../src/base/escape.js";
import { type ListRow, pathsOf } from "../src/cli/reviewer/list-rows.js";
import type { Change, ChangeKind } from "../src/model/change.js";
import { forEars, forEyes, make } from "./dom.js";
import { type Store, stagedState } from "./store.js";

const letters: Readonly<Record<ChangeKind, string>> = { added: "A", modified: "M", deleted: "D", type: "T", mode: "m" };
const kinds: Readonly<Record<ChangeKind, string>> = {
  added: "added",
  modified: "modified",
  deleted: "deleted",
  type: "other type",
  mode: "permissions",
};
const boxes = { true: "[x] ", mixed: "[~] ", false: "[ ] " } as const;

function tagsOf({ conflict, path }: Change, { notes }: Store): string {
  return `${conflict ? "  (changed on the host too)" : ""}${notes.has(path) ? "  (note)" : ""}`;
}

function nameOf(row: ListRow): string {
  if (row.kind === "section" || row.kind === "info") return row.text;
  return `${displayPath(row.name)}${row.kind === "folder" || row.change.type === "dir" ? "/" : ""}`;
}

/** A row of the tree: what it says is said to assistive technology in words. */
export function drawRow(store: Store, at: number): HTMLElement {
  const row = store.rows[at];
  if (row === undefined) return make("div");
  const paths = pathsOf(row);
  const checked = stagedState(store.staged, paths);
  const name = nameOf(row);
  const box = forEyes(boxes[checked], "mark");
  const depth = row.kind === "folder" || row.kind === "change" ? row.depth : 0;
  const attributes: Record<string, string> = {
    role: "treeitem",
    "aria-checked": checked,
    "aria-level": `${row.kind === "section" ? 1 : depth + 2}`,
    "aria-setsize": `${store.rows.length}`,
    "aria-posinset": `${at + 1}`,
  };
  if (row.kind === "change") {
    const { risk, kind } = row.change;
    const isHigh = risk.level === "high";
    const marks = forEyes(`${"  ".repeat(depth)}${isHigh ? "!" : " "}${letters[kind]} `, isHigh ? "high" : "");
    const words = forEars(`${isHigh ? "high risk, " : ""}${kinds[kind]}, `);
    return make("div", { attributes }, box, marks, words, `${name}${tagsOf(row.change, store)}`);
  }
  if (row.kind === "folder") attributes["aria-expanded"] = `${!row.isClosed}`;
  const sign = row.kind === "folder" ? (row.isClosed ? "+ " : "- ") : "";
  const count = row.kind === "section" || (row.kind === "folder" && row.isClosed) ? ` (${paths.length})` : "";
  return make("div", { class: row.kind, attributes }, box, forEyes(`${"  ".repeat(depth)}${sign}`), `${name}${count}`);
}

/** The place of a change's row; of the nearest before it, where it is gone. */
export function rowOf(rows: readonly ListRow[], path: string | null): number {
  return rows.findIndex((row) => row.kind === "change" && row.change.path === path);
}
