import { createHash } from "node:crypto";
import { largestShown } from "../../changes/settle.js";
import type { Change, EntryState } from "../../model/change.js";
import type { Terminal } from "../../model/terminal.js";
import { applyHunks } from "../../text/hunks.js";
import { diffContents, type Hunk } from "../../text/line-diff.js";
import type { Palette } from "../render/colour.js";
import type { ContentSource } from "../render/content-source.js";
import { renderBody, renderHeading } from "../render/diff-text.js";
import { editHunk } from "./edit-hunk.js";
import { type Answers, askForParts, type Part, type Talk } from "./hunk-dialogue.js";
import { choose } from "./prompt.js";

interface HunkChoice {
  readonly changes: readonly Change[];
  readonly source: ContentSource;
  readonly palette: Palette;
  /** `$VISUAL`, else `$EDITOR`. */
  readonly editor: string | undefined;
  readonly signal: AbortSignal;
}

/** What a person chose; a change that was chosen in part stands for that part. */
interface ChosenHunks {
  readonly chosen: readonly Change[];
  /** Contents of files of which only some hunks were chosen. */
  readonly overrides: ReadonlyMap<string, Uint8Array>;
  /** What was shown and not chosen: nothing else may take it in. */
  readonly refused: ReadonlySet<string>;
}

interface Talking extends Omit<HunkChoice, "changes" | "editor"> {
  readonly talk: Talk;
  readonly rows: number;
}

/** Has a person choose among the hunks of text files, and among everything else as a whole, as `git add -p` does. */
export async function chooseHunks(terminal: Terminal, { changes, editor, ...rest }: HunkChoice): Promise<ChosenHunks> {
  const { signal } = rest;
  const talk: Talk = {
    say: (text) => void terminal.stderr.write(text),
    ask: (question, keys) => choose(terminal, question, keys, signal),
    edit: (text) => editHunk(text, editor, signal),
  };
  return await chooseWith(changes, { ...rest, talk, rows: terminal.stderr.rows ?? 24 });
}

/** The dialogue itself, with whoever answers. */
export async function chooseWith(changes: readonly Change[], talking: Talking): Promise<ChosenHunks> {
  const { palette, talk, signal } = talking;
  const { asked, folders } = whatToAsk(changes);
  const chosen: Change[] = [];
  const overrides = new Map<string, Uint8Array>();
  const replaced = new Set<string>();
  for (const [at, change] of asked.entries()) {
    signal.throwIfAborted();
    // A folder that becomes something else takes what it holds along.
    if (change.after === null && ancestorsOf(change.path).some((folder) => replaced.has(folder))) continue;
    talk.say(`\n${palette.dim(`(${at + 1} of ${asked.length})`)} ${renderHeading(change, palette)}`);
    const { part, bytes, quit } = await chooseInFile(change, talking);
    if (part !== null) chosen.push(part);
    if (part !== null && bytes !== null) overrides.set(change.path, bytes);
    if (part?.kind === "type" && part.before?.type === "dir") replaced.add(change.path);
    if (quit) break;
  }
  const wanted = new Set(chosen.map(({ path }) => path));
  const left = asked.filter(
    ({ path }) => !wanted.has(path) && !ancestorsOf(path).some((folder) => replaced.has(folder)),
  );
  const refused = new Set(left.map(({ path }) => path));
  return { chosen: [...chosen, ...emptiedFolders(folders, left)], overrides, refused };
}

function ancestorsOf(path: string): string[] {
  const names = path.split("/");
  return names.slice(1).map((_, at) => names.slice(0, at + 1).join("/"));
}

const isFolder = (state: EntryState | null): boolean => state?.type === "dir";

/** Folders follow what they hold: a new one comes with it, one that goes goes when all of it does. */
function whatToAsk(changes: readonly Change[]): { asked: readonly Change[]; folders: readonly Change[] } {
  const gaining = new Set(changes.filter(({ after }) => after !== null).flatMap(({ path }) => ancestorsOf(path)));
  const losing = new Set(changes.filter(({ after }) => after === null).flatMap(({ path }) => ancestorsOf(path)));
  const comes = ({ path, kind, after }: Change): boolean => kind === "added" && isFolder(after) && gaining.has(path);
  const goes = ({ path, kind, before }: Change): boolean => kind === "deleted" && isFolder(before) && losing.has(path);
  return { asked: changes.filter((each) => !comes(each) && !goes(each)), folders: changes.filter(goes) };
}

function emptiedFolders(folders: readonly Change[], left: readonly Change[]): Change[] {
  const holding = new Set(left.filter(({ after }) => after === null).flatMap(({ path }) => ancestorsOf(path)));
  return folders.filter(({ path }) => !holding.has(path));
}

/** What was chosen of one change; `bytes` where that is another content than the session's. */
interface ChosenPart {
  readonly part: Change | null;
  readonly bytes: Uint8Array | null;
  readonly quit: boolean;
}

async function chooseInFile(change: Change, talking: Talking): Promise<ChosenPart> {
  const { talk, palette, rows } = talking;
  const texts = await readTexts(change, talking.source);
  if (typeof texts === "string") {
    talk.say(`${palette.yellow(`  ${texts}`)}\n`);
    return { part: null, bytes: null, quit: false };
  }
  const hunks = texts === null ? [] : diffContents(texts.before, texts.after);
  if (texts === null || hunks.length === 0) {
    const { accepted, quit } = await askForParts([await wholeOf(change, talking)], {
      talk,
      palette,
      rows,
      before: empty,
    });
    return { part: accepted.length > 0 ? change : null, bytes: null, quit };
  }
  const parts: Part[] = hunks.map((hunk) => ({ hunk }));
  if (hasNewMode(change)) parts.unshift({ question: "Apply the new mode", shown: "" });
  const answers = await askForParts(parts, { talk, palette, rows, before: texts.before });
  return { ...assemble(change, texts, answers), quit: answers.quit };
}

const empty = new Uint8Array();

function hasNewMode({ before, after }: Change): boolean {
  return before?.type === "file" && after?.type === "file" && before.mode !== after.mode;
}

interface Texts {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/** Both texts of a file that can be divided; null for what cannot, and a sentence for what is not what was looked at. */
export async function readTexts(change: Change, source: ContentSource): Promise<Texts | string | null> {
  const { path, kind, before, after, binary } = change;
  if (after?.type !== "file" || (kind !== "modified" && kind !== "added") || binary) return null;
  if (Math.max(after.size, before?.size ?? 0) > largestShown) return null;
  const old = before === null ? empty : await source.readBefore(path, largestShown);
  const now = await source.readAfter(path, largestShown);
  if (old === null || now === null || old.includes(0) || now.includes(0)) return null;
  // What is shown must be what was looked at and judged.
  const isAsSeen = (state: EntryState | null, content: Uint8Array): boolean =>
    state?.sha256 === undefined || state.sha256 === createHash("sha256").update(content).digest("hex");
  if (!isAsSeen(before, old)) return "it changed on the host just now: look again";
  return isAsSeen(after, now) ? { before: old, after: now } : "it changed in the session just now: look again";
}

async function wholeOf(change: Change, { source, palette }: Talking): Promise<Part> {
  const { kind, type } = change;
  const noun = { file: "file", dir: "folder", symlink: "link", special: "special file" }[type];
  const question = { added: `Apply this new ${noun}`, modified: `Apply this ${noun}`, deleted: "Apply deletion" };
  const shown: string[] = [];
  if (kind !== "deleted" && kind !== "mode")
    for await (const text of renderBody(change, { source, palette })) shown.push(text);
  if (kind === "mode") return { question: "Apply the new mode", shown: "" };
  if (kind === "type") return { question: "Apply this change of type", shown: shown.join("") };
  return { question: question[kind], shown: shown.join("") };
}

function assemble(change: Change, { before, after }: Texts, { accepted }: Answers): Omit<ChosenPart, "quit"> {
  const hunks = accepted.flatMap((part): Hunk[] => ("hunk" in part ? [part.hunk] : []));
  const bytes = applyHunks(before, hunks);
  const modeToo = !hasNewMode(change) || accepted.length > hunks.length;
  if (hunks.length === 0 || (change.before !== null && Buffer.compare(bytes, before) === 0)) {
    return { part: modeToo && hasNewMode(change) ? modeOnly(change) : null, bytes: null };
  }
  const mode = modeToo ? change.after?.mode : change.before?.mode;
  const part = change.after === null || mode === undefined ? change : { ...change, after: { ...change.after, mode } };
  return { part, bytes: Buffer.compare(bytes, after) === 0 ? null : bytes };
}

function modeOnly(change: Change): Change {
  const { before, after } = change;
  return before === null || after === null
    ? change
    : { ...change, kind: "mode", after: { ...before, mode: after.mode } };
}
