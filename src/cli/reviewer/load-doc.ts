import { messageOf } from "../../base/errors.js";
import { largestShown } from "../../changes/settle.js";
import type { Change } from "../../model/change.js";
import { diffContents } from "../../text/line-diff.js";
import { readTexts } from "../dialogue/choose-hunks.js";
import { makePalette } from "../render/colour.js";
import type { ContentSource } from "../render/content-source.js";
import { renderBody } from "../render/diff-text.js";
import { type DiffDoc, emptyDoc, makeDoc } from "./diff-doc.js";
import { colourSides, type SyntaxColours } from "./syntax.js";

const nothing = new Uint8Array();

async function notesOf(change: Change, source: ContentSource): Promise<DiffDoc> {
  const { path, kind, before, after } = change;
  if (kind === "mode") {
    const bits = (mode = 0): string => mode.toString(8).padStart(4, "0");
    return emptyDoc(path, [`permissions ${bits(before?.mode)} → ${bits(after?.mode)}`]);
  }
  const shown: string[] = [];
  for await (const text of renderBody(change, { source, palette: makePalette(false) })) shown.push(text);
  const lines = shown
    .join("")
    .split("\n")
    .filter((line) => line !== "");
  return emptyDoc(path, lines.length > 0 ? lines : [`${change.type === "dir" ? "a folder" : "empty"}, ${kind}`]);
}

interface Loaded {
  readonly doc: DiffDoc;
  /** The colours of its language, which take a moment longer. */
  readonly colours: (() => Promise<SyntaxColours>) | null;
}

/** Reads what is to be seen of a change. */
export async function loadDoc(change: Change, source: ContentSource): Promise<Loaded> {
  const { path, kind, before, type, binary } = change;
  const sides = await readTexts(change, source);
  if (typeof sides === "string") return { doc: emptyDoc(path, [sides]), colours: null };
  if (sides !== null) {
    const hunks = diffContents(sides.before, sides.after);
    if (hunks.length > 0) {
      const colours = () => colourSides(path, sides.before, sides.after);
      return { doc: makeDoc(path, sides.before, hunks), colours };
    }
  }
  if (kind === "deleted" && type === "file" && !binary && (before?.size ?? 0) <= largestShown) {
    const old = await source.readBefore(path, largestShown);
    if (old !== null && old.length > 0 && !old.includes(0)) {
      const colours = () => colourSides(path, old, nothing);
      return { doc: makeDoc(path, old, diffContents(old, nothing), false), colours };
    }
  }
  return { doc: await notesOf(change, source), colours: null };
}

type OnLoaded = (loaded: { readonly doc: DiffDoc } | { readonly colours: SyntaxColours }) => void;

/** Reads diffs one at a time, always the one that is wanted last: who runs through 2,000 files reads none of them. */
export class DocLoader {
  readonly #source: ContentSource;
  readonly #onLoaded: OnLoaded;
  #wanted: Change | null = null;
  #running: Promise<void> | null = null;

  constructor(source: ContentSource, onLoaded: OnLoaded) {
    this.#source = source;
    this.#onLoaded = onLoaded;
  }

  /** Reads a change, unless it is being read. */
  want(change: Change | null): void {
    this.#wanted = change;
    if (change !== null && this.#running === null) this.#running = this.#run();
  }

  /** Waits for what is being read. */
  async finish(): Promise<void> {
    this.#wanted = null;
    await this.#running;
  }

  async #run(): Promise<void> {
    let done: Change | null = null;
    while (this.#wanted !== null && this.#wanted !== done) {
      done = this.#wanted;
      await this.#load(done);
    }
    this.#running = null;
  }

  async #load(change: Change): Promise<void> {
    const { path } = change;
    try {
      const { doc, colours } = await loadDoc(change, this.#source);
      this.#onLoaded({ doc });
      if (colours !== null && this.#wanted === change) this.#onLoaded({ colours: await colours() });
    } catch (error) {
      this.#onLoaded({ doc: emptyDoc(path, [`cannot be shown: ${messageOf(error)}`]) });
    }
  }
}
