import { widthOf } from "./table.js";

/**
 * Breaks a line that is harmless already (escaped, not yet painted) at its spaces, so that what follows a break is indented
 * and nothing is cut off. A word wider than the room stays whole: the terminal breaks it.
 */
export function wrapLine(text: string, columns: number, indent: string): string[] {
  const room = Math.max(20, columns);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/(?<=\S)(?= )/)) {
    if (line !== "" && widthOf(line + word) > room) {
      lines.push(line);
      line = indent + word.trimStart();
    } else line += word;
  }
  return [...lines, line];
}
