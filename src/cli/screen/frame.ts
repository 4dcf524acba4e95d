import { escapeText } from "../../base/escape.js";
import { widthOf } from "../render/table.js";

export type Colour = "red" | "green" | "yellow" | "blue" | "magenta" | "cyan" | "grey";

/** How a piece of a row looks; colours are left out where none are wanted, the rest is not. */
export interface Look {
  readonly colour?: Colour | undefined;
  /** Of the 256 that terminals have, where the eight of ours will not do. */
  readonly foreground?: number;
  readonly background?: number;
  readonly bold?: boolean;
  readonly dim?: boolean;
  readonly reverse?: boolean;
  readonly underline?: boolean;
}

/** A piece of a row. Its text may be hostile: it is escaped when it is painted, and nowhere else must it be. */
export interface Span extends Look {
  readonly text: string;
  /** The column, from 1, at which it begins, whatever the terminal made of what stands before it. */
  readonly column?: number;
}

export type Row = readonly Span[];

const colours: Readonly<Record<Colour, number>> = {
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
  grey: 90,
};

function codesOf({ colour, foreground, background, bold, dim, reverse, underline }: Look, coloured: boolean): string {
  const codes = [
    ...(bold === true ? [1] : []),
    ...(dim === true ? [2] : []),
    ...(underline === true ? [4] : []),
    ...(reverse === true ? [7] : []),
    ...(coloured && colour !== undefined ? [colours[colour]] : []),
    ...(coloured && foreground !== undefined ? [`38;5;${foreground}`] : []),
    ...(coloured && background !== undefined ? [`48;5;${background}`] : []),
  ];
  return codes.length === 0 ? "" : `\u001b[${codes.join(";")}m`;
}

const isPlain = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);

/** As much of a harmless text as fits into so many columns; what it takes of them. */
function cut(text: string, columns: number): { readonly text: string; readonly width: number } {
  if (isPlain(text)) return { text: text.slice(0, columns), width: Math.min(text.length, columns) };
  let width = 0;
  let end = 0;
  for (const character of text) {
    const wide = widthOf(character);
    if (width + wide > columns) break;
    width += wide;
    end += character.length;
  }
  return { text: text.slice(0, end), width };
}

const tabWidth = 4;

/** Tabs as spaces, so that a body stays in line; everything else is left to the painting. */
export function expandTabs(text: string): string {
  return text.includes("\t") ? text.replaceAll("\t", " ".repeat(tabWidth)) : text;
}

/** Exactly so many columns of a row: cut, or filled with spaces of the given look. */
export function fitRow(row: Row, columns: number, filling: Look = {}): Row {
  const fitted: Span[] = [];
  let left = columns;
  for (const span of row) {
    const piece = cut(escapeText(span.text), Math.max(0, left));
    if (piece.text !== "") fitted.push({ ...span, text: piece.text });
    left -= piece.width;
  }
  return left > 0 ? [...fitted, { ...filling, text: " ".repeat(left) }] : fitted;
}

/**
 * What a terminal is sent for a row of so many columns. The only place where text becomes what a terminal obeys: every piece
 * is escaped here, so that nothing but our own sequences and harmless characters leave it (threat: terminal escapes).
 */
export function paintRow(row: Row, columns: number, coloured: boolean): string {
  let painted = "";
  let at = 0;
  for (const span of row) {
    if (span.column !== undefined) {
      painted += `\u001b[${span.column}G`;
      at = span.column - 1;
    }
    const piece = cut(escapeText(span.text), Math.max(0, columns - at));
    if (piece.text === "") continue;
    const codes = codesOf(span, coloured);
    painted += codes === "" ? piece.text : `${codes}${piece.text}\u001b[0m`;
    at += piece.width;
  }
  return painted;
}

/** The sequences that turn the rows on a screen into the wanted ones: only rows that differ are written. */
export function changedRows(shown: readonly string[], wanted: readonly string[]): string {
  let text = "";
  for (const [at, row] of wanted.entries()) {
    if (shown[at] !== row) text += `\u001b[${at + 1};1H\u001b[0m\u001b[K${row}`;
  }
  return text;
}
