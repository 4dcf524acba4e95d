import { escapeText } from "../../base/escape.js";
import { formatHunk, readEditedHunk, splitHunk } from "../../text/hunks.js";
import type { Hunk } from "../../text/line-diff.js";
import type { Palette } from "../render/colour.js";
import { renderHunk } from "../render/hunk-lines.js";

/** What a person is asked about: a hunk of a text, or something that cannot be divided. */
export type Part =
  | { readonly hunk: Hunk }
  /** `question` ends the prompt: `Apply deletion`. */
  | { readonly question: string; readonly shown: string };

/** The person, wherever they sit. */
export interface Talk {
  say(text: string): void;
  /** One of `keys`; the first at Enter; null when nobody answers any more. */
  ask(question: string, keys: readonly string[]): Promise<string | null>;
  /** The text as the person made it in an editor, or why that was not possible. */
  edit(text: string): Promise<{ readonly text: string } | { readonly problem: string }>;
}

interface Dialogue {
  readonly talk: Talk;
  readonly palette: Palette;
  /** The content that the hunks belong to. */
  readonly before: Uint8Array;
  /** Lines of the screen: what is longer is said to be, since its beginning is out of sight. */
  readonly rows: number;
}

/** Which parts are to be applied, edited ones as they are now; `quit` leaves out everything that follows as well. */
export interface Answers {
  readonly accepted: readonly Part[];
  readonly quit: boolean;
}

interface Asked {
  part: Part;
  answer: boolean | null;
}

const texts: Readonly<Record<string, string>> = {
  yes: "y  apply this\n",
  no: "n  leave this in the session\n",
  quit: "q  leave this and everything that follows\n",
  all: "a  apply this and all that follows in this file\n",
  done: "d  leave this and all that follows in this file\n",
  j: "j  decide later, see the next undecided one\n",
  k: "k  decide later, see the undecided one before\n",
  split: "s  split it into smaller ones\n",
  edit: "e  edit it\n",
};

const letters = (keys: readonly string[]): string => keys.map((key) => key[0]).join(",");

/** Goes through the parts of one file as `git add -p` does. */
export async function askForParts(parts: readonly Part[], dialogue: Dialogue): Promise<Answers> {
  const file = new FileDialogue(parts, dialogue);
  const quit = await file.run();
  return { accepted: file.accepted(), quit };
}

class FileDialogue {
  #asked: Asked[];
  #at = 0;
  readonly #dialogue: Dialogue;

  constructor(parts: readonly Part[], dialogue: Dialogue) {
    this.#asked = parts.map((part) => ({ part, answer: null }));
    this.#dialogue = dialogue;
  }

  accepted(): Part[] {
    return this.#asked.filter(({ answer }) => answer === true).map(({ part }) => part);
  }

  /** True when the person wants no more questions at all. */
  async run(): Promise<boolean> {
    for (let asked = this.#next(); asked !== null; asked = this.#next()) {
      this.#show(asked.part);
      const answer = await this.#ask(asked);
      if (answer === null || answer === "quit") return true;
      await this.#take(asked, answer);
    }
    return false;
  }

  /** The undecided one at or after where we are, else the first one before. */
  #next(): Asked | null {
    const isOpen = ({ answer }: Asked): boolean => answer === null;
    const after = this.#asked.findIndex((each, at) => at >= this.#at && isOpen(each));
    const found = after === -1 ? this.#asked.findIndex(isOpen) : after;
    if (found !== -1) this.#at = found;
    return this.#asked[found] ?? null;
  }

  #show(part: Part): void {
    const { talk, palette, rows } = this.#dialogue;
    if (!("hunk" in part)) {
      if (part.shown !== "") talk.say(part.shown);
      return;
    }
    talk.say([...renderHunk(part.hunk, palette)].join(""));
    const { length } = part.hunk.lines;
    if (length + 2 > rows) talk.say(palette.dim(`(${length} lines; some are out of sight above)\n`));
  }

  #keys({ part }: Asked): string[] {
    const isOpen = (each: Asked): boolean => each.answer === null;
    const keys = ["yes", "no", "quit", "all", "done"];
    if (this.#asked.slice(this.#at + 1).some(isOpen)) keys.push("j");
    if (this.#asked.slice(0, this.#at).some(isOpen)) keys.push("k");
    if ("hunk" in part) keys.push(...(splitHunk(part.hunk).length > 1 ? ["split", "edit"] : ["edit"]));
    return keys;
  }

  async #ask(asked: Asked): Promise<string | null> {
    const { talk, palette } = this.#dialogue;
    const keys = this.#keys(asked);
    const what = "hunk" in asked.part ? "Apply this hunk" : asked.part.question;
    const question = palette.bold(`(${this.#at + 1}/${this.#asked.length}) ${what} [${letters(keys)},?]?`);
    for (;;) {
      const answer = await talk.ask(`${question} `, ["?", ...keys]);
      if (answer !== "?") return answer;
      talk.say(`${keys.map((key) => texts[key] ?? "").join("")}?  this help\n`);
    }
  }

  async #take(asked: Asked, answer: string): Promise<void> {
    const later = this.#asked.slice(this.#at).filter((each) => each.answer === null);
    if (answer === "yes" || answer === "no") asked.answer = answer === "yes";
    else if (answer === "all" || answer === "done") for (const each of later) each.answer = answer === "all";
    else if (answer === "j") this.#at += 1;
    else if (answer === "k") this.#at = this.#asked.findLastIndex((each, at) => at < this.#at && each.answer === null);
    else if (answer === "split") this.#split(asked);
    else if (answer === "edit") await this.#edit(asked);
  }

  #split({ part }: Asked): void {
    if (!("hunk" in part)) return;
    const smaller = splitHunk(part.hunk).map((hunk): Asked => ({ part: { hunk }, answer: null }));
    this.#asked = this.#asked.toSpliced(this.#at, 1, ...smaller);
    this.#dialogue.talk.say(`split into ${smaller.length} hunks\n`);
  }

  async #edit(asked: Asked): Promise<void> {
    const { talk, before } = this.#dialogue;
    if (!("hunk" in asked.part)) return;
    const { hunk } = asked.part;
    for (let text = formatHunk(hunk); ; ) {
      const edited = await talk.edit(text);
      const result = "problem" in edited ? edited : readEditedHunk(before, hunk, edited.text);
      if ("hunk" in result) {
        asked.part = { hunk: result.hunk };
        asked.answer = true;
        return;
      }
      talk.say(`the hunk is as it was: ${escapeText(result.problem)}\n`);
      // What could not be opened at all will not open a second time.
      if ("problem" in edited || (await talk.ask("edit it again? [y/N] ", ["no", "yes"])) !== "yes") return;
      text = edited.text;
    }
  }
}
