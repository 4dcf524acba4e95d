import { displayPath } from "../../base/escape.js";
import { type Colour, fitRow, type Row, type Span } from "../screen/frame.js";
import { type DiffDoc, type DiffLine, headingText, lineText } from "./diff-doc.js";
import type { DiffRow } from "./diff-rows.js";
import { currentChange, type ReviewerState } from "./state.js";
import { stagedLines } from "./toggles.js";

/** The rows of the diff that are in sight. */
export function drawDiff(state: ReviewerState, columns: number, height: number): Row[] {
  const { doc, diffRows, diffTop, diffAt } = state;
  const change = currentChange(state);
  if (change === null) return [[{ text: " go to a file to see what changed in it", dim: true }]];
  if (doc === null || doc.path !== change.path)
    return [[{ text: ` reading ${displayPath(change.path)} …`, dim: true }]];
  if (diffRows.length === 0) return doc.notes.map((text) => [{ text: ` ${text}`, dim: true }]);
  const staged = stagedLines(state.staged.get(doc.path), doc);
  const place = { state, doc, staged, columns };
  return diffRows
    .slice(diffTop, diffTop + height)
    .map((row, at) => drawRow(row, place, diffTop + at === diffAt && state.focus === "diff"));
}

interface Place {
  readonly state: ReviewerState;
  readonly doc: DiffDoc;
  readonly staged: ReadonlySet<number>;
  readonly columns: number;
}

function drawRow(row: DiffRow, place: Place, isCurrent: boolean): Row {
  const { doc, columns } = place;
  const cursor: Span = { text: isCurrent ? ">" : " ", reverse: isCurrent };
  if (row.kind === "heading") {
    const text = headingText(doc, row.hunk);
    const { path } = doc;
    const name = row.hunk === 0 ? `  ${displayPath(path)}` : "";
    return [cursor, { text, colour: "cyan", reverse: isCurrent }, { text: name, bold: true }];
  }
  if (row.kind === "both") return [cursor, ...unifiedLine(row.line, place)];
  const half = Math.floor((columns - 2) / 2);
  const start = place.state.size.columns - columns;
  return [
    cursor,
    ...sideLine(row.left, place, "old", half),
    { text: "│", dim: true, column: start + 1 + half },
    ...sideLine(row.right, place, "new", half),
  ];
}

const colourOf = ({ sign }: DiffLine): Colour | undefined =>
  sign === "+" ? "green" : sign === "-" ? "red" : undefined;

const pad = (number: number, width: number): string => String(number).padStart(width);

function numberWidth({ lines }: DiffDoc): number {
  const last = lines.at(-1);
  return Math.max(3, String(Math.max(last?.oldNumber ?? 0, last?.newNumber ?? 0)).length);
}

function unifiedLine(at: number, place: Place): Span[] {
  const line = place.doc.lines[at];
  if (line === undefined) return [];
  const width = numberWidth(place.doc);
  const colour = colourOf(line);
  const old = line.sign === "+" ? " ".repeat(width) : pad(line.oldNumber, width);
  const now = line.sign === "-" ? " ".repeat(width) : pad(line.newNumber, width);
  return [
    { text: place.staged.has(at) ? "*" : " ", bold: true, colour: "yellow" },
    { text: `${old} ${now} `, dim: true },
    { text: line.sign, colour, bold: true },
    ...textSpans(line, place),
  ];
}

function sideLine(at: number | null, place: Place, side: "old" | "new", columns: number): Span[] {
  const line = at === null ? undefined : place.doc.lines[at];
  if (at === null || line === undefined) return [];
  const width = numberWidth(place.doc);
  const spans: Span[] = [
    { text: place.staged.has(at) ? "*" : " ", bold: true, colour: "yellow" },
    { text: `${pad(side === "old" ? line.oldNumber : line.newNumber, width)} `, dim: true },
    { text: line.sign, colour: colourOf(line), bold: true },
    ...textSpans(line, place),
  ];
  return [...fitRow(spans, columns - 1)];
}

/** A line's text: in the colours of its language where they are known, else in that of its sign. */
function textSpans(line: DiffLine, { state, doc }: Place): readonly Span[] {
  const plain = lineText(line);
  const colour = colourOf(line);
  const colours = state.colours?.path === doc.path ? state.colours : null;
  const known = line.sign === "-" ? colours?.before?.[line.oldNumber - 1] : colours?.after?.[line.newNumber - 1];
  const isSame = known !== undefined && known.map(({ text }) => text).join("") === plain;
  const spans = isSame ? known.map((span) => ({ ...span, colour: span.colour ?? colour })) : [{ text: plain, colour }];
  return state.shift === 0 ? spans : withoutStart(spans, state.shift);
}

function withoutStart(spans: readonly Span[], characters: number): Span[] {
  let left = characters;
  const kept: Span[] = [];
  for (const span of spans) {
    const all = [...span.text];
    const text = all.slice(left).join("");
    left = Math.max(0, left - all.length);
    if (text !== "") kept.push({ ...span, text });
  }
  return kept;
}
