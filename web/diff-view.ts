import { type DiffRow, linesOf, rowsOf } from "../src/cli/reviewer/diff-rows.js";
import type { DocLine, DocMessage } from "../src/cli/web/messages.js";
import { fetchBlob } from "./api.js";
import { fill, forEars, forEyes, make } from "./dom.js";
import { linesStaged, type Store } from "./store.js";

const looks = { "+": "add", "-": "del", " ": "" } as const;
const words = { "+": "added", "-": "removed", " ": "" } as const;

const spoken = (sign: DocLine["sign"]): string => (sign === " " ? "" : `${words[sign]}: `);

function side(line: DocLine | undefined, number: number, isStaged: boolean): HTMLElement {
  if (line === undefined) return make("span", { class: "side" });
  const text = make("span", { class: "text" }, forEyes(`${line.sign} `), forEars(spoken(line.sign)), line.text);
  const before = forEyes(`${number}`, "number");
  return make("span", { class: `side ${looks[line.sign]}` }, before, forEyes(isStaged ? "*" : " "), text);
}

/** The rows of a diff and how each is drawn. */
export class DiffRows {
  readonly rows: readonly DiffRow[];
  readonly #doc: DocMessage;
  readonly #staged: ReadonlySet<number>;

  constructor(store: Store, doc: DocMessage) {
    this.#doc = doc;
    this.rows = rowsOf(doc, store.layout);
    this.#staged = linesStaged(store, doc);
  }

  draw = (at: number): HTMLElement => {
    const row = this.rows[at];
    const lines = linesOf(row);
    const isStaged = lines.some((line) => this.#staged.has(line));
    const attributes: Record<string, string> = {
      role: "option",
      "aria-selected": `${isStaged}`,
      "aria-setsize": `${this.rows.length}`,
      "aria-posinset": `${at + 1}`,
    };
    if (row === undefined) return make("div");
    if (row.kind === "heading")
      return make("div", { class: "heading", attributes }, this.#doc.headings[row.hunk] ?? "");
    if (row.kind === "both") return this.#unified(row.line, isStaged, attributes);
    const at2 = (line: number | null): DocLine | undefined => (line === null ? undefined : this.#doc.lines[line]);
    const [left, right] = [at2(row.left), at2(row.right)];
    const has = (line: number | null): boolean => line !== null && this.#staged.has(line);
    return make(
      "div",
      { class: "split", attributes },
      side(left, left?.oldNumber ?? 0, has(row.left)),
      side(right, right?.newNumber ?? 0, has(row.right)),
    );
  };

  #unified(at: number, isStaged: boolean, attributes: Record<string, string>): HTMLElement {
    const line = this.#doc.lines[at];
    if (line === undefined) return make("div");
    const { sign, oldNumber, newNumber, text } = line;
    const number = (value: number, isThere: boolean) => forEyes(isThere ? `${value}` : "", "number");
    return make(
      "div",
      { class: looks[sign], attributes },
      number(oldNumber, sign !== "+"),
      number(newNumber, sign !== "-"),
      forEyes(`${isStaged ? "*" : " "}${sign} `),
      forEars(spoken(sign)),
      text === "" ? forEars("empty line") : text,
    );
  }
}

/** The changed lines of the hunk that a row is in. */
export function hunkLines(doc: DocMessage, row: DiffRow | undefined): number[] {
  if (row === undefined) return [];
  const hunk = row.kind === "heading" ? row.hunk : doc.lines[linesOf(row)[0] ?? -1]?.hunk;
  return doc.changed.filter((line) => doc.lines[line]?.hunk === hunk);
}

let urls: readonly string[] = [];

/** Shows what a change was and is as pictures, where it is one. */
export async function showImages(box: HTMLElement, doc: DocMessage | null, look: number, at: number): Promise<void> {
  for (const url of urls) URL.revokeObjectURL(url);
  urls = [];
  fill(box, []);
  const figures: HTMLElement[] = [];
  for (const which of doc?.images ?? []) {
    const blob = await fetchBlob(`image?look=${look}&at=${at}&side=${which}`).catch(() => null);
    if (blob === null) continue;
    const url = URL.createObjectURL(blob);
    urls = [...urls, url];
    const image = make("img", { attributes: { alt: `the picture ${which}` } });
    image.src = url;
    figures.push(make("figure", {}, make("figcaption", {}, `${which}, ${blob.size} bytes`), image));
  }
  // Another file may be shown by now.
  if (box.dataset["of"] === doc?.path) fill(box, figures);
}
