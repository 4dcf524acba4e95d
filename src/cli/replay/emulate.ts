import xterm from "@xterm/headless";
import { type CastStart, readCastSize } from "../../text/read-cast.js";
import type { Row, Span } from "../screen/frame.js";
import type { Beat } from "./player.js";

type Emulator = InstanceType<typeof xterm.Terminal>;
type Cell = NonNullable<ReturnType<NonNullable<ReturnType<Emulator["buffer"]["active"]["getLine"]>>["getCell"]>>;

/** As much is handed over at once: the emulator works through it before there is more. */
const chunk = 64 * 1024;

// A colour of any kind as one of the 256 that terminals have.
function paletteOf(isRgb: boolean, isPalette: boolean, colour: number): number | undefined {
  if (isPalette) return colour;
  if (!isRgb) return undefined;
  const step = (shift: number): number => Math.round((((colour >> shift) & 0xff) / 255) * 5);
  return 16 + 36 * step(16) + 6 * step(8) + step(0);
}

function spanOf(cell: Cell): Span {
  const foreground = paletteOf(cell.isFgRGB(), cell.isFgPalette(), cell.getFgColor());
  const background = paletteOf(cell.isBgRGB(), cell.isBgPalette(), cell.getBgColor());
  return {
    text: cell.isInvisible() !== 0 ? " " : cell.getChars() || " ",
    ...(foreground === undefined ? {} : { foreground }),
    ...(background === undefined ? {} : { background }),
    bold: cell.isBold() !== 0,
    dim: cell.isDim() !== 0,
    underline: cell.isUnderline() !== 0,
    reverse: cell.isInverse() !== 0,
  };
}

const looks = ["foreground", "background", "bold", "dim", "underline", "reverse"] as const;
const isAlike = (a: Span, b: Span): boolean => looks.every((look) => a[look] === b[look]);

/**
 * A terminal that is none: it obeys what was recorded and has nothing to obey it with. What comes of it are rows of characters and looks;
 * titles, clipboards, questions to the terminal and everything else that a sequence may ask for end here (threat: hostile recordings).
 */
export class EmulatedTerminal {
  readonly #start: CastStart;
  #terminal: Emulator;
  #played = 0;

  constructor(start: CastStart) {
    this.#start = start;
    this.#terminal = this.#fresh();
  }

  /** Shows what is to be seen after so many beats. */
  async goTo(beats: readonly Beat[], count: number): Promise<void> {
    if (count < this.#played) {
      this.#terminal.dispose();
      this.#terminal = this.#fresh();
      this.#played = 0;
    }
    let text = "";
    for (const { code, data } of beats.slice(this.#played, count)) {
      const size = code === "r" ? readCastSize(data) : null;
      if (code === "o") text += data;
      if (text.length < chunk && size === null) continue;
      await this.#write(text);
      text = "";
      if (size !== null) this.#terminal.resize(size.columns, size.rows);
    }
    await this.#write(text);
    this.#played = count;
  }

  get size(): { readonly columns: number; readonly rows: number } {
    return { columns: this.#terminal.cols, rows: this.#terminal.rows };
  }

  /** As many of its rows as there is room for: those around the cursor. */
  rows(height: number): Row[] {
    const { active } = this.#terminal.buffer;
    const from = Math.max(0, Math.min(active.cursorY - height + 1, this.#terminal.rows - height));
    const count = Math.min(height, this.#terminal.rows);
    return Array.from({ length: count }, (_, at) => this.#row(from + at, from + at === active.cursorY));
  }

  #row(at: number, hasCursor: boolean): Row {
    const { active } = this.#terminal.buffer;
    const line = active.getLine(active.baseY + at);
    const spans: Span[] = [];
    for (let column = 0; column < this.#terminal.cols; column += 1) {
      const cell = line?.getCell(column);
      if (cell === undefined || cell.getWidth() === 0) continue;
      const isCursor = hasCursor && column === active.cursorX;
      const found = spanOf(cell);
      const span = isCursor ? { ...found, reverse: found.reverse !== true } : found;
      const last = spans.at(-1);
      // A character may be as wide as no table knows: what follows a wide one begins where it did.
      if (last !== undefined && isAlike(last, span) && cell.getWidth() === 1 && !/[^\x20-\x7e]$/.test(last.text)) {
        spans[spans.length - 1] = { ...last, text: last.text + span.text };
      } else spans.push({ ...span, column: column + 1 });
    }
    return spans;
  }

  async #write(text: string): Promise<void> {
    if (text !== "") await new Promise<void>((resolve) => this.#terminal.write(text, resolve));
  }

  #fresh(): Emulator {
    const { columns, rows } = this.#start;
    return new xterm.Terminal({ cols: columns, rows, scrollback: 0, allowProposedApi: true });
  }
}
