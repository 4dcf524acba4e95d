import { decodePath } from "../../base/byte-path.js";
import { escapeBody } from "../../base/escape.js";
import { type Hunk, type HunkLine, hunkHeading } from "../../text/line-diff.js";
import type { Palette } from "./colour.js";

/** A hunk for a person, line by line, escaped. */
export function* renderHunk(hunk: Hunk, palette: Palette): Generator<string, void, void> {
  yield `${palette.cyan(hunkHeading(hunk))}\n`;
  for (const line of hunk.lines) yield renderLine(line, palette);
}

function renderLine({ sign, text }: HunkLine, palette: Palette): string {
  const ended = text.endsWith("\n");
  const body = escapeBody(decodePath(Buffer.from(ended ? text.slice(0, -1) : text, "latin1")));
  const paint = sign === "+" ? palette.green : sign === "-" ? palette.red : (each: string) => each;
  return `${paint(sign + body)}\n${ended ? "" : palette.dim("\\ no line feed at the end of the file\n")}`;
}
