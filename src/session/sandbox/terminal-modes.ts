// Keys, mouse, focus and paste as a program wants them told: a prompt wants none of it.
const inputModes = new Set([1, 9, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 2004]);
const otherScreens = new Set([47, 1047, 1049]);
const cursor = 25;

const longestSequence = 64;
const esc = "\u001b";
const privateMode = new RegExp(`${esc}\\[\\?([\\d;]{1,40})([hl])`, "g");

const csi = (text: string): string => `\u001b[${text}`;

/** What a program has told its terminal to be, as far as somebody who borrows the terminal must undo and redo it. */
export class TerminalModes {
  readonly #on = new Set<number>();
  #isCursorHidden = false;
  #hasOtherScreen = false;
  #rest = "";

  /** Takes note of what the program writes (`CSI ? n ; … h` and `l`: DEC private modes). */
  see(chunk: Buffer): void {
    const text = this.#rest + chunk.toString("latin1");
    for (const [, numbers = "", end] of text.matchAll(privateMode)) {
      for (const number of numbers.split(";")) this.#set(Number(number), end === "h");
    }
    // A sequence may be cut in two.
    const last = text.lastIndexOf("\u001b");
    this.#rest = last >= 0 && text.length - last < longestSequence ? text.slice(last) : "";
  }

  #set(mode: number, isOn: boolean): void {
    if (otherScreens.has(mode)) this.#hasOtherScreen = isOn;
    else if (mode === cursor) this.#isCursorHidden = !isOn;
    else if (inputModes.has(mode)) this.#on[isOn ? "add" : "delete"](mode);
  }

  /** What makes the terminal plain: ends whatever sequence was begun, so that nothing swallows what comes; an empty screen, beside the program's own. */
  suspend(): string {
    const off = [...this.#on].map((mode) => csi(`?${mode}l`)).join("");
    const screen = this.#hasOtherScreen ? "" : csi("?1049h");
    return `\u0018\u001b\\${off}${screen}${csi("r")}${csi("0m")}\u001b(B${csi("?25h")}${csi("2J")}${csi("H")}`;
  }

  /** What gives it back; the program has to draw its screen anew. */
  resume(): string {
    const on = [...this.#on].map((mode) => csi(`?${mode}h`)).join("");
    const screen = this.#hasOtherScreen ? `${csi("2J")}${csi("H")}` : csi("?1049l");
    return `${screen}${on}${this.#isCursorHidden ? csi("?25l") : ""}`;
  }
}
