import { StringDecoder } from "node:string_decoder";

/** A key that was pressed; `text` is what it would type. A paste is one key, so that no line of it is taken for a command. */
export interface Key {
  readonly name: string;
  readonly text?: string;
}

const sequences: Readonly<Record<string, string>> = {
  "[A": "up",
  "[B": "down",
  "[C": "right",
  "[D": "left",
  OA: "up",
  OB: "down",
  OC: "right",
  OD: "left",
  "[H": "home",
  "[F": "end",
  OH: "home",
  OF: "end",
  "[1~": "home",
  "[4~": "end",
  "[7~": "home",
  "[8~": "end",
  "[3~": "delete",
  "[5~": "page-up",
  "[6~": "page-down",
  "[Z": "shift-tab",
};

const controls: Readonly<Record<string, string>> = {
  "\r": "enter",
  "\n": "enter",
  "\t": "tab",
  "\u007f": "backspace",
  "\b": "backspace",
};

const pasteStart = "[200~";
const pasteEnd = "\u001b[201~";
const longestPaste = 10_000;
const complete = /^(?:\[[\x30-\x3f]{0,20}[\x20-\x2f]{0,4}[\x40-\x7e]|O[\x40-\x7e])/;
const longestSequence = 32;

function keyOf(character: string): Key {
  const known = controls[character];
  if (known !== undefined) return { name: known };
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return { name: `ctrl-${String.fromCharCode(code + 0x60)}` };
  return { name: character, text: character };
}

/** Makes keys of the bytes that a terminal sends, however they are cut. */
export class KeyReader {
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";

  /** Whether an escape waits for what may follow it. */
  get isWaiting(): boolean {
    return this.#rest !== "";
  }

  feed(bytes: Uint8Array): Key[] {
    this.#rest += this.#decoder.write(Buffer.from(bytes));
    const keys: Key[] = [];
    for (let key = this.#next(); key !== null; key = this.#next()) if (key.name !== "") keys.push(key);
    return keys;
  }

  /** Nothing followed: an escape was the key itself. */
  flush(): Key[] {
    const wasEscape = this.#rest.startsWith("\u001b");
    this.#rest = "";
    return wasEscape ? [{ name: "escape" }] : [];
  }

  /** The first key of what is there; null: none is whole yet; no name: it means nothing here. */
  #next(): Key | null {
    const [first] = this.#rest;
    if (first === undefined) return null;
    if (first !== "\u001b") return this.#take(first.length, keyOf(first));
    const after = this.#rest.slice(1);
    if (after.startsWith(pasteStart)) return this.#paste();
    const [sequence] = complete.exec(after) ?? [];
    if (sequence !== undefined) return this.#take(1 + sequence.length, { name: sequences[sequence] ?? "" });
    if (after === "" || (/^[[O]/.test(after) && after.length < longestSequence)) return null;
    return this.#take(1, { name: "escape" });
  }

  #paste(): Key | null {
    const from = 1 + pasteStart.length;
    const end = this.#rest.indexOf(pasteEnd, from);
    if (end === -1 && this.#rest.length < longestPaste) return null;
    const text = this.#rest.slice(from, end === -1 ? undefined : end);
    return this.#take(end === -1 ? this.#rest.length : end + pasteEnd.length, { name: "paste", text });
  }

  #take(length: number, key: Key): Key {
    this.#rest = this.#rest.slice(length);
    return key;
  }
}
