import { displayPath, escapeText } from "../../base/escape.js";
import type { EntryState } from "../../model/change.js";
import { formatSize } from "../render/size.js";
import { widthOf } from "../render/table.js";
import { wrapLine } from "../render/wrap.js";
import type { Row } from "../screen/frame.js";
import { currentChange, type ReviewerState } from "./state.js";

const help = [
  "Nothing is written before you press a, see the plan and say yes.",
  "",
  "  j k g G arrows    move; PgUp PgDn: a page",
  "  enter, right      open the diff, or open and close a folder",
  "  esc, left         back to the list; tab: to the other pane",
  "  ] [               the next of high risk, in a diff the next hunk; the one before",
  "  space             stage or unstage a file, folder or section; in a diff the hunk",
  "  s                 in a diff: stage or unstage the line",
  "  S                 stage or unstage all that the list shows",
  "  v                 side by side, or one below the other",
  "  / n N             search the list or the diff; next, the one before",
  "  f                 show all, first ones, conflicts, staged, not staged, noted",
  "  c                 a note for the agent: airlock feedback prints it",
  "  i                 all that is known about the path",
  "  a                 apply what is staged: the plan first, then questions",
  "  u                 take back the last apply of this session",
  "  D                 discard the session, after a question",
  "  q, Ctrl-C         keep the session and leave; Ctrl-Z: stop for a moment",
  "",
  "  [x] staged  [~] in part  ! high risk  * staged line",
  "  A added  M modified  D deleted  T another type  P permissions",
];

function describe(state: EntryState | null): string {
  if (state === null) return "nothing";
  const { type, mode, size, sha256, target } = state;
  const bits = mode.toString(8).padStart(4, "0");
  if (type === "symlink") return `link to ${displayPath(target ?? "")}`;
  return type === "file" ? `file ${bits}, ${formatSize(size)}, sha256 ${sha256 ?? "not computed"}` : `${type} ${bits}`;
}

function details(state: ReviewerState): string[] {
  const change = currentChange(state);
  if (change === null) return state.infos.map(({ text }) => text);
  const { path, kind, before, after, risk, conflict, binary } = change;
  const note = state.notes.get(path) ?? "";
  return [
    `${kind} ${displayPath(path)}`,
    `  before: ${describe(before)}`,
    `  after:  ${describe(after)}`,
    ...(binary ? ["  binary"] : []),
    `  risk: ${risk.level}`,
    ...risk.reasons.map((reason) => `  - ${reason}`),
    ...(conflict ? ["  - it changed on the host too since the session began"] : []),
    ...(note === "" ? [] : [`  note for the agent: ${note}`]),
  ];
}

// A word without an end is broken too: nothing of a reason may be out of sight.
function broken(line: string, columns: number): string[] {
  if (widthOf(line) <= columns) return [line];
  const parts: string[] = [];
  let part = "";
  for (const character of line) {
    if (widthOf(part + character) > columns) {
      parts.push(part);
      part = "";
    }
    part += character;
  }
  return [...parts, part];
}

/** The help or all of what is known about a path, wrapped and scrolled. */
export function drawText(
  state: ReviewerState,
  { what, top }: { readonly what: "help" | "details"; readonly top: number },
  columns: number,
  height: number,
): Row[] {
  const lines = (what === "help" ? help : details(state)).flatMap((line) =>
    wrapLine(escapeText(line), columns - 1, "    ").flatMap((each) => broken(each, columns - 1)),
  );
  const from = Math.max(0, Math.min(top, lines.length - height));
  return lines.slice(from, from + height).map((text) => [{ text: ` ${text}` }]);
}
