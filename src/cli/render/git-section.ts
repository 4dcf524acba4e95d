import { displayPath, escapeText } from "../../base/escape.js";
import type { GitBranch, GitCommit, GitFile, GitReport } from "../../git/report.js";
import type { Palette } from "./colour.js";
import { countOf } from "./size.js";
import { widthOf } from "./table.js";

const shownCommits = 10;
const shownNames = 20;

interface Place {
  readonly palette: Palette;
  readonly columns: number;
}

/** At most so many columns of a line, the cut shown by an ellipsis. */
function cutToWidth(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = "";
  for (const character of text) {
    if (widthOf(kept + character) >= columns) break;
    kept += character;
  }
  return `${kept}…`;
}

function short(id: string | null): string {
  return id === null ? "nothing" : /^[0-9a-f]{40,64}$/.test(id) ? id.slice(0, 10) : displayPath(id);
}

// Each line is cut, never wrapped: what a commit says about itself must not look like a line of ours.
function commitLine({ id, author, date, subject }: GitCommit, { palette, columns }: Place): string {
  const who = escapeText(author.replace(/ <[^>]*>$/, ""));
  const when = date === "" ? "?" : date.slice(0, 10);
  const head = `      ${short(id)} ${when} `;
  const name = cutToWidth(who, 20);
  const room = Math.max(10, columns - head.length - widthOf(name) - 2);
  return `      ${palette.yellow(short(id))} ${when} ${cutToWidth(escapeText(subject), room)} ${palette.dim(name)}\n`;
}

/** A line for each commit: id, day, subject, author. */
export function* renderCommits(commits: readonly GitCommit[], place: Place): Generator<string, void, void> {
  for (const commit of commits) yield commitLine(commit, place);
}

function branchHeading({ name, before, after, kind, lost, conflict }: GitBranch, palette: Palette): string {
  const shown = displayPath(name);
  if (kind === "added") return `  branch ${palette.green(shown)} is new, at ${short(after)}\n`;
  if (kind === "deleted") return palette.red(`! branch ${shown} is deleted, was at ${short(before)}`).concat("\n");
  if (kind === "moved") return `  branch ${palette.green(shown)} ${short(before)} → ${short(after)}\n`;
  const how = conflict ? "moved on the host too" : `history ${lost === null ? "may be" : "is"} rewritten`;
  const what = lost === null ? how : `${how}, ${countOf(lost, "commit")} of the host not in it`;
  return `${palette.red(`! branch ${shown} ${short(before)} → ${short(after)}: ${what}`)}\n`;
}

function* renderBranch(branch: GitBranch, place: Place): Generator<string> {
  yield branchHeading(branch, place.palette);
  yield* renderCommits(branch.commits.slice(0, shownCommits), place);
  const more = branch.more + Math.max(0, branch.commits.length - shownCommits);
  if (more > 0) yield `      and ${countOf(more, "more commit")}${branch.complete ? "" : ", at least"}\n`;
  else if (!branch.complete) yield "      more commits may be new: not all of them could be read\n";
}

function* renderRefs({ refs }: GitReport): Generator<string> {
  for (const { name, before, after, kind } of refs.slice(0, shownNames)) {
    yield `  ${displayPath(name)} ${kind}: ${short(before)} → ${short(after)}\n`;
  }
  if (refs.length > shownNames) yield `  and ${countOf(refs.length - shownNames, "more ref")} (--json lists each)\n`;
}

function* renderConfig({ config }: GitReport, { palette, columns }: Place): Generator<string> {
  const first = [...config.filter(({ effect }) => effect !== null), ...config.filter(({ effect }) => effect === null)];
  for (const { path, key, kind, effect, value } of first) {
    const mark = effect === null ? " " : "!";
    const line = `${mark} ${displayPath(path)}: ${displayPath(key)} ${kind}`;
    const shown = value === null ? "" : ` = ${escapeText(value)}`;
    const cut = cutToWidth(line + shown, Math.max(columns, widthOf(line)));
    yield `${effect === null ? cut : palette.red(cut)}\n`;
    if (effect !== null) yield `      ${palette.yellow(effect)}\n`;
  }
}

function* renderFiles(files: readonly GitFile[], palette: Palette): Generator<string> {
  for (const { path, kind, effect } of files.filter((file) => file.effect !== null)) {
    yield `${palette.red(`! ${kind} ${displayPath(path)}`)}\n      ${palette.yellow(effect ?? "")}\n`;
  }
  const plain = files.filter(({ effect }) => effect === null);
  for (const { path, kind } of plain.slice(0, shownNames)) yield `  ${kind} ${displayPath(path)}\n`;
  if (plain.length > shownNames) yield `  and ${plain.length - shownNames} more (--name-only lists each)\n`;
}

function countsOf({ counts }: GitReport): string[] {
  const all = [
    [counts.objects, "object"],
    [counts.packs, "file of packs", "files of packs"],
    [counts.logs, "reflog"],
    [counts.folders, "folder"],
    [
      counts.others,
      "file of submodules, work trees or other programs",
      "files of submodules, work trees or other programs",
    ],
  ] as const;
  return all.filter(([count]) => count > 0).map(([count, one, many]) => countOf(count, one, many));
}

/** The section in a few lines, for a summary: its risks, then the branches that gained commits. What is left out is counted. */
export function summarizeGit({ risks, branches, paths }: GitReport, palette: Palette): string[] {
  const gained = branches.filter(({ commits }) => commits.length > 0);
  const commits = gained.map(
    ({ name, commits: made, more }) => `${countOf(made.length + more, "commit")} on ${displayPath(name)}`,
  );
  const more = (all: readonly string[]) => (all.length > shownNames ? [`and ${all.length - shownNames} more`] : []);
  return [
    `git: ${[...commits.slice(0, 5), ...(commits.length > 5 ? ["…"] : []), countOf(paths, "changed path")].join(", ")}`,
    ...[...risks.slice(0, shownNames), ...more(risks)].map((each) => palette.red(`! ${escapeText(each)}`)),
  ];
}

const topRisk = /^(?:`\.git` is|the repository \(\.git\)|a repository \(\.git\))/;

/**
 * What a session did to git, for a person: its risks first, branches with the commits made inside, then every file that
 * leads anywhere by its name. Objects and logs are counted. Everything that comes from the sandbox is escaped.
 */
export function* renderGit(report: GitReport, place: Place): Generator<string, void, void> {
  const { palette } = place;
  const { head, branches, elsewhere, notes, risks, paths } = report;
  yield `${palette.bold("git")} ${palette.dim(`(${countOf(paths, "changed path")}, never applied as files)`)}\n`;
  for (const risk of risks.filter((each) => topRisk.test(each))) yield `${palette.red(`! ${escapeText(risk)}`)}\n`;
  if (head !== null) yield `  checked out: ${short(head.before)} → ${short(head.after)}\n`;
  for (const branch of branches) yield* renderBranch(branch, place);
  yield* renderRefs(report);
  yield* renderConfig(report, place);
  yield* renderFiles([...report.hooks, ...report.files], palette);
  for (const { path, kind, paths: count } of elsewhere) {
    yield `${palette.red(`! ${kind} ${displayPath(path)}`)}\n      ${palette.yellow(`git data at another place, ${countOf(count, "path")}`)}\n`;
  }
  for (const note of notes.slice(0, shownNames)) {
    yield `  ${palette.yellow(cutToWidth(`note: ${escapeText(note)}`, place.columns - 2))}\n`;
  }
  if (notes.length > shownNames) yield `  and ${countOf(notes.length - shownNames, "more note")} (--json lists each)\n`;
  const counted = countsOf(report);
  if (counted.length > 0) yield `  and ${counted.join(", ")}\n`;
  if (branches.some(({ commits }) => commits.length > 0)) {
    yield `  ${palette.dim("(airlock apply --commits brings the commits over, on a branch of their own)")}\n`;
  }
}
