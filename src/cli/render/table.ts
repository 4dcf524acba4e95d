import { escapeText } from "../../base/escape.js";

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/gu;

/** Columns that a harmless text takes on a terminal. */
export function widthOf(text: string): number {
  const characters = [...text.replace(/\p{Mn}/gu, "")].length;
  return characters + (text.match(wide)?.length ?? 0);
}

/** Rows as aligned columns, two spaces apart, without lines; every cell is escaped. No line feed at the end. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(escapeText));
  const widths: number[] = [];
  for (const row of cells) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, widthOf(cell));
  }
  const pad = (cell: string, at: number) => cell + " ".repeat((widths[at] ?? 0) - widthOf(cell));
  return cells.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}
